//! Commands in shell form and in exec form.

use crate::diagnostic::Diagnostic;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node};
use serde_json::{Value, json};

/// What to execute, as in a Dockerfile's `RUN`, `CMD` and `ENTRYPOINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A string: given to `/bin/sh -c`.
    Shell(String),
    /// A list: program and arguments, nothing is interpreted.
    Exec(Vec<String>),
}

impl Command {
    /// Program and arguments.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
            Self::Exec(argv) => argv.clone(),
        }
    }

    /// The command as a person would write it, for check names.
    pub fn summary(&self) -> String {
        match self {
            Self::Shell(line) => line.lines().next().unwrap_or("").to_owned(),
            Self::Exec(argv) => argv.join(" "),
        }
    }
}

impl Decode for Command {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let command = match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Self::Shell(text.clone()),
            Kind::Sequence(_) => Self::Exec(Vec::decode(node, context)?),
            _ => return context.mismatch(node, "a shell line or a list of arguments"),
        };
        let empty = match &command {
            Self::Shell(line) => line.trim().is_empty(),
            Self::Exec(argv) => argv.first().is_none_or(String::is_empty),
        };
        if empty {
            context.report(Diagnostic::new(&node.place, "there is no command here"));
            return None;
        }
        Some(command)
    }
}

impl Describe for Command {
    fn schema(definitions: &mut Definitions) -> Value {
        let list = json!({"type": "array", "items": String::schema(definitions), "minItems": 1});
        json!({
            "anyOf": [String::schema(definitions), list],
            "examples": ["samtools --version | head -n 1", ["samtools", "--version"]],
        })
    }
}
