//! The catalogue as a project file.

use std::fmt::{self, Write as _};

use super::catalogue::{Catalogue, Entry};
use crate::report::text::one_line;

/// The text of the project file.
impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = one_line(&self.from);
        writeln!(
            f,
            "# Written by `seatrial import dockerfiles {from}`: a beginning, to be looked through."
        )?;
        if self.notes() > 0 {
            writeln!(
                f,
                "# What was guessed or could not be told stands in comments."
            )?;
        }
        writeln!(f, "images:")?;
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            f.write_str(&text(entry))?;
        }
        if !self.left_out.is_empty() {
            writeln!(
                f,
                "\n# Left out, because they can't be read as Dockerfiles:"
            )?;
        }
        for left_out in &self.left_out {
            writeln!(f, "#   {}", one_line(left_out))?;
        }
        Ok(())
    }
}

fn text(entry: &Entry) -> String {
    let mut out = format!("  {}:\n", scalar(&entry.name));
    for note in &entry.notes {
        let _ = writeln!(out, "    # {}", one_line(note));
    }
    let _ = writeln!(out, "    dockerfile: {}", scalar(&entry.dockerfile));
    if let Some(context) = &entry.context {
        let _ = writeln!(out, "    context: {}", scalar(context));
    }
    if !entry.args.is_empty() {
        out.push_str("    args:\n");
    }
    for (argument, image, why) in &entry.args {
        let (argument, why) = (scalar(argument), one_line(why));
        let _ = writeln!(
            out,
            "      {argument}: \"${{{{ image.{image} }}}}\" # {why}"
        );
    }
    if !entry.files.is_empty() {
        out.push_str("    files:\n");
    }
    for glob in &entry.files {
        let _ = writeln!(out, "      - {}", scalar(glob));
    }
    out
}

/// A text as YAML, in quotes unless nothing in it could mean anything else.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_glob = |c: char| is_plain(c) || c == '*';
    if text == "." || starts_plain && !is_word && text.chars().all(is_glob) {
        return text.to_owned();
    }
    // What JSON escapes, YAML does in the same way.
    serde_json::Value::from(text).to_string()
}
