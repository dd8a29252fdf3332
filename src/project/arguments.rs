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
        let found = defaults.iter().rev().find(|(known, _)| known == name);
        match found {
            Some((_, Some(value))) if !value.contains('$') => Ok(value.clone()),
            Some((_, Some(_))) => Err(ArgumentError {
                message: format!("the argument `{name}` depends on other variables"),
                help: Some(format!(
                    "give it a value of its own in the project file, or in {}",
                    shown.display()
                )),
            }),
            Some((_, None)) => Err(ArgumentError {
                message: format!("the argument `{name}` has no value"),
                help: Some("give it one under `args` in the project file".to_owned()),
            }),
            None => {
                let known = image.args.iter().map(|(name, _)| name.as_str());
                let known = known.chain(defaults.iter().map(|(name, _)| name.as_str()));
                Err(ArgumentError {
                    message: format!("the image has no build argument `{name}`"),
                    help: suggestion(name, known),
                })
            }
        }
    }
}

type Default = (String, Option<String>);

/// The `ARG` instructions of a Dockerfile, in order.
fn defaults(dockerfile: &Path) -> std::io::Result<Vec<Default>> {
    Ok(parse(&std::fs::read_to_string(dockerfile)?))
}

fn parse(text: &str) -> Vec<Default> {
    let mut found = Vec::new();
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
            lines.by_ref().find(|line| line.trim() == delimiter);
        }
        let mut words = shlex::Shlex::new(&instruction);
        if !words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("arg"))
        {
            continue;
        }
        found.extend(words.map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        }));
    }
    found
}

/// The ends of the here-documents that an instruction begins (`RUN <<EOF`).
fn heredocs(instruction: &str) -> Vec<String> {
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
            RUN <<EOF\nARG INSIDE=1\nEOF\nRUN echo ARG X=1\nARG A=2 # comment\n";
        let expected = [
            ("BASE", Some("debian:12")),
            ("A", Some("1")),
            ("B", Some("two words")),
            ("C", Some("3")),
            ("EMPTY", Some("")),
            ("NONE", None),
            ("A", Some("2")),
        ];
        let found = parse(text);
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        assert_eq!(found, expected);
    }
}
