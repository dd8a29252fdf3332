//! Platforms: `os/architecture`, with a variant after a further slash.

use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::Context;

/// Records what is not the form of a platform (OCI image index, "platform").
pub(super) fn validate(platform: &Located<String>, context: &mut Context) {
    let parts: Vec<&str> = platform.split('/').collect();
    let word = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(word) {
        context.report(
            Diagnostic::new(
                &platform.place,
                format!("`{}` is not a platform", platform.value),
            )
            .help("write `os/architecture`, such as `linux/amd64` or `linux/arm64`"),
        );
    }
}
