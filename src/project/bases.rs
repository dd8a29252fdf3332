//! Parents that only Dockerfiles tell: images of the project that they name by reference.

use super::check::full_reference;
use super::load::{Image, Project};
use super::template::Piece;
use crate::dockerfile::Dockerfile;

impl Project {
    /// Adds the images that a Dockerfile names in `FROM`, `COPY --from` or a mount, by the reference
    /// that they are tagged with. What can't be told is no parent; nor is what would close a circle,
    /// because the reference then means something that was there before.
    pub(super) fn add_named_parents(&mut self) {
        for at in 0..self.images.len() {
            for parent in self.named_parents(&self.images[at]) {
                let known = self.images[at].parents.contains(&parent);
                if !known && parent != at && !self.descendants(at).contains(&parent) {
                    self.images[at].parents.push(parent);
                }
            }
        }
    }

    fn named_parents(&self, image: &Image) -> Vec<usize> {
        // A file that can't be read is told when it is built.
        let Ok(file) = Dockerfile::open(&image.dockerfile, &image.dockerfile) else {
            return Vec::new();
        };
        let args = |name: &str| {
            let (_, template) = image.args.iter().find(|(known, _)| known == name)?;
            let mut value = String::new();
            for piece in &template.0 {
                match piece {
                    Piece::Text(text) => value.push_str(text),
                    Piece::Image(name) => value.push_str(&self.image(name)?.reference),
                    // Nothing is called so.
                    Piece::Env(_) => value.push('\0'),
                }
            }
            Some(value)
        };
        let needed = file.needed_stages(image.target.as_deref(), &args);
        let stages = file.stages();
        let mut named: Vec<String> = Vec::new();
        for at in needed.unwrap_or_default() {
            let stage = &stages[at];
            let base = file.base(stage, &args).ok();
            named.extend(base.filter(|base| !file.is_stage(base, at)));
            for (from, _) in stage.instructions.iter().flat_map(|one| one.takes_from()) {
                if file.stage_named(from, at).is_none() {
                    named.push(from.to_owned());
                }
            }
        }
        let named: Vec<String> = named.iter().map(|name| full_reference(name)).collect();
        let images = self.images.iter().enumerate();
        let images = images.filter(|(_, other)| named.contains(&full_reference(&other.reference)));
        images.map(|(at, _)| at).collect()
    }
}
