//! From what a builder calls a step to the instruction.

use super::instruction::{Instruction, Kind};
use super::parse::Dockerfile;
use super::stages::{Stage, named};

impl Dockerfile {
    /// The instruction that a builder calls a step: `position` as it counts, `text` as it shows the
    /// instruction. `None` if that is not certain.
    ///
    /// Builders count differently, all from 1:
    /// - Docker's classic builder, `3/7`: all instructions up to the end of the target
    /// - Podman and buildah, `3/7` or `[2/3] 3/7`: those of the stage, `FROM` first
    /// - BuildKit, `3/7` or `name 3/7` or `stage-1 3/7`: the steps of the stage that make files
    pub fn instruction_at_step(&self, position: &str, text: &str) -> Option<&Instruction> {
        let candidates = Position::parse(position).map(|position| self.candidates(&position));
        let mut candidates = candidates.unwrap_or_default();
        candidates.retain(|candidate| is_shown_as(candidate, text));
        candidates.dedup_by(|one, other| std::ptr::eq(*one, *other));
        if let [only] = candidates.as_slice() {
            return Some(only);
        }
        // Instructions that a base image adds (ONBUILD) change all numbers: then the text alone counts.
        let mut same = self.instructions.iter();
        let mut same = same
            .by_ref()
            .filter(|one| squeezed(&one.text) == squeezed(text));
        let first = same.next()?;
        same.next().is_none().then_some(first)
    }

    fn candidates(&self, position: &Position<'_>) -> Vec<&Instruction> {
        let stages = self.stages();
        let mut found = Vec::new();
        if position.stage.is_empty() {
            let ends = stages.iter().map(|stage| self.end(stage));
            if ends.into_iter().any(|end| end == position.total) {
                found.extend(self.instructions.get(position.number - 1));
            }
        }
        for stage in &stages {
            let is_only = stages.len() == 1 && position.stage.is_empty();
            let of_buildah = position.stage == format!("[{}/{}]", stage.index + 1, stages.len());
            if (of_buildah || is_only) && position.total == stage.instructions.len() {
                found.extend(stage.instructions.get(position.number - 1));
            }
            if is_only || is_called(stage, position.stage) {
                let counted = counted(&stages, stage);
                if position.total == counted.len() {
                    found.extend(counted.get(position.number - 1));
                }
            }
        }
        found.sort_by_key(|instruction| instruction.first_line);
        found
    }

    /// How many instructions there are up to the end of `stage`.
    fn end(&self, stage: &Stage<'_>) -> usize {
        let last = stage.instructions.last();
        let last = last.map_or(0, |last| last.first_line);
        let before = self.instructions.iter();
        before.filter(|one| one.first_line <= last).count()
    }
}

struct Position<'a> {
    /// What stands before the numbers.
    stage: &'a str,
    number: usize,
    total: usize,
}

impl<'a> Position<'a> {
    fn parse(position: &'a str) -> Option<Self> {
        let (stage, numbers) = match position.trim().rsplit_once(' ') {
            Some((stage, numbers)) => (stage.trim(), numbers),
            None => ("", position.trim()),
        };
        let (number, total) = numbers.split_once('/')?;
        Some(Self {
            stage,
            number: number.parse().ok().filter(|number| *number > 0)?,
            total: total.parse().ok()?,
        })
    }
}

/// What BuildKit counts: its base, if that is an image, and what makes files.
fn counted<'a>(stages: &[Stage<'a>], stage: &Stage<'a>) -> Vec<&'a Instruction> {
    let base = &stage.from.image;
    let is_stage = named(stages, base, stage.index).is_some();
    let has_base = !base.eq_ignore_ascii_case("scratch") && !is_stage;
    let counts = |one: &&Instruction| match one.kind {
        Kind::From(_) => has_base,
        Kind::Copy(_) | Kind::Run(_) => true,
        _ => one.keyword.value == "WORKDIR",
    };
    stage.instructions.iter().filter(counts).collect()
}

/// Whether BuildKit calls `stage` so; the platform may stand in front.
fn is_called(stage: &Stage<'_>, said: &str) -> bool {
    let said = said.rsplit(' ').next().unwrap_or_default();
    match stage.name() {
        Some(name) => said.eq_ignore_ascii_case(name),
        None => said == format!("stage-{}", stage.index),
    }
}

/// Whether `text` can be how a builder shows the instruction: variables may be filled in, quotes taken
/// off, and what follows a here-document's word may be its content.
fn is_shown_as(instruction: &Instruction, text: &str) -> bool {
    let (written, shown) = (squeezed(&instruction.text), squeezed(text));
    if written == shown {
        return true;
    }
    // The base may be shown by its full name or by its id.
    if matches!(instruction.kind, Kind::From(_)) {
        return shown.starts_with("from ");
    }
    let certain = written.find(['$', '"', '\'', '\\', '`', '<', '[', '#']);
    match certain {
        Some(end) => {
            let start = &written[..end];
            shown.starts_with(start)
        }
        None => false,
    }
}

/// The text without differences in white space, its keyword in lower case.
fn squeezed(text: &str) -> String {
    let mut words = text.split_whitespace();
    let keyword = words.next().unwrap_or_default().to_ascii_lowercase();
    let words: Vec<&str> = words.collect();
    format!("{keyword} {}", words.join(" "))
}
