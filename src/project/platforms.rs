//! The platform that an image is built for.

use super::load::Image;
use crate::diagnostic::Diagnostic;
use crate::platform::Platform;

impl Image {
    /// The platform to build this image for: `wanted` if that is said, otherwise one of those that it
    /// is made for, this host's if it can be; `None` leaves it to whoever builds.
    ///
    /// # Errors
    /// When the image is not made for what is wanted.
    pub fn platform_to_build(
        &self,
        wanted: Option<&Platform>,
    ) -> Result<Option<String>, Diagnostic> {
        let is_made_for =
            |platform: &Platform| self.platforms.iter().any(|it| it.is_same(platform));
        if let Some(wanted) = wanted {
            if !self.platforms.is_empty() && !is_made_for(wanted) {
                let known: Vec<&str> = self.platforms.iter().map(|it| it.0.as_str()).collect();
                let message = format!("`{}` is not made for {wanted}", self.name.value);
                let help = format!("its platforms are {}", known.join(", "));
                return Err(Diagnostic::new(&self.name.place, message).help(help));
            }
            return Ok(Some(wanted.0.clone()));
        }
        let host = Platform::host();
        let first = self.platforms.first().map(|it| it.0.clone());
        Ok(if is_made_for(&host) {
            Some(host.0)
        } else {
            first
        })
    }
}
