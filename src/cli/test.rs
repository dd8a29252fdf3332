//! `seatrial test`: tests images by their specs.

use std::collections::{BTreeSet, HashSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use clap::Args;
use libtest_mimic::Arguments;

use super::changed::{Change, ChangedArgs, empty_run};
use super::engines::EngineArg;
use super::exit::Exit;
use super::last::LastRun;
use super::policy::PolicyArgs;
use super::rebuilt::{self, RebuiltArgs};
use super::recall::{self, RecallArgs};
use super::reports::{CiArgs, RunReportArgs, unwritten};
use super::session::{Session, Trouble, env, find_project, is_for_people};
use super::shard::ShardArg;
use super::site::{BuildLimits, PruneArg, Site};
use super::watched::WatchedArgs;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::embedded::Begun;
use crate::event::{Event, Listener, Selection, Shard};
use crate::fingerprint;
use crate::plan::Plan;
use crate::project::{Project, folder_in_repository};
use crate::report::{Ci, Console, ConsoleOptions, Reports, Tally};
use crate::run::{Run, RunFailure};
use crate::spec::{Check, Inputs, LoadError, Loaded, Spec, load};

/// Where specs are when nobody says otherwise.
pub(super) const SPECS: &str = "test-specs";

/// The arguments of `seatrial test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Specs to use, files or folders, instead of those of the project
    #[arg(long = "spec", value_name = "PATH")]
    pub(super) specs: Vec<PathBuf>,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    pub(super) project: Option<PathBuf>,
    /// Build the images of the selected checks before testing them; those that derive from the image
    /// FILTER names are built and tested, too
    #[arg(long)]
    pub(super) build: bool,
    /// With --build: only the image that FILTER names, and none that derives from it
    #[arg(long)]
    no_derived: bool,
    #[command(flatten)]
    limits: BuildLimits,
    #[command(flatten)]
    prune: PruneArg,
    #[command(flatten)]
    rebuilt: RebuiltArgs,
    #[command(flatten)]
    changed: ChangedArgs,
    /// Only checks with this tag; of several tags any will do
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// No checks with this tag
    #[arg(long = "skip-tag", value_name = "TAG")]
    skip_tags: Vec<String>,
    /// Only checks that did not pass when they were run last
    #[arg(long)]
    failed: bool,
    /// Only a part of the selected checks, such as 2/5: the second of five; `seatrial merge` joins
    /// their results
    #[arg(long, value_name = "K/N", conflicts_with = "failed")]
    shard: Option<ShardArg>,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    recall: RecallArgs,
    #[command(flatten)]
    pub(super) reports: RunReportArgs,
    #[command(flatten)]
    ci: CiArgs,
    #[command(flatten)]
    watched: WatchedArgs,
    #[command(flatten)]
    engine: EngineArg,
    #[command(flatten)]
    harness: Arguments,
}

impl TestArgs {
    /// What knows which images derive from a selected one, if those are wanted.
    fn derived<'a>(&self, project: Option<&'a Project>) -> Option<&'a Project> {
        project.filter(|_| self.build && !self.no_derived)
    }

    /// Whether the tags of a check are wanted.
    fn selects(&self, check: &Check) -> bool {
        let has = |tag: &String| check.options.has_tag(tag);
        (self.tags.is_empty() || self.tags.iter().any(has)) && !self.skip_tags.iter().any(has)
    }

    /// What makes containers, if it is certain that some are made unless there are mistakes.
    fn ahead(&self) -> Option<Begun> {
        let is_certain = !self.harness.list && !self.build && !self.changed.is_some();
        (is_certain && self.recall.takes_nothing()).then(|| self.engine.choice.ahead())?
    }

    /// What was asked for, before any of it is done.
    fn selection(&self) -> Selection {
        Selection {
            filter: self.harness.filter.clone(),
            exact: self.harness.exact,
            skip: self.harness.skip.clone(),
            tags: self.tags.clone(),
            skip_tags: self.skip_tags.clone(),
            failed: self.failed,
            unaffected: None,
            shard: None,
        }
    }

    /// What selects beside a filter, for a message: ` with --tag fast`.
    fn selected_by(&self) -> String {
        let tags = self.tags.iter().map(|tag| format!("--tag {tag}"));
        let skip = self.skip_tags.iter().map(|tag| format!("--skip-tag {tag}"));
        let said: Vec<String> = tags.chain(skip).chain(self.changed.said()).collect();
        let mut words = String::new();
        if !said.is_empty() {
            words = format!(" with {}", said.join(" "));
        }
        if let Some(ShardArg { number, total }) = self.shard {
            words = format!("{words} in shard {number}/{total}");
        }
        if self.failed {
            words.push_str(": what was run last has passed");
        }
        words
    }
}

