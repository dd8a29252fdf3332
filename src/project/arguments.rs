//! The build arguments of an image, as a build of it would have them.

use super::load::{Image, Project};
use crate::diagnostic::suggestion;
use crate::dockerfile::{Dockerfile, Kind, expand, variables};

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
        let file = Dockerfile::open(&image.dockerfile, shown).map_err(|mistake| ArgumentError {
            message: format!("{}: {}", mistake.place(), mistake.message()),
            help: None,
        })?;
        let defaults = defaults(&file);
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
            Some(Some(Value::Known(value))) => Ok(value.clone()),
            Some(Some(Value::Open)) => Err(ArgumentError {
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
    value: Option<Value>,
    /// Whether it stands before the first stage.
    is_global: bool,
}

/// A default of an `ARG`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Known(String),
    /// It depends on other variables.
    Open,
}

/// The `ARG` instructions of a Dockerfile, in order.
fn defaults(dockerfile: &Dockerfile) -> Vec<Default> {
    let mut found = Vec::new();
    let mut is_global = true;
    for instruction in &dockerfile.instructions {
        match &instruction.kind {
            Kind::From(_) => is_global = false,
            Kind::Arg(arguments) => found.extend(arguments.iter().map(|argument| {
                Default {
                    name: argument.name.value.clone(),
                    value: argument
                        .default
                        .as_ref()
                        .map(|written| value(written, dockerfile.escape)),
                    is_global,
                }
            })),
            _ => {}
        }
    }
    found
}

fn value(written: &str, escape: char) -> Value {
    match expand(written, escape, &|_| None) {
        Ok(value) if variables(written, escape).is_empty() => Value::Known(value),
        _ => Value::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_a_dockerfile() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE=debian:12\nFROM ${BASE}\n\
            arg A=1 B=\"two words\" \\\n  # between\n  C='$3'\nARG EMPTY=\nARG NONE\n# ARG NO=1\n\
            RUN <<EOF\nARG INSIDE=1\nEOF\nRUN echo ARG X=1\nRUN echo $((1 << N))\n\
            ARG A=2 D=${A}\n";
        let known = |text: &str| Some(Value::Known(text.to_owned()));
        let expected = [
            ("BASE", known("debian:12"), true),
            ("A", known("1"), false),
            ("B", known("two words"), false),
            ("C", known("$3"), false),
            ("EMPTY", known(""), false),
            ("NONE", None, false),
            ("A", known("2"), false),
            ("D", Some(Value::Open), false),
        ];
        let found = defaults(&Dockerfile::parse("Dockerfile", text).unwrap());
        let found: Vec<_> = found
            .into_iter()
            .map(|found| (found.name, found.value, found.is_global))
            .collect();
        let expected = expected.map(|(name, value, global)| (name.to_owned(), value, global));
        assert_eq!(found, expected);
    }
}
