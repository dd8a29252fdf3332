//! The tag that images are published under.

use super::exit::Exit;
use super::session::Trouble;
use crate::project::Project;
use crate::registry::Version;
use crate::tag::{GitFacts, TagTemplate};

/// The tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) version: Version,
}

/// What the command line says, or else the project, filled with what git knows.
pub(super) fn tag(project: &Project, said: Option<&str>) -> Result<Tag, Trouble> {
    let usage = |message: String| Trouble::new(Exit::Usage, message);
    let parsed = said.map(TagTemplate::parse).transpose();
    let parsed = parsed.map_err(|error| usage(format!("--tag: {error}")))?;
    let Some(template) = parsed.as_ref().or(project.tag.as_ref()) else {
        let message =
            "there is no tag to publish under: give `--tag TAG`, or `tag` in the project file";
        return Err(usage(message.to_owned()));
    };
    let tag = if template.is_plain() {
        // Nobody needs git, or a commit, for a tag that has nothing of them.
        template.to_string()
    } else {
        let facts = GitFacts::read(&project.root)
            .map_err(|error| usage(format!("`{template}`: {error}")))?;
        let facts = facts.with_release(project.release.as_deref());
        template
            .fill(&facts)
            .map_err(|error| usage(error.to_string()))?
    };
    let version = Version::tag(&tag).map_err(|error| usage(error.to_string()))?;
    Ok(Tag { version })
}
