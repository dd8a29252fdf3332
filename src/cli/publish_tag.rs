//! The tag that images are published under.

use super::exit::Exit;
use super::session::Trouble;
use crate::project::{Project, folder_in_repository};
use crate::registry::Version;
use crate::tag::{GitFacts, TagTemplate};

/// The tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) version: Version,
}

/// What the command line says, or else the project, filled with what git knows.
pub(super) fn tag(project: &Project, said: Option<&str>) -> Result<Tag, Trouble> {
    let usage = |message: &dyn std::fmt::Display| Trouble::new(Exit::Usage, message);
    let said = said.map(TagTemplate::parse).transpose();
    let said = said.map_err(|error| usage(&error))?;
    let Some(template) = said.as_ref().or(project.tag.as_ref()) else {
        let message =
            "there is no tag to publish under: give `--tag TAG`, or `tag` in the project file";
        return Err(usage(&message));
    };
    let text = if template.is_plain() {
        template.to_string()
    } else {
        let facts = facts(project).map_err(|error| usage(&error))?;
        template.fill(&facts).map_err(|error| usage(&error))?
    };
    let version = Version::tag(&text).map_err(|error| usage(&error))?;
    Ok(Tag { version })
}

/// What git knows of the sources. Lists that a publication before has changed are none of them.
fn facts(project: &Project) -> Result<GitFacts, crate::tag::GitError> {
    let mut facts = GitFacts::read(&project.root)?.with_release(project.release.as_deref());
    let folder = folder_in_repository(&project.root);
    let lists = project.registries.iter();
    let lists: Vec<String> = lists
        .filter_map(|registry| registry.list.as_ref())
        .map(|list| {
            let shown = list.shown.trim_start_matches("./");
            folder.join(shown).to_string_lossy().into_owned()
        })
        .collect();
    facts.uncommitted.retain(|path| !lists.contains(path));
    Ok(facts)
}
