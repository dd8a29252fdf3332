//! One check, whatever its kind.

use super::config;
use super::file;
use super::files::ImageFiles;
use super::hygiene;
use super::libraries;
use super::packages;
use super::reproduce;
use super::run;
use crate::engine::{Captured, Engine, EngineError};
use crate::plan::Case;
use crate::spec::CheckKind;
use crate::verdict::{Finding, Problem, Verdict};

/// What a check came to, and what was seen on the way.
#[derive(Debug)]
pub struct Observation {
    /// The verdict.
    pub verdict: Verdict,
    /// Standard output of the process, if there was one.
    pub stdout: Option<Captured>,
    /// Standard error of the process, if there was one.
    pub stderr: Option<Captured>,
    /// A command line that does by hand what the check did.
    pub reproduce: Option<String>,
}

/// Performs one check of the image that `files` belongs to.
pub fn perform(case: &Case, engine: &dyn Engine, files: &ImageFiles) -> Observation {
    let program = &engine.info().kind;
    let image = files.image();
    let (judged, reproduce) = match &case.check.kind {
        CheckKind::Run(check, settings) => {
            return run::perform(case, check, settings, engine, image);
        }
        CheckKind::File(check) => (
            file::judge(check, &files.view(engine)),
            reproduce::file(program, image, check),
        ),
        CheckKind::Config(check) => (
            config::judge(check, image),
            reproduce::config(program, image),
        ),
        CheckKind::Library(check) => (
            libraries::judge(check, files, engine),
            reproduce::library(program, image, check),
        ),
        CheckKind::Package(check) => (
            packages::judge(check, files, engine, &case.info.name()),
            reproduce::package(program, image, check),
        ),
        CheckKind::Hygiene(check) => (
            hygiene::judge(check, files, engine),
            reproduce::hygiene(program, image, check),
        ),
    };
    Observation {
        verdict: verdict(judged),
        stdout: None,
        stderr: None,
        reproduce: Some(reproduce),
    }
}

/// Findings → verdict.
pub(super) fn verdict(judged: Result<Vec<Finding>, Problem>) -> Verdict {
    match judged {
        Ok(findings) if findings.is_empty() => Verdict::Passed,
        Ok(findings) => Verdict::Failed(findings),
        Err(problem) => Verdict::Error(problem),
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let kind = match &error {
            EngineError::NoSuchImage { .. } => "image",
            EngineError::Interrupted => "interrupted",
            EngineError::TooLarge { .. } => "output-limit",
            _ => "engine",
        };
        Self {
            kind,
            message: error.to_string(),
        }
    }
}
