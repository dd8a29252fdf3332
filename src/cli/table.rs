//! A table of what works.

use std::fmt::{Display, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::report::text::one_line;

const GOOD: Style = AnsiColor::Green.on_default();
const POOR: Style = AnsiColor::Yellow.on_default();

/// One thing, and whether it works.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    name: &'static str,
    works: bool,
    /// How, or why not.
    how: String,
    /// What is done about it if it does not.
    #[serde(skip_serializing_if = "str::is_empty")]
    instead: &'static str,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    /// The engines that can run checks, the preferred one first.
    pub(super) engines: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn works(name: &'static str, how: impl Display) -> Self {
        Self {
            name,
            works: true,
            how: how.to_string(),
            instead: "",
        }
    }

    pub(super) fn lacks(name: &'static str, why: impl Display, instead: &'static str) -> Self {
        Self {
            name,
            works: false,
            how: why.to_string(),
            instead,
        }
    }
}

impl Table {
    /// For people.
    pub(super) fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max();
        let width = width.unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            let Row { name, how, .. } = row;
            let how = one_line(how);
            let (style, mark) = if row.works {
                (GOOD, "yes")
            } else {
                (POOR, "no ")
            };
            let _ = writeln!(text, "{style}{mark}{style:#}  {name:<width$}  {how}");
            if !row.instead.is_empty() {
                let _ = writeln!(text, "{:5}{:width$}  so {}", "", "", row.instead);
            }
        }
        let conclusion = match self.engines.as_slice() {
            [] => "no engine can run checks here".to_owned(),
            [only] => format!("checks run on {only}"),
            [first, rest @ ..] => format!(
                "checks run on {first}, and on {} what {first} lacks",
                rest.join(", ")
            ),
        };
        let _ = writeln!(text, "\n{conclusion}");
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        // Names, booleans and texts can't fail to be written.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_says_what_is_done_about_it() {
        let table = Table {
            engines: vec!["embedded".to_owned(), "docker".to_owned()],
            rows: vec![
                Row::works("containers", "as root"),
                Row::lacks("pids", "no control\ngroups", "they go to docker"),
            ],
        };
        let text = anstream::adapter::strip_str(&table.text()).to_string();
        insta::assert_snapshot!(text, @r"
        yes  containers  as root
        no   pids        no control groups
                         so they go to docker

        checks run on embedded, and on docker what embedded lacks
        ");
    }
}
