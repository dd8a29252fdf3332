//! The reports that are written in the end, each from the record alone.

use super::record::Record;
use super::{code_quality, cst, html, junit, markdown, tap};

/// A report that is one file.
#[derive(Debug)]
pub struct Format {
    /// Its name, and the option that asks for it.
    pub name: &'static str,
    /// What the option does, in one line.
    pub help: &'static str,
    /// What is written.
    pub render: fn(&Record) -> Result<String, RenderError>,
}

/// Why a report can't be made of a record.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the report: {0}")]
pub struct RenderError(pub String);

/// All of them. One that is added here has its option in `seatrial test` and in `seatrial merge`.
pub const FORMATS: &[Format] = &[
    Format {
        name: "junit",
        help: "Write a JUnit report",
        render: junit::render,
    },
    Format {
        name: "junit-strict",
        help: "Write a JUnit report that the schema of Jenkins' xunit plugin allows",
        render: junit::render_strict,
    },
    Format {
        name: "json",
        help: "Write all that is known of the run as JSON",
        render: json,
    },
    Format {
        name: "html",
        help: "Write a page for people, one file that any browser shows",
        render: html::render,
    },
    Format {
        name: "markdown",
        help: "Write a summary in Markdown",
        render: markdown::render,
    },
    Format {
        name: "tap",
        help: "Write TAP 14",
        render: tap::render,
    },
    Format {
        name: "cst",
        help: "Write the JSON of container-structure-test, which Azure DevOps reads",
        render: cst::render,
    },
    Format {
        name: "gitlab",
        help: "Write a code quality report for GitLab",
        render: code_quality::render,
    },
];

fn json(record: &Record) -> Result<String, RenderError> {
    record
        .to_json()
        .map_err(|error| RenderError(error.to_string()))
}
