//! One check, whatever its kind.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::again;
use super::config;
use super::file;
use super::files::ImageFiles;
use super::hygiene;
use super::layers;
use super::libraries;
use super::packages;
use super::reproduce;
use super::run;
use super::service;
use super::tool;
use crate::engine::{Captured, Engine, EngineError, Image, ImageConfig};
use crate::plan::Case;
use crate::spec::CheckKind;
use crate::verdict::{Finding, Problem, Verdict};

/// How many characters of a value that the image tells are shown.
const LONGEST_VALUE: usize = 80;

/// The kind of problem of what no engine here can give: such a check is skipped.
const NEEDS: &str = "needs";
/// That of what was broken off.
const INTERRUPTED: &str = "interrupted";

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

impl Observation {
    /// Nothing was seen that could decide.
    pub fn undecided(problem: Problem) -> Self {
        Self {
            verdict: Verdict::Error(problem),
            stdout: None,
            stderr: None,
            reproduce: None,
        }
    }
}

/// Performs one check of the image that `files` belongs to; again after a fault of the engine.
pub fn perform(case: &Case, engine: &dyn Engine, files: &ImageFiles) -> Observation {
    let mut observation = again::until_decided(engine, || perform_once(case, engine, files));
    // Of an image that was being removed, anything may have been seen.
    let says_nothing = matches!(
        &observation.verdict,
        Verdict::Error(problem) if [NEEDS, INTERRUPTED].contains(&problem.kind)
    );
    if let (false, Err(gone)) = (says_nothing, engine.confirm(files.image())) {
        observation.verdict = Verdict::Error(gone.into());
    }
    if let Verdict::Error(problem) = &observation.verdict
        && problem.kind == NEEDS
    {
        observation.verdict = Verdict::Skipped(problem.message.clone());
    }
    observation
}

fn perform_once(case: &Case, engine: &dyn Engine, files: &ImageFiles) -> Observation {
    match &case.check.kind {
        CheckKind::Late(late) => {
            let config = &files.image().config;
            let asked = RefCell::new(BTreeMap::new());
            let value = |name: &str| {
                let value = said(config, name)?;
                asked.borrow_mut().insert(name.to_owned(), shown(&value));
                Some(value)
            };
            match late.resolve(&value) {
                Ok(kind) => perform_kind(case, &kind, engine, files),
                Err(mistakes) => {
                    let asked = asked.borrow();
                    let values = asked
                        .iter()
                        .map(|(name, value)| format!("{name} is `{value}`"));
                    let values: Vec<String> = values.collect();
                    let of = if values.is_empty() { "" } else { ", whose " };
                    let values = values.join(" and ");
                    Observation::undecided(Problem {
                        kind: "spec",
                        message: format!(
                            "this can't be read for this image{of}{values}\n{mistakes}"
                        ),
                    })
                }
            }
        }
        kind => perform_kind(case, kind, engine, files),
    }
}

/// What a check is for an image; nothing if that can't be read.
pub fn resolved<'a>(kind: &'a CheckKind, image: &Image) -> Option<Cow<'a, CheckKind>> {
    match kind {
        CheckKind::Late(late) => {
            let kind = late.resolve(&|name| said(&image.config, name)).ok()?;
            Some(Cow::Owned(kind))
        }
        kind => Some(Cow::Borrowed(kind)),
    }
}

/// What the image says of itself, by `image.env.NAME` and `image.label.NAME`.
fn said(config: &ImageConfig, name: &str) -> Option<String> {
    if let Some(name) = name.strip_prefix("image.env.") {
        return config.variable(name).map(ToOwned::to_owned);
    }
    let name = name.strip_prefix("image.label.")?;
    config.labels.get(name).cloned()
}

/// A value of the image in a message: in one line, and not too long.
fn shown(value: &str) -> String {
    let cut: String = value.chars().take(LONGEST_VALUE).collect();
    let dots = if cut.len() < value.len() { "…" } else { "" };
    format!("{}{dots}", cut.escape_debug())
}

fn perform_kind(
    case: &Case,
    kind: &CheckKind,
    engine: &dyn Engine,
    files: &ImageFiles,
) -> Observation {
    let program = &engine.info().kind;
    let image = files.image();
    let (judged, reproduce) = match kind {
        CheckKind::Run(check, settings) => {
            return run::perform(case, check, settings, engine, image);
        }
        CheckKind::Version(check, settings) => {
            return tool::version(case, check, settings, engine, image);
        }
        CheckKind::Help(check, settings) => {
            return tool::help(case, check, settings, engine, image);
        }
        CheckKind::Service(check, settings) => {
            return service::perform(case, check, settings, engine, image);
        }
        CheckKind::File(check) => (
            file::judge(check, &files.view(engine), &case.root),
            reproduce::file(program, image, check),
        ),
        CheckKind::Config(check) => (
            config::judge(check, image, &case.root),
            reproduce::config(program, image, check),
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
        CheckKind::Size(expected) => (
            layers::judge_size(expected, image),
            reproduce::size(program, image),
        ),
        CheckKind::Layers(check) => (
            layers::judge(check, image, engine),
            reproduce::layers(program, image, check),
        ),
        CheckKind::Late(_) => {
            return Observation::undecided(Problem {
                kind: "internal",
                message: "this was read and is still not read; this is a mistake of seatrial"
                    .to_owned(),
            });
        }
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
            EngineError::NoSuchImage { .. } | EngineError::ImageGone { .. } => "image",
            EngineError::Interrupted => INTERRUPTED,
            EngineError::TooLarge { .. } => "output-limit",
            EngineError::Needs(_) => NEEDS,
            _ => "engine",
        };
        Self {
            kind,
            message: error.to_string(),
        }
    }
}
