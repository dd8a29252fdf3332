//! The run of checks that decides what is published.

use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use libtest_mimic::Arguments;

use super::engines::EngineChoice;
use super::policy::PolicyArgs;
use super::publish::set;
use super::reports::{CiArgs, RunReportArgs, unwritten};
use super::session::{Session, Trouble};
use crate::cache::Results;
use crate::engine::embedded::results_folder;
use crate::event::{Event, Listener, Selection};
use crate::plan::Plan;
use crate::project::{Project, folder_in_repository};
use crate::report::record::{Collector, Record};
use crate::report::{Console, ConsoleOptions};
use crate::run::{Run, RunFailure};

/// What the command line says of the run.
pub(super) struct RunArgs<'a> {
    pub(super) engine: &'a EngineChoice,
    pub(super) policy: &'a PolicyArgs,
    pub(super) reports: &'a RunReportArgs,
    pub(super) ci: &'a CiArgs,
    pub(super) quiet: bool,
    /// Whether results of earlier runs are taken.
    pub(super) cached: bool,
}

/// Runs all checks of these images, and gives what is known of them in the end.
pub(super) fn test(
    session: &Session,
    project: &Project,
    plan: &Plan,
    names: &[String],
    args: &RunArgs<'_>,
) -> Result<Record, Trouble> {
    let reports = args.reports.open()?.and(args.ci.step_summary());
    let reports = Arc::new(reports);
    let kept = Arc::new(Kept(Mutex::new(Collector::new())));
    let console = {
        let out = std::io::stdout();
        let options = ConsoleOptions {
            quiet: args.quiet,
            colour: AutoStream::choice(&out) != ColorChoice::Never,
            results: None,
            live: false,
            ci: args.ci.ci(),
        };
        if args.reports.to_stdout() {
            Arc::new(Console::new(std::io::stderr(), options)) as Arc<dyn Listener>
        } else {
            Arc::new(Console::new(out, options))
        }
    };
    if let Some(limit) = args.policy.deadline {
        session.signals().limit(&session.handle(), limit);
    }
    let all: [Arc<dyn Listener>; 3] = [
        Arc::clone(&kept) as Arc<dyn Listener>,
        Arc::clone(&reports) as Arc<dyn Listener>,
        console,
    ];
    let run = Run {
        plan: plan.clone().only_images(&set(names)),
        selection: Selection::default(),
        engine: args.engine.engines(session, &project.root).start(),
        arguments: Arguments {
            // Its own lines have no reader here.
            logfile: Some("/dev/null".to_owned()),
            ..Arguments::default()
        },
        listener: Arc::new(All(all)),
        policy: args.policy.policy(),
        halted: Arc::new({
            let signals = session.signals().clone();
            move || signals.why()
        }),
        folder: folder_in_repository(&project.root),
        // What is performed here is kept for others, whoever takes results of theirs.
        results: results_folder()
            .ok()
            .and_then(|folder| Results::open(folder, !args.cached)),
    };
    match run.execute() {
        // The gate says so of each image.
        Ok(()) | Err(RunFailure::NothingSelected(_)) => {}
        // What stays behind on an engine says nothing of an image.
        Err(error @ RunFailure::LeftBehind(_)) => {
            Trouble::new(super::exit::Exit::Harness, error).tell();
        }
    }
    if let Some(reports) = Arc::into_inner(reports) {
        reports.finish().map_err(|errors| unwritten(&errors))?;
    }
    let kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(kept.record())
}

struct All([Arc<dyn Listener>; 3]);

impl Listener for All {
    fn on(&self, event: &Event) {
        for listener in &self.0 {
            listener.on(event);
        }
    }
}

/// Keeps the record of the run.
struct Kept(Mutex<Collector>);

impl Listener for Kept {
    fn on(&self, event: &Event) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take(event);
    }
}
