//! `seatrial schema`: what editors need to complete and check the files.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::session::Trouble;
use crate::compare;
use crate::project;
use crate::report::{lines_schema, record};
use crate::spec;

/// The arguments of `seatrial schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which files to describe
    #[arg(value_enum, default_value_t = Files::Spec)]
    files: Files,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Files {
    /// The specs under test-specs/
    Spec,
    /// The project file seatrial.yaml
    Project,
    /// The results that `--json` writes
    Report,
    /// The lines that `--json-lines` writes
    ReportLines,
    /// What `seatrial diff --json` writes
    Diff,
}

/// Runs `seatrial schema`.
pub fn run(args: &SchemaArgs) -> Exit {
    let schema = match args.files {
        Files::Spec => spec::schema(),
        Files::Project => project::schema(),
        Files::Report => record::schema(),
        Files::ReportLines => lines_schema(),
        Files::Diff => compare::schema(),
    };
    match writeln!(std::io::stdout().lock(), "{schema:#}") {
        Ok(()) => Exit::AllPassed,
        Err(error) => {
            Trouble::new(Exit::Harness, format!("can't write the schema: {error}")).tell()
        }
    }
}
