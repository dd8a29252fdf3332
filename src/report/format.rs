//! The reports that are written in the end, each from the record alone.

use super::record::Record;
use super::{html, junit};

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
        name: "json",
        help: "Write all that is known of the run as JSON",
        render: json,
    },
    Format {
        name: "html",
        help: "Write a page for people, one file that any browser shows",
        render: html::render,
    },
];

fn json(record: &Record) -> Result<String, RenderError> {
    record
        .to_json()
        .map_err(|error| RenderError(error.to_string()))
}