/// Runs `seatrial test`.
pub fn run(args: TestArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(mut args: TestArgs) -> Result<Exit, Trouble> {
    if args.harness.test_threads == Some(0) {
        return Err(Trouble::new(
            Exit::Usage,
            "--test-threads must be at least 1",
        ));
    }
    if args.prune.prune_after_each && !args.build {
        let message = "--prune-after-each removes what a run has built: it needs --build";
        return Err(Trouble::new(Exit::Usage, message));
    }
    args.reports.validate(args.harness.logfile.as_deref())?;
    if args.reports.to_stdout() && args.harness.format.is_some() {
        let message = "--format and a report can't both have the standard output";
        return Err(Trouble::new(Exit::Usage, message));
    }
    let ahead = args.ahead();
    let project = find_project(args.project.as_deref())?;
    let mut selection = args.selection();
    let (plan, change) = plan(&args, project.as_ref(), &mut |_, _, _| {})?;
    if let Some(nothing) = change.as_ref().filter(|it| it.to_test().is_none()) {
        return not_affected(
            &args,
            nothing,
            selection,
            project.as_ref(),
            plan.cases.len(),
        );
    }
    let mut plan = if let Some(names) = args.watched.checks()? {
        // Whoever watches has selected by the same filter.
        args.harness.filter = None;
        plan.only_named(&names)
    } else {
        let derived = args.derived(project.as_ref());
        select(plan, derived, &mut args.harness)
    };
    let last = LastRun::read(&root(project.as_ref())?, &env).map(Arc::new);
    if args.failed {
        let names = last.as_ref().map(|last| last.names()).unwrap_or_default();
        plan = plan.only_named(&names);
    }
    if let Some(ShardArg { number, total }) = args.shard {
        let selected = Run::names(&plan, &args.harness);
        let elsewhere;
        (plan, elsewhere) = plan.shard(number, total, &selected);
        selection.shard = Some(Shard {
            number,
            total,
            elsewhere,
        });
    }
    let selected_by = args.selected_by();
    if args.harness.list {
        Run::list(&plan, &args.harness);
        return Ok(Exit::AllPassed);
    }
    let names = Run::names(&plan, &args.harness);
    let plan = fingerprint::fill(plan, &names);
    // Proven writable before anything else happens.
    let reports = Arc::new(args.reports.open()?.and(args.ci.step_summary()));
    let to_stdout = args.reports.to_stdout();
    let session = Session::start()?;
    if let Some(limit) = args.policy.deadline {
        session.signals().limit(&session.handle(), limit);
    }
    let quiet = args.harness.quiet;
    let mut site = site(&session, project.as_ref(), &plan, change.as_ref(), &args)?;
    let tally = Arc::new(Tally::new());
    let results = args.recall.results();
    let engines = args
        .engine
        .choice
        .engines(&session, &root(project.as_ref())?);
    let engines = engines.having(ahead);
    let policy = args.policy.policy();
    let run = Run {
        folder: folder_in_repository(&root(project.as_ref())?),
        selection,
        engine: recall::engine(
            &engines,
            &plan,
            &args.harness,
            policy.repeat > 1,
            // What is built is not known before.
            results.as_ref().filter(|_| site.is_none()),
        ),
        listener: args.watched.hushed(
            Arc::new(Listeners(listeners(
                &mut args.harness,
                &tally,
                last.as_ref(),
                args.watched.listener(),
                &reports,
                to_stdout,
                args.ci.ci(),
            ))),
            session.signals(),
        ),
        arguments: args.harness,
        plan,
        policy,
        halted: Arc::new({
            let signals = session.signals().clone();
            move || signals.why()
        }),
        results,
    };
    // What it has let go of ends while the reports are written; dropping it waits for that.
    let engine = run.engine.clone();
    let building = site.as_mut();
    let ended = run.execute_while(building.map(|(site, tested)| site.beside(to_stdout, tested)));
    if let Some((site, _)) = &site {
        site.finish();
    }
    if let Some(signal) = args.watched.broken_off(session.signals()) {
        return Ok(Exit::Signal(signal));
    }
    // A comfort for the next run: that it can't be had changes nothing about this one.
    let _ = last.as_ref().map(|last| last.write());
    if let Some(reports) = Arc::into_inner(reports) {
        reports.finish().map_err(|errors| unwritten(&errors))?;
    }
    drop(engine);
    if let Some((site, _)) = &site {
        // Whoever waits for the verdict has it by now.
        let anew = args.rebuilt.of(&site.built(), quiet);
        rebuilt::tell(
            &session,
            &args.engine.choice,
            &root(project.as_ref())?,
            &anew,
        );
    }
    let signal = session.signals().received();
    conclude(&tally, ended, signal, &selected_by)
}

/// The exit code: what stopped the run first, then what is wrong with an image, then what could
/// not be decided.
fn conclude(
    tally: &Tally,
    ended: Result<(), RunFailure>,
    signal: Option<i32>,
    selected_by: &str,
) -> Result<Exit, Trouble> {
    let counts = tally.counts();
    match (signal, ended) {
        (Some(signal), _) => Ok(Exit::Signal(signal)),
        (None, Err(error @ RunFailure::NothingSelected(_))) => Err(Trouble::new(
            Exit::NothingSelected,
            format!("{error}{selected_by}"),
        )),
        (None, ended) if counts.failed > 0 => {
            if let Err(error) = ended {
                Trouble::new(Exit::Failed, error).tell();
            }
            Ok(Exit::Failed)
        }
        (None, Err(error)) => Err(Trouble::new(Exit::Harness, error)),
        (None, Ok(())) if counts.errors > 0 => Ok(Exit::Harness),
        (None, Ok(())) => Ok(Exit::AllPassed),
    }
}

/// Ends a run of `--changed` that has nothing to do. Reports are written all the same.
fn not_affected(
    args: &TestArgs,
    change: &Change,
    selection: Selection,
    project: Option<&Project>,
    left_out: usize,
) -> Result<Exit, Trouble> {
    if !args.harness.list {
        let reports = args.reports.open()?.and(args.ci.step_summary());
        let folder = folder_in_repository(&root(project)?);
        let selection = Selection {
            unaffected: Some(change.nothing()),
            ..selection
        };
        empty_run(&reports, selection, &folder, left_out);
        reports.finish().map_err(|errors| unwritten(&errors))?;
    }
    let _ = if args.reports.to_stdout() || args.harness.list {
        writeln!(anstream::stderr(), "{}", change.nothing())
    } else {
        writeln!(anstream::stdout(), "{}", change.nothing())
    };
    Ok(Exit::AllPassed)
}

fn here() -> Result<PathBuf, Trouble> {
    std::env::current_dir().map_err(|error| {
        let message = format!("can't tell the current folder: {error}");
        Trouble::new(Exit::Harness, message)
    })
}

/// The folder that paths of the host are relative to.
fn root(project: Option<&Project>) -> Result<PathBuf, Trouble> {
    project.map_or_else(here, |project| Ok(project.root.clone()))
}

/// Is shown the specs without mistakes, before they become a plan, and the folder that paths are
/// relative to.
pub(super) type See<'a> = dyn FnMut(Option<&Project>, &[&Spec], &Path) + 'a;

/// All checks that would be run, for the one that watches.
pub(super) fn planned(
    args: &TestArgs,
    see: &mut See<'_>,
) -> Result<(Option<Project>, Plan), Trouble> {
    let project = find_project(args.project.as_deref())?;
    let mut harness = args.harness.clone();
    let (plan, _) = plan(args, project.as_ref(), see)?;
    let plan = select(plan, args.derived(project.as_ref()), &mut harness);
    let names = Run::names(&plan, &harness);
    Ok((project, plan.only_named(&names)))
}

fn plan(
    args: &TestArgs,
    project: Option<&Project>,
    see: &mut See<'_>,
) -> Result<(Plan, Option<Change>), Trouble> {
    let here = here()?;
    let root = project.map_or(here.as_path(), |project| project.root.as_path());
    let paths = if args.specs.is_empty() {
        vec![project.map_or_else(|| PathBuf::from(SPECS), |project| project.specs.clone())]
    } else {
        // Said by someone who is in the current folder, wherever the project is.
        args.specs.iter().map(|path| here.join(path)).collect()
    };
    let inputs = Inputs { project, env: &env };
    let invalid = |error| Trouble::new(Exit::InvalidSpec, error);
    let mut loaded = load(root, &paths, inputs).map_err(invalid)?;
    let bases = if args.specs.is_empty() {
        NOTHING
    } else {
        let folder = project.map_or_else(|| SPECS.into(), |project| project.specs.clone());
        bases(&loaded, root, folder, inputs).map_err(invalid)?
    };
    // All mistakes at once: those of the files, and those that show only beside other files.
    let mut mistakes = std::mem::take(&mut loaded.mistakes);
    let mut told: HashSet<String> = mistakes.iter().map(identity).collect();
    // A spec that can't be read may hold what is to be inherited.
    let more = bases.mistakes.into_iter();
    mistakes.extend(more.filter(|mistake| told.insert(identity(mistake))));
    let specs: Vec<&Spec> = loaded.specs.iter().chain(&bases.specs).collect();
    see(project, &specs, root);
    let change = if args.changed.is_some() && mistakes.is_empty() {
        args.changed.find(project, &specs)?
    } else {
        None
    };
    match Plan::new(loaded.specs, bases.specs, project, root) {
        Ok(mut plan) if mistakes.is_empty() => {
            if let Some(names) = change.as_ref().and_then(Change::to_test) {
                plan = plan.only_images(&names);
            }
            return Ok((plan.only(|check| args.selects(check)), change));
        }
        Ok(_) => {}
        Err(more) => mistakes.extend(more.0),
    }
    Err(Trouble::mistakes(&Diagnostics(mistakes)))
}

/// The specs of the project that were not asked for, if what was asked for inherits.
fn bases(
    loaded: &Loaded,
    root: &Path,
    folder: PathBuf,
    inputs: Inputs<'_>,
) -> Result<Loaded, LoadError> {
    let inherits = loaded.specs.iter().any(|spec| !spec.inherit.is_empty());
    if !inherits || !root.join(&folder).is_dir() {
        return Ok(NOTHING);
    }
    let mut found = match load(root, &[folder], inputs) {
        Ok(found) => found,
        Err(LoadError::NoSpec(_)) => return Ok(NOTHING),
        Err(error) => return Err(error),
    };
    let file = |spec: &Spec| {
        let path = root.join(spec.source.path());
        path.canonicalize().unwrap_or(path)
    };
    let asked: HashSet<_> = loaded.specs.iter().map(file).collect();
    found.specs.retain(|spec| !asked.contains(&file(spec)));
    Ok(found)
}

/// No specs.
const NOTHING: Loaded = Loaded {
    specs: Vec::new(),
    mistakes: Vec::new(),
};

/// Tells mistakes apart.
fn identity(mistake: &Diagnostic) -> String {
    format!("{} {}", mistake.place(), mistake.message())
}

/// A filter that is the name of an image means that image, not all whose names contain it; and those that
/// derive from it, by `derived`.
fn select(plan: Plan, derived: Option<&Project>, harness: &mut Arguments) -> Plan {
    let is_image = |name: &String| plan.images.iter().any(|image| image.name == *name);
    let Some(name) = harness
        .filter
        .take_if(|name| !harness.exact && is_image(name))
    else {
        return plan;
    };
    let derived = derived.map(|project| project.derived_from(&name));
    let mut names: BTreeSet<String> = derived.into_iter().flatten().collect();
    names.insert(name);
    plan.only_images(&names)
}

/// Our own console, unless one of libtest-mimic's formats is asked for: then those have the
/// standard output and ours tells failures on the standard error; or unless a report has the
/// standard output: then ours is on the standard error.
fn listeners(
    harness: &mut Arguments,
    tally: &Arc<Tally>,
    last: Option<&Arc<LastRun>>,
    watched: Option<Arc<dyn Listener>>,
    reports: &Arc<Reports>,
    to_stdout: bool,
    ci: Option<Ci>,
) -> Vec<Arc<dyn Listener>> {
    let mut listeners: Vec<Arc<dyn Listener>> = vec![Arc::clone(tally) as Arc<dyn Listener>];
    if let Some(last) = last {
        listeners.push(Arc::clone(last) as Arc<dyn Listener>);
    }
    listeners.extend(watched);
    listeners.push(Arc::clone(reports) as Arc<dyn Listener>);
    let own = harness.format.is_none() && harness.logfile.is_none();
    if own {
        harness.logfile = Some("/dev/null".to_owned());
    }
    let (out, err) = (std::io::stdout(), std::io::stderr());
    let on_terminal = own && !to_stdout && out.is_terminal() && err.is_terminal();
    let options = |colour| ConsoleOptions {
        quiet: harness.quiet || !own,
        colour,
        results: None,
        live: on_terminal && ci.is_none() && is_for_people(),
        ci,
    };
    listeners.push(if own && !to_stdout {
        let options = options(is_coloured(harness, &out));
        Arc::new(Console::new(out, options))
    } else {
        let options = options(is_coloured(harness, &err));
        Arc::new(Console::new(err, options))
    });
    listeners
}

/// `NO_COLOR` and the like say so where the command line does not.
fn is_coloured(harness: &Arguments, stream: &impl RawStream) -> bool {
    match harness.color {
        Some(libtest_mimic::ColorSetting::Always) => true,
        Some(libtest_mimic::ColorSetting::Never) => false,
        _ => AutoStream::choice(stream) != ColorChoice::Never,
    }
}

struct Listeners(Vec<Arc<dyn Listener>>);

impl Listener for Listeners {
    fn on(&self, event: &Event) {
        for listener in &self.0 {
            listener.on(event);
        }
    }
}

/// What builds the images of the selected checks that the project knows, if there are any.
fn site<'a>(
    session: &Session,
    project: Option<&'a Project>,
    plan: &Plan,
    change: Option<&Change>,
    args: &TestArgs,
) -> Result<Option<(Site<'a>, Vec<String>)>, Trouble> {
    if !args.build {
        return Ok(None);
    }
    let Some(project) = project else {
        let message = "--build needs a project file, which says how images are built";
        return Err(Trouble::new(Exit::Usage, message));
    };
    let needed = Run::images(plan, &args.harness);
    let names: Vec<String> = plan
        .images
        .iter()
        .filter(|image| image.in_catalogue && needed.contains(&image.name))
        .map(|image| image.name.clone())
        .collect();
    let names = match change {
        Some(change) => change.to_build_of(session, project, names),
        None => names,
    };
    if names.is_empty() {
        return Ok(None);
    }
    let site = Site::prepare(
        session,
        project,
        &names,
        args.harness.quiet,
        &args.limits,
        args.prune,
    )?;
    Ok(Some((site, Run::performed_images(plan, &args.harness))))
}
