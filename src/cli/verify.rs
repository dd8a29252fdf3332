//! `seatrial verify`: whether the registries have what the lists say, and what was tested.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::session::{Session, Trouble, env, require_project};
use super::whole_plan::{specs, whole_plan};
use crate::plan::Plan;
use crate::platform::Platform;
use crate::project::{Project, PublishedList, Registry};
use crate::publish::attestation::{Outcome, configuration};
use crate::publish::lists::references;
use crate::publish::{Entry, Expected, compare, look_up};
use crate::registry::Registries;
use crate::report::text::one_line;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// The arguments of `seatrial verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The images to look at; all public ones if none is named
    #[arg(value_name = "IMAGES")]
    images: Vec<String>,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

/// All of it, for programs.
#[derive(Debug, Serialize)]
struct Verified<'a> {
    /// Whether nothing is wrong.
    good: bool,
    entries: &'a [Entry],
}

/// Runs `seatrial verify`.
pub fn run(args: &VerifyArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &VerifyArgs) -> Result<Exit, Trouble> {
    let project = require_project(args.project.as_deref())?;
    let names = super::publish::selected(&project, &args.images)?;
    if !project.registries.iter().any(|it| it.list.is_some()) {
        let message = "no registry of the project has a `list` that tells what is published";
        return Err(Trouble::new(Exit::Usage, message));
    }
    let plan = whole_plan(&project, specs(&project)?)?;
    let session = Session::start()?;
    let registries = Registries::new(session.handle(), session.signals().stop(), env);
    let mut entries = entries(&project, &names)?;
    for (entry, registry) in &mut entries {
        let tested_by = configuration(&plan, &entry.image);
        let checks = checks(&plan, &entry.image);
        let repository = registry.repository(&entry.image);
        let expected = Expected {
            platforms: platforms(&project, &entry.image),
            specs: &tested_by,
            checks: &checks,
        };
        look_up(entry, &registries, &repository, expected)
            .map_err(|error| session.trouble(error))?;
    }
    let mut entries: Vec<Entry> = entries.into_iter().map(|(entry, _)| entry).collect();
    compare(&mut entries);
    let good = entries.iter().all(|entry| entry.problems.is_empty());
    let text = if args.json {
        let verified = Verified {
            good,
            entries: &entries,
        };
        let json = serde_json::to_string_pretty(&verified);
        json.map_err(|error| Trouble::new(Exit::Harness, error))? + "\n"
    } else {
        table(&entries)
    };
    anstream::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(|error| Trouble::new(Exit::Harness, format!("can't write the table: {error}")))?;
    Ok(match (good, entries.is_empty()) {
        (_, true) => Exit::NothingSelected,
        (true, false) => Exit::AllPassed,
        (false, false) => Exit::Failed,
    })
}

/// A list, and its references by key.
type List<'a> = (&'a Registry, &'a PublishedList, Vec<(String, String)>);

/// What the lists say of the images.
fn entries<'a>(
    project: &'a Project,
    names: &[String],
) -> Result<Vec<(Entry, &'a Registry)>, Trouble> {
    let mut found = Vec::new();
    let lists = project.registries.iter();
    let lists = lists.filter_map(|registry| Some((registry, registry.list.as_ref()?)));
    let mut read: Vec<List<'a>> = Vec::new();
    for (registry, list) in lists {
        let pairs = references(list).map_err(|error| Trouble::new(Exit::InvalidSpec, error))?;
        read.push((registry, list, pairs));
    }
    for image in names {
        for (registry, list, pairs) in &read {
            for key in list.keys(image) {
                let said = pairs.iter().find(|(known, _)| *known == key);
                let entry = Entry {
                    image: image.clone(),
                    registry: registry.name.value.clone(),
                    reference: said.map(|(_, reference)| reference.clone()),
                    key,
                    digest: None,
                    result: None,
                    platforms: Vec::new(),
                    problems: Vec::new(),
                };
                found.push((entry, *registry));
            }
        }
    }
    Ok(found)
}

/// What the project makes an image for.
fn platforms<'a>(project: &'a Project, image: &str) -> &'a [Platform] {
    let image = project.images.iter().find(|it| it.name.value == image);
    image.map_or(&[], |image| &image.platforms)
}

pub(super) fn checks(plan: &Plan, image: &str) -> Vec<String> {
    let cases = plan.cases.iter().filter(|case| case.info.image == image);
    cases.map(|case| case.info.name()).collect()
}

fn table(entries: &[Entry]) -> String {
    let mut text = String::new();
    let width = |what: fn(&Entry) -> &str| {
        let widths = entries.iter().map(|entry| what(entry).chars().count());
        widths.max().unwrap_or(0)
    };
    let (images, registries) = (width(|it| &it.image), width(|it| &it.registry));
    for entry in entries {
        let (style, word) = match (&entry.result, entry.problems.is_empty()) {
            (_, false) => (BAD, "WRONG "),
            (Some(Outcome::Warned), true) => (GOOD, "WARNED"),
            (_, true) => (GOOD, "PASSED"),
        };
        let shown = match (&entry.reference, &entry.digest) {
            (Some(reference), Some(digest)) => format!("{reference}@{digest}"),
            (Some(reference), None) => reference.clone(),
            (None, _) => entry.key.clone(),
        };
        let _ = writeln!(
            text,
            "{style}{word}{style:#}  {:<images$}  {:<registries$}  {}",
            one_line(&entry.image),
            one_line(&entry.registry),
            one_line(shown)
        );
        for state in &entry.platforms {
            let digest = state.digest.as_deref().unwrap_or_default();
            let line = format!("        {} {digest}", one_line(&state.platform));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for problem in &entry.problems {
            let _ = writeln!(text, "        {}", one_line(problem));
        }
    }
    let wrong = entries.iter().filter(|entry| !entry.problems.is_empty());
    let _ = match wrong.count() {
        0 => writeln!(text, "\nall registries have what was tested"),
        wrong => writeln!(text, "\n{wrong} of {} entries are wrong", entries.len()),
    };
    text
}
