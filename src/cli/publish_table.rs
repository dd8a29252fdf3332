//! What is to be published, or was, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::publish::Decision;
use crate::publish::lists::ListEdit;
use crate::report::text::one_line;

const GOOD: Style = AnsiColor::Green.on_default();
const POOR: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// An image.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) image: String,
    pub(super) id: Option<String>,
    /// The digest of its manifest, if it is known.
    pub(super) digest: Option<String>,
    pub(super) decision: Decision,
    /// Where it goes: one for each registry.
    pub(super) references: Vec<String>,
}

/// A line for each image with where it goes; reasons below those that are refused.
pub(super) fn planned(rows: &[Row], changes: &[String], dry_run: bool) -> String {
    let mut text = table(rows);
    for change in changes {
        let _ = writeln!(text, "{}", one_line(change));
    }
    let refused = rows.iter().any(|row| !row.decision.is_accepted());
    if dry_run && !refused {
        text.push_str("nothing is pushed: this is a dry run\n");
    }
    text
}

/// What was published.
pub(super) fn published(rows: &[Row], changes: &[String]) -> String {
    let mut text = table(rows);
    for change in changes {
        let _ = writeln!(text, "{}", one_line(change));
    }
    let images = match rows.len() {
        1 => "1 image is".to_owned(),
        several => format!("{several} images are"),
    };
    let _ = writeln!(text, "{images} published");
    text
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.image.chars().count()).max();
    let width = width.unwrap_or(0);
    for row in rows {
        let Row {
            image, decision, ..
        } = row;
        let (style, word) = if !decision.is_accepted() {
            (BAD, "REFUSED")
        } else if decision.warned.is_empty() {
            (GOOD, "PASSED ")
        } else {
            (POOR, "WARNED ")
        };
        let (kind, digest) = match (&row.digest, &row.id) {
            (Some(digest), _) => ("digest ", digest.as_str()),
            (None, Some(id)) => ("id ", id.as_str()),
            (None, None) => ("", ""),
        };
        let line = format!(
            "{style}{word}{style:#}  {image:<width$}  {kind}{}",
            one_line(digest)
        );
        let _ = writeln!(text, "{}", line.trim_end());
        for refusal in &decision.refusals {
            let _ = writeln!(text, "         {}", one_line(refusal.to_string()));
        }
        for (name, why) in &decision.warned {
            let _ = writeln!(text, "         {}: {}", one_line(name), one_line(why));
        }
        if decision.is_accepted() {
            for reference in &row.references {
                let _ = writeln!(text, "         → {}", one_line(reference));
            }
        }
    }
    text
}

/// What changes in lists, a line for each key.
pub(super) fn changes(edits: &[ListEdit]) -> Vec<String> {
    let lines = edits.iter().flat_map(|edit| {
        edit.changes.iter().map(|change| {
            let old = change.old.as_deref().unwrap_or("nothing");
            format!(
                "{}: {} is {} (was {old})",
                edit.shown, change.key, change.new
            )
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Refusal;

    #[test]
    fn refused_images_say_why_and_go_nowhere() {
        let row = |image: &str, decision: Decision| Row {
            image: image.to_owned(),
            id: Some("sha256:0123".to_owned()),
            digest: None,
            decision,
            references: vec![format!("gcr.io/x/{image}:1"), format!("acr.io/x/{image}:1")],
        };
        let warned = Decision {
            passed: vec!["b::one".to_owned()],
            warned: vec![("b::two".to_owned(), "skipped: too\nslow".to_owned())],
            ..Decision::default()
        };
        let rows = [
            row("sv-base", Decision::default()),
            row("b", warned),
            row("c", Decision::refused(Refusal::NoChecks)),
        ];
        let changes = ["dockers.json: b_docker is x (was nothing)".to_owned()];
        let shown = |text: String| anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(shown(planned(&rows, &changes, true)));
        insta::assert_snapshot!(shown(published(&rows[..2], &changes)));
        insta::assert_snapshot!(shown(planned(&rows[..1], &changes, true)));
    }
}
