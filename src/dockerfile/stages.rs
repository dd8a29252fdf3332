//! Stages, and what they are built from.

use std::collections::HashMap;

use super::expand::{ExpandError, expand};
use super::instruction::{Argument, From, Instruction, Kind};
use super::parse::Dockerfile;
use crate::source::Place;

/// A stage: from a `FROM` to the next.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    /// Its position, counted from 0.
    pub index: usize,
    /// What its `FROM` says.
    pub from: &'a From,
    /// Its instructions, `FROM` first.
    pub instructions: &'a [Instruction],
}

impl Stage<'_> {
    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.from.name.as_ref().map(|name| name.value.as_str())
    }
}

/// Why it can't be told what a stage is built from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// Its variables can't be filled in.
    #[error(transparent)]
    Expand(#[from] ExpandError),
    /// Nothing is left when they are.
    #[error("`{0}` names no image: an argument in it has no value")]
    Blank(String),
}

impl Dockerfile {
    /// The stages in their order.
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let mut stages = Vec::new();
        for (at, instruction) in self.instructions.iter().enumerate() {
            let Kind::From(from) = &instruction.kind else {
                continue;
            };
            let rest = &self.instructions[at + 1..];
            let is_from = |next: &Instruction| matches!(next.kind, Kind::From(_));
            let length = rest.iter().position(is_from).unwrap_or(rest.len());
            stages.push(Stage {
                index: stages.len(),
                from,
                instructions: &self.instructions[at..=at + length],
            });
        }
        stages
    }

    /// The stage that `name` means where files are taken from, or as a target: a name in any case, or a
    /// position. Of several with one name the last one before `before`, which is how many stages are
    /// known there.
    pub fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        meant(&self.stages(), name, before)
    }

    /// The arguments before the first stage: those that `FROM` sees.
    pub fn global_arguments(&self) -> impl Iterator<Item = &Argument> {
        let global = self.instructions.iter();
        let global = global.take_while(|next| !matches!(next.kind, Kind::From(_)));
        global
            .filter_map(|next| match &next.kind {
                Kind::Arg(arguments) => Some(arguments),
                _ => None,
            })
            .flatten()
    }

    /// What `stage` is built from: an image, or the name of a stage before it. `args` are the
    /// arguments of the build.
    ///
    /// # Errors
    /// When its variables can't be filled in.
    pub fn base(
        &self,
        stage: &Stage<'_>,
        args: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, BaseError> {
        let written = &stage.from.image;
        let filled = self.fill(written, args)?;
        if filled.trim().is_empty() {
            return Err(BaseError::Blank(written.value.clone()));
        }
        Ok(filled)
    }

    /// `word` with the arguments that stand before the first stage.
    ///
    /// # Errors
    /// When its variables can't be filled in.
    pub fn fill(
        &self,
        word: &str,
        args: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, ExpandError> {
        let mut known: HashMap<&str, String> = HashMap::new();
        for argument in self.global_arguments() {
            let name = argument.name.value.as_str();
            let value = match (args(name), &argument.default) {
                (Some(value), _) => Some(value),
                (None, Some(default)) => Some(expand(default, self.escape, &|name| {
                    known.get(name).cloned()
                })?),
                (None, None) => None,
            };
            if let Some(value) = value {
                known.insert(name, value);
            }
        }
        expand(word, self.escape, &|name| known.get(name).cloned())
    }

    /// The stages that the build of `target` needs (the last stage if not said), as BuildKit finds
    /// them, in their order. `None` if there is no such stage.
    pub fn needed_stages(
        &self,
        target: Option<&str>,
        args: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Vec<usize>> {
        let stages = self.stages();
        let last = match target {
            Some(name) => self.stage_named(name, stages.len())?,
            None => stages.len().checked_sub(1)?,
        };
        let mut needed = vec![false; stages.len()];
        needed[last] = true;
        // Whatever a stage takes files from stands before it.
        for at in (0..=last).rev() {
            if !needed[at] {
                continue;
            }
            let stage = &stages[at];
            let base = self.base(stage, args).ok();
            let base = base.and_then(|base| named(&stages, &base, at));
            let mut from: Vec<usize> = base.into_iter().collect();
            for (name, _) in takes_from(stage.instructions) {
                let name = self.fill(name, args).unwrap_or_else(|_| name.to_owned());
                from.extend(meant(&stages, &name, at));
            }
            for at in from {
                needed[at] = true;
            }
        }
        Some((0..stages.len()).filter(|at| needed[*at]).collect())
    }

    /// Whether `name`, filled in, is that of a stage before the one at `before`.
    pub fn is_stage(&self, name: &str, before: usize) -> bool {
        named(&self.stages(), name, before).is_some()
    }
}

/// The stage that a `FROM` means: a name in any case, never a position.
pub(super) fn named(stages: &[Stage<'_>], name: &str, before: usize) -> Option<usize> {
    let known = &stages[..before.min(stages.len())];
    let is_it = |stage: &Stage<'_>| {
        let own = stage.name();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    known.iter().rposition(is_it)
}

/// The stage that files are taken from: a name, or a position.
fn meant(stages: &[Stage<'_>], name: &str, before: usize) -> Option<usize> {
    let position = || {
        name.parse()
            .ok()
            .filter(|at| *at < before.min(stages.len()))
    };
    named(stages, name, before).or_else(position)
}

/// All that `instructions` take files from.
fn takes_from(instructions: &[Instruction]) -> impl Iterator<Item = (&str, &Place)> {
    instructions.iter().flat_map(Instruction::takes_from)
}
