//! Parser directives: `# escape=` and `# syntax=` before anything else.

use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};

/// A directive, such as `# syntax=docker/dockerfile:1`.
#[derive(Debug, Clone)]
pub struct Directive {
    /// What it is about, in lower case.
    pub name: String,
    /// What it says.
    pub value: Located<String>,
}

/// Those that there are. A comment that looks like another one is a comment.
const KNOWN: [&str; 3] = ["syntax", "escape", "check"];

/// Reads a line that stands before anything else in the file; `place` is that of a part of it.
pub(super) fn directive(line: &str, place: &dyn Fn(&str) -> Place) -> Option<Directive> {
    let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if value.is_empty() || !KNOWN.contains(&name.as_str()) {
        return None;
    }
    let value = Located::new(value.to_owned(), place(value));
    Some(Directive { name, value })
}

/// The character that `# escape=` names.
pub(super) fn escape(directive: &Directive) -> Result<char, Diagnostic> {
    match directive.value.as_str() {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        other => {
            let message = format!("`{other}` can't be the escape character");
            Err(Diagnostic::new(&directive.value.place, message).help("it is `\\` or a backtick"))
        }
    }
}

/// A second directive of the same name.
pub(super) fn duplicate(directive: &Directive, first: &Directive) -> Diagnostic {
    let message = format!("a second directive `{}`", directive.name);
    Diagnostic::new(&directive.value.place, message).related(&first.value.place, "the first one")
}
