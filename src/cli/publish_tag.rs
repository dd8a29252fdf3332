//! The tag that images are published under.

use super::exit::Exit;
use super::session::Trouble;
use crate::project::Project;
use crate::registry::Version;

/// The tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) version: Version,
}

/// What the command line says, or else the project.
pub(super) fn tag(_project: &Project, said: Option<&str>) -> Result<Tag, Trouble> {
    let usage = |message: String| Trouble::new(Exit::Usage, message);
    let Some(text) = said else {
        let message =
            "there is no tag to publish under: give `--tag TAG`, or `tag` in the project file";
        return Err(usage(message.to_owned()));
    };
    let version = Version::tag(text).map_err(|error| usage(error.to_string()))?;
    Ok(Tag { version })
}
