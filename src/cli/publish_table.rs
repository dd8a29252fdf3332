//! What is to be published, or was, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::publish::lists::ListEdit;
use crate::publish::{Awaited, Decision};
use crate::registry::Version;
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
    /// What becomes of it where it is made for several platforms.
    pub(super) index: Option<IndexRow>,
}

/// The index of the platforms of an image.
#[derive(Debug)]
pub(super) struct IndexRow {
    /// The platforms, in words.
    pub(super) platforms: String,
    /// Where it goes: one for each registry.
    pub(super) references: Vec<String>,
    pub(super) state: IndexState,
}

/// Whether there is an index.
#[derive(Debug)]
pub(super) enum IndexState {
    /// Nobody has looked yet.
    Planned,
    /// There is, with this digest.
    There(String),
    /// These platforms are not there yet.
    Waiting(Vec<Awaited>),
    /// It appears together with that of this image, which waits.
    Held(String),
}

impl Row {
    fn waits(&self) -> bool {
        let state = self.index.as_ref().map(|index| &index.state);
        matches!(state, Some(IndexState::Waiting(_) | IndexState::Held(_)))
    }
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

/// What was published, and what waits for other platforms under this tag.
pub(super) fn published(rows: &[Row], changes: &[String], tag: &Version) -> String {
    let mut text = table(rows);
    for change in changes {
        let _ = writeln!(text, "{}", one_line(change));
    }
    let waits = rows.iter().filter(|row| row.waits()).count();
    let images = match rows.len() - waits {
        1 => "1 image is".to_owned(),
        several => format!("{several} images are"),
    };
    let _ = match waiting(rows, tag) {
        None => writeln!(text, "{images} published"),
        Some(waiting) if waits == rows.len() => {
            writeln!(text, "nothing is published yet: {waiting}")
        }
        Some(waiting) => writeln!(text, "{images} published, and others not yet: {waiting}"),
    };
    text
}

/// Which images wait for which platforms, and what completes them; nothing if none does.
pub(super) fn waiting(rows: &[Row], tag: &Version) -> Option<String> {
    let waiting: Vec<&Row> = rows.iter().filter(|row| row.waits()).collect();
    let mut platforms: Vec<&str> = Vec::new();
    for row in &waiting {
        if let Some(IndexState::Waiting(awaited)) = row.index.as_ref().map(|it| &it.state) {
            for Awaited { platform, .. } in awaited {
                if !platforms.contains(&platform.0.as_str()) {
                    platforms.push(&platform.0);
                }
            }
        }
    }
    let names: Vec<&str> = waiting.iter().map(|row| row.image.as_str()).collect();
    let verb = if names.len() == 1 { "waits" } else { "wait" };
    let platforms = platforms.join(" and ");
    (!names.is_empty()).then(|| {
        format!(
            "{} {verb} for {platforms}; `seatrial publish --tag {tag} {}` on {platforms} completes {}",
            names.join(", "),
            names.join(" "),
            if names.len() == 1 { "it" } else { "them" }
        )
    })
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
        } else if row.waits() {
            (POOR, "WAITING")
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
            if let Some(index) = &row.index {
                text.push_str(&index_lines(index));
            }
        }
    }
    text
}

/// What becomes of the index.
fn index_lines(index: &IndexRow) -> String {
    let (platforms, mut text) = (&index.platforms, String::new());
    let _ = match &index.state {
        IndexState::Planned => {
            writeln!(
                text,
                "         and, when all of {platforms} are there, their index"
            )
        }
        IndexState::There(digest) => {
            writeln!(
                text,
                "         and the index of {platforms}  digest {digest}"
            )
        }
        IndexState::Waiting(awaited) => {
            for Awaited { platform, why } in awaited {
                let _ = writeln!(text, "         waits for {platform}: {}", one_line(why));
            }
            return text;
        }
        IndexState::Held(other) => {
            let _ = writeln!(text, "         complete, and waits together with {other}");
            return text;
        }
    };
    for reference in &index.references {
        let _ = writeln!(text, "         → {}", one_line(reference));
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
    use crate::platform::Platform;
    use crate::publish::Refusal;

    #[test]
    fn refused_images_say_why_and_go_nowhere() {
        let row = |image: &str, decision: Decision| Row {
            image: image.to_owned(),
            id: Some("sha256:0123".to_owned()),
            digest: None,
            decision,
            references: vec![format!("gcr.io/x/{image}:1"), format!("acr.io/x/{image}:1")],
            index: None,
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
        let tag = Version::tag("1").unwrap();
        insta::assert_snapshot!(shown(planned(&rows, &changes, true)));
        insta::assert_snapshot!(shown(published(&rows[..2], &changes, &tag)));
        insta::assert_snapshot!(shown(planned(&rows[..1], &changes, true)));
    }

    #[test]
    fn images_that_wait_for_other_platforms_do_not_look_published() {
        let row = |image: &str, state: IndexState| Row {
            image: image.to_owned(),
            id: None,
            digest: Some("sha256:0123".to_owned()),
            decision: Decision::default(),
            references: vec![format!("gcr.io/x/{image}:1-linux-amd64")],
            index: Some(IndexRow {
                platforms: "linux/amd64 and linux/arm64".to_owned(),
                references: vec![format!("gcr.io/x/{image}:1")],
                state,
            }),
        };
        let awaited = Awaited {
            platform: Platform("linux/arm64".to_owned()),
            why: "there is no gcr.io/x/b:1-linux-arm64".to_owned(),
        };
        let rows = [
            row("a", IndexState::There("sha256:4567".to_owned())),
            row("b", IndexState::Waiting(vec![awaited])),
            row("c", IndexState::Held("b".to_owned())),
        ];
        let tag = Version::tag("1").unwrap();
        let shown = |text: String| anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(shown(published(&rows, &[], &tag)));
        insta::assert_snapshot!(shown(published(&rows[1..2], &[], &tag)));
        insta::assert_snapshot!(shown(planned(&[row("a", IndexState::Planned)], &[], true)));
        assert_eq!(waiting(&rows[..1], &tag), None);
    }
}
