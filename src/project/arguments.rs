//! The build arguments of an image, as a build of it would have them.

use std::path::Path;

use super::load::{Image, Project};
use crate::diagnostic::suggestion;

/// Why the value of a build argument is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// What is wrong, in one line.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

impl Project {
    /// The value of the build argument `name`: what the project file says, otherwise the default
    /// in the Dockerfile.
    ///
    /// # Errors
    /// When neither says it, or it depends on something that is not known.
    pub fn argument(
        &self,
        image: &Image,
        name: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, ArgumentError> {
        if let Some((_, template)) = image.args.iter().find(|(known, _)| known == name) {
            let reference = |name: &str| {
                let found = self.image(name).map(|image| image.reference.clone());
                found.unwrap_or_default()
            };
            return template
                .fill(&reference, env)
                .map_err(|mistake| ArgumentError {
                    message: format!("the argument `{name}` is not known: {}", mistake.message()),
                    help: Some(format!("its value is written at {}", mistake.place())),
                });
        }
        let shown = image
            .dockerfile
            .strip_prefix(&self.root)
            .unwrap_or(&image.dockerfile);
        let defaults = defaults(&image.dockerfile).map_err(|error| ArgumentError {
            message: format!("can't read {}: {error}", shown.display()),
            help: None,
        })?;
        // The last one counts, as in the last stage of a build.
        let last = defaults.iter().rev().find(|known| known.name == name);
        // One that a stage only names has the value from before the first stage.
        let global = || {
            let mut global = defaults.iter().rev().filter(|known| known.is_global);
            global.find(|known| known.name == name)
        };
        let found = last.map(|last| {
            let inherited = || global().and_then(|global| global.value.as_ref());
            last.value.as_ref().or_else(inherited)
        });
        match found {
            Some(Some(value)) if !value.contains('$') => Ok(value.clone()),
            Some(Some(_)) => Err(ArgumentError {
                message: format!("the argument `{name}` depends on other variables"),
                help: Some(format!(
                    "give it a value of its own in the project file, or in {}",
                    shown.display()
                )),
            }),
            Some(None) => Err(ArgumentError {
                message: format!("the argument `{name}` has no value"),
                help: Some("give it one under `args` in the project file".to_owned()),
            }),
            None => {
                let known = image.args.iter().map(|(name, _)| name.as_str());
                let known = known.chain(defaults.iter().map(|known| known.name.as_str()));
                Err(ArgumentError {
                    message: format!("the image has no build argument `{name}`"),
                    help: suggestion(name, known),
                })
            }
        }
    }
}

/// What an `ARG` says.
#[derive(Debug, PartialEq, Eq)]
struct Default {
    name: String,
    value: Option<String>,
    /// Whether it stands before the first stage.
    is_global: bool,
}

/// The `ARG` instructions of a Dockerfile, in order.
fn defaults(dockerfile: &Path) -> std::io::Result<Vec<Default>> {
    Ok(parse(&std::fs::read_to_string(dockerfile)?))
}

fn parse(text: &str) -> Vec<Default> {
    let mut found = Vec::new();
    let mut is_global = true;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut instruction = line.trim().to_owned();
        if instruction.starts_with('#') {
            continue;
        }
        while let Some(start) = instruction.strip_suffix('\\') {
            let start = start.to_owned();
            // Comments may stand between the lines of an instruction.
            let next = lines.by_ref().find(|line| !line.trim().starts_with('#'));
            let Some(next) = next else { break };
            instruction = format!("{start} {}", next.trim());
        }
        // What stands in a here-document is no instruction.
        for delimiter in heredocs(&instruction) {
            let mut after = lines.clone();
            // What never ends was none.
            if after.any(|line| line.trim() == delimiter) {
                lines = after;
            }
        }
        let mut words = shlex::Shlex::new(&instruction);
        let keyword = words.next().unwrap_or_default().to_ascii_lowercase();
        if keyword == "from" {
            is_global = false;
        }
        if keyword != "arg" {
            continue;
        }
        found.extend(words.map(|word| {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            Default {
                name: name.to_owned(),
                value,
                is_global,
            }
        }));
    }
    found
}

/// The ends of the here-documents that an instruction begins (`RUN <<EOF`).
fn heredocs(instruction: &str) -> Vec<String> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default();
    if !["run", "copy", "add"].contains(&keyword.to_ascii_lowercase().as_str()) {
        return Vec::new();
    }
    let word = |text: &str| {
        let text = text.trim_start_matches('-').trim_start_matches(['"', '\'']);
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let parts = instruction.split("<<").skip(1).map(word);
    parts.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn arguments_of_a_dockerfile() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE=debian:12\nFROM ${BASE}\n\
            arg A=1 B=\"two words\" \\\n  # between\n  C=3\nARG EMPTY=\nARG NONE\n# ARG NO=1\n\
            RUN <<EOF\nARG INSIDE=1\nEOF\nRUN echo ARG X=1\nRUN echo $((1 << N))\n\
            ARG A=2 # comment\n";
        let expected = [
            ("BASE", Some("debian:12"), true),
            ("A", Some("1"), false),
            ("B", Some("two words"), false),
            ("C", Some("3"), false),
            ("EMPTY", Some(""), false),
            ("NONE", None, false),
            ("A", Some("2"), false),
        ];
        let found = parse(text);
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.name.as_str(), found.value.as_deref(), found.is_global))
            .collect();
        assert_eq!(found, expected);
    }
}
