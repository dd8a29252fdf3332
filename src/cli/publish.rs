//! `seatrial publish`: pushes images that passed their checks, and tells the lists of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::changed::ChangedArgs;
use super::engines::EngineArg;
use super::exit::Exit;
use super::policy::PolicyArgs;
use super::publish_parcel::{parcel, write_attestations};
use super::publish_platforms::{self as platforms, Stage};
use super::publish_table::{self, IndexRow, IndexState, Row};
use super::publish_tag::{self, Tag};
use super::publish_test;
use super::reports::{CiArgs, RunReportArgs, unwritten};
use super::session::{Session, Trouble, env, require_project};
use super::site::{BuildLimits, PruneArg, Site};
use super::whole_plan::{specs, whole_plan};
use crate::build::{ImageOutcome, ImageResult};
use crate::engine::{Engine, EngineError, Image};
use crate::fingerprint;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::project::Project;
use crate::publish::lists::{ListEdit, replace};
use crate::publish::{
    Candidate, Decision, Lock, Parcel, Refusal, Rules, Update, attest, judge, put_everywhere,
    read_results, send,
};
use crate::registry::{
    PushEvent, PushListener, Registries, RegistryError, RepositoryName, Version,
};
use crate::report::record::{Record, key};
use crate::spec::Spec;

/// The arguments of `seatrial publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The images to publish; all public ones if none is named
    #[arg(value_name = "IMAGES", conflicts_with = "changed")]
    images: Vec<String>,
    /// The project file; otherwise seatrial.yaml is sought here and in the folders above
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    #[command(flatten)]
    changed: ChangedArgs,
    /// Build the images before testing them
    #[arg(long, conflicts_with = "results")]
    build: bool,
    #[command(flatten)]
    limits: BuildLimits,
    /// Take the results of an earlier run, which `seatrial test --json` wrote, instead of testing now
    #[arg(long, value_name = "FILE", conflicts_with = "json_lines")]
    results: Option<PathBuf>,
    /// The tag, instead of what the project says; {date}, {release} and {sha8} stand for what git knows
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Show what would be pushed, and push nothing
    #[arg(long)]
    dry_run: bool,
    /// Move tags that stand for another image in a registry already
    #[arg(long)]
    move_tags: bool,
    /// Accept results that were taken from an earlier run
    #[arg(long)]
    allow_cached: bool,
    /// Accept checks that were skipped because nothing here could run them, as warnings
    #[arg(long)]
    allow_skipped: bool,
    /// Refuse images with warnings: checks that specs skip, known failures, checks that passed late
    #[arg(long)]
    deny_warnings: bool,
    /// Write what is said of each image to this folder, to be signed
    #[arg(long, value_name = "DIR")]
    attestations: Option<PathBuf>,
    /// Where this run can be seen, for what is said of images [default: the job that CI systems name]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Show only what did not pass, and how it ended
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    engine: EngineArg,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    reports: RunReportArgs,
    #[command(flatten)]
    ci: CiArgs,
}

/// An image on its way through the gate.
pub(super) struct Chosen {
    pub(super) name: String,
    /// The paths of what it derives from, whose layers registries have already.
    pub(super) parents: Vec<String>,
    /// What the project says that it is made for; nothing if it does not.
    pub(super) platforms: Vec<Platform>,
    /// Which of these it is.
    pub(super) own: Option<Platform>,
    pub(super) found: Result<Image, String>,
    pub(super) decision: Decision,
}

/// Runs `seatrial publish`.
pub fn run(args: &PublishArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &PublishArgs) -> Result<Exit, Trouble> {
    args.reports.validate(None)?;
    let project = require_project(args.project.as_deref())?;
    if project.registries.is_empty() {
        let message = "the project file names no `registries` to publish to";
        return Err(Trouble::new(Exit::Usage, message));
    }
    let mut names = selected(&project, &args.images)?;
    let specs = specs(&project)?;
    let all: Vec<&Spec> = specs.specs.iter().collect();
    // With mistakes in specs nothing is decided; they are told below.
    if specs.mistakes.is_empty()
        && let Some(change) = args.changed.find(Some(&project), &all)?
    {
        let affected = change.to_test().unwrap_or_default();
        names.retain(|name| affected.contains(name));
        if names.is_empty() {
            // A decision, and no empty selection.
            progress(args, "nothing is published", &change.nothing());
            return Ok(Exit::AllPassed);
        }
    }
    let tag = publish_tag::tag(&project, args.tag.as_deref())?;
    let plan = whole_plan(&project, specs)?;
    // What can't be told afterwards must be found out before anything is tested or pushed.
    edits(&project, &names, &tag)?;
    platforms::check_tags(&project, &names, &tag.version)?;
    let checks = plan.cases.iter().map(|case| case.info.name()).collect();
    let plan = fingerprint::fill(plan, &checks);
    let session = Session::start()?;
    let stopped = || session.signals().received().map(Exit::Signal);
    let Some(_lock) = lock(&session, &project)? else {
        return Ok(stopped().unwrap_or(Exit::Harness));
    };
    if args.build {
        let stays = PruneArg::default();
        let mut site = Site::prepare(&session, &project, &names, args.quiet, &args.limits, stays)?;
        site.to_stderr = args.reports.to_stdout();
        let built = site.build(&|_, _| {});
        let is_built = |it: &ImageResult| matches!(it.outcome, ImageOutcome::Built(_));
        if let Some(exit) = stopped() {
            return Ok(exit);
        }
        if !built.iter().all(is_built) {
            let message = "not all images could be built: nothing is published";
            return Err(Trouble::new(Exit::Failed, message));
        }
    }
    let record = match &args.results {
        Some(file) => {
            let reports = args.reports.open()?.and(args.ci.step_summary());
            let read = read_results(file, key().as_deref());
            let record = read.map_err(|error| Trouble::new(Exit::Failed, error))?;
            let written = reports.write(&record);
            written.map_err(|errors| unwritten(&errors))?;
            record
        }
        None => publish_test::test(&session, &project, &plan, &names, &args.run_args())?,
    };
    if let Some(exit) = stopped() {
        return Ok(exit);
    }
    let engine = args.engine.choice.engines(&session, &project.root).start();
    let engine = engine.map_err(|error| session.trouble(error))?;
    let mut chosen = choose(&project, &names, &*engine).map_err(|error| session.trouble(error))?;
    for image in &mut chosen {
        image.decision = decide(image, &plan, &record, args);
    }
    let ended = publish(args, &session, &project, &plan, &*engine, &mut chosen, &tag);
    let _ = engine.close();
    ended
}

/// The images that are to be published, in the order of the project.
pub(super) fn selected(project: &Project, wanted: &[String]) -> Result<Vec<String>, Trouble> {
    let usage = |message: String| Trouble::new(Exit::Usage, message);
    project
        .build_order(wanted)
        .map_err(|error| usage(error.to_string()))?;
    let images = project.images.iter();
    let asked = |name: &String| wanted.is_empty() || wanted.contains(name);
    let (public, others): (Vec<_>, Vec<_>) = images
        .filter(|image| asked(&image.name.value))
        .partition(|image| image.public);
    if let Some(image) = others.first().filter(|_| !wanted.is_empty()) {
        let message = format!(
            "the image `{}` is not published: the project says `public: false`",
            image.name.value
        );
        return Err(usage(message));
    }
    if public.is_empty() {
        let message = "no image of the project is public";
        return Err(Trouble::new(Exit::NothingSelected, message));
    }
    let names = public.into_iter().map(|image| image.name.value.clone());
    Ok(names.collect())
}

fn lock(session: &Session, project: &Project) -> Result<Option<Lock>, Trouble> {
    let waits = || {
        let _ = writeln!(
            anstream::stderr().lock(),
            "another publish of this project is under way: waiting for its end"
        );
    };
    let goes_on = || session.signals().received().is_none();
    Lock::wait(&project.root, waits, goes_on).map_err(|error| {
        let message = format!("can't lock {}: {error}", project.root.display());
        Trouble::new(Exit::Harness, message)
    })
}

impl PublishArgs {
    fn run_args(&self) -> publish_test::RunArgs<'_> {
        publish_test::RunArgs {
            engine: &self.engine.choice,
            policy: &self.policy,
            reports: &self.reports,
            ci: &self.ci,
            quiet: self.quiet,
            cached: self.allow_cached,
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            cached: self.allow_cached,
            skipped: self.allow_skipped,
            fresh: self.results.is_none(),
            deny_warnings: self.deny_warnings,
        }
    }

    /// Where the run can be seen.
    fn url(&self) -> Option<String> {
        let github = || {
            let (server, repository) = (env("GITHUB_SERVER_URL")?, env("GITHUB_REPOSITORY")?);
            let run = env("GITHUB_RUN_ID")?;
            Some(format!("{server}/{repository}/actions/runs/{run}"))
        };
        self.url
            .clone()
            .or_else(github)
            .or_else(|| env("CI_JOB_URL"))
    }
}

/// What the engine has now under the names of the images.
fn choose(
    project: &Project,
    names: &[String],
    engine: &dyn Engine,
) -> Result<Vec<Chosen>, EngineError> {
    let mut chosen = Vec::new();
    for (at, image) in project.images.iter().enumerate() {
        if !names.contains(&image.name.value) {
            continue;
        }
        let found = match engine.image(&image.reference) {
            Ok(found) => Ok(found),
            Err(error @ EngineError::NoSuchImage { .. }) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        chosen.push(Chosen {
            name: image.name.value.clone(),
            parents: parents(project, at),
            platforms: image.platforms.clone(),
            own: found
                .as_ref()
                .ok()
                .and_then(|found| platforms::own(&image.platforms, found)),
            found,
            decision: Decision::default(),
        });
    }
    Ok(chosen)
}

/// The names of all that an image derives from.
fn parents(project: &Project, at: usize) -> Vec<String> {
    let name = project.images[at].name.value.clone();
    let order = project.build_order(std::slice::from_ref(&name));
    let order = order.unwrap_or_default().into_iter();
    order
        .map(|at| project.images[at].name.value.clone())
        .filter(|parent| *parent != name)
        .collect()
}

fn decide(image: &Chosen, plan: &Plan, record: &Record, args: &PublishArgs) -> Decision {
    match &image.found {
        Ok(found) => {
            let platform = format!("{}/{}", found.config.os, found.config.architecture);
            let candidate = Candidate {
                name: image.name.clone(),
                id: found.id.clone(),
                platform: Some(platform).filter(|it| it != "/"),
            };
            let mut decision = judge(&candidate, plan, record, args.rules());
            if !image.platforms.is_empty() && image.own.is_none() {
                decision.refusals.push(Refusal::NotMadeFor {
                    wanted: platforms::named(&image.platforms, "or"),
                    found: platforms::said(found),
                });
            }
            decision
        }
        Err(message) => Decision::refused(Refusal::NoImage {
            message: message.clone(),
        }),
    }
}

/// What comes after the gate.
fn publish(
    args: &PublishArgs,
    session: &Session,
    project: &Project,
    plan: &Plan,
    engine: &dyn Engine,
    chosen: &mut [Chosen],
    tag: &Tag,
) -> Result<Exit, Trouble> {
    let names: Vec<String> = chosen.iter().map(|image| image.name.clone()).collect();
    if chosen.iter().any(|image| !image.decision.is_accepted()) {
        show(args, project, chosen, tag, &[]);
        return Ok(refused(chosen));
    }
    if args.dry_run {
        show(args, project, chosen, tag, &edits(project, &names, tag)?);
        return Ok(Exit::AllPassed);
    }
    let failed = |error: RegistryError| session.trouble(error);
    let registries = {
        let stop = session.signals().stop();
        Registries::new(session.handle(), stop, env)
    };
    let mut parcels = Vec::new();
    for image in chosen.iter() {
        progress(args, &image.name, "reading its layers");
        let url = args.url();
        let parcel = parcel(session, project, plan, engine, &registries, image, url)?;
        parcels.push(parcel);
    }
    for (image, parcel) in chosen.iter_mut().zip(&parcels) {
        let refusal = platforms::refusal(image, parcel, &tag.version, args.move_tags);
        image.decision.refusals.extend(refusal.map_err(failed)?);
    }
    if chosen.iter().any(|image| !image.decision.is_accepted()) {
        show(args, project, chosen, tag, &[]);
        return Ok(refused(chosen));
    }
    if let Some(folder) = &args.attestations {
        write_attestations(folder, &parcels)?;
    }
    let listener: Arc<dyn PushListener> = Arc::new(Progress { quiet: args.quiet });
    for parcel in &parcels {
        progress(args, &parcel.name, "pushing");
        send(parcel, &listener).map_err(failed)?;
    }
    for parcel in &parcels {
        progress(args, &parcel.name, "attaching its test result");
        attest(parcel).map_err(failed)?;
    }
    let mut stages = Vec::new();
    for (image, parcel) in chosen.iter().zip(&parcels) {
        if let Some(own) = platforms::own_tag(image, &tag.version).map_err(failed)? {
            progress(args, &parcel.name, &format!("tagging {own}"));
            put_everywhere(&parcel.targets, parcel.prepared.manifest(), &own).map_err(failed)?;
        }
    }
    // Only now: of several runs at once, the last sees the tags of all others.
    for (image, parcel) in chosen.iter().zip(&parcels) {
        let stage = platforms::stage(image, parcel, plan, &tag.version, args.deny_warnings);
        stages.push(stage.map_err(failed)?);
    }
    platforms::hold_back(&mut stages, chosen);
    for ((image, parcel), stage) in chosen.iter_mut().zip(&parcels).zip(&stages) {
        let refusal = platforms::late_refusal(stage, parcel, &tag.version, args.move_tags);
        image.decision.refusals.extend(refusal.map_err(failed)?);
    }
    if chosen.iter().any(|image| !image.decision.is_accepted()) {
        show(args, project, chosen, tag, &[]);
        return Ok(refused(chosen));
    }
    for (parcel, stage) in parcels.iter().zip(&stages) {
        platforms::send_index(parcel, stage).map_err(failed)?;
    }
    // Whoever reads tags or lists sees all images of this run that are complete, or none.
    for (parcel, stage) in parcels.iter().zip(&stages) {
        if let Some(manifest) = stage.complete(parcel) {
            progress(args, &parcel.name, &format!("tagging {}", tag.version));
            put_everywhere(&parcel.targets, manifest, &tag.version).map_err(failed)?;
        }
    }
    if let Some(signal) = session.signals().received() {
        return Ok(Exit::Signal(signal));
    }
    let complete = parcels.iter().zip(&stages);
    let complete = complete.filter(|(parcel, stage)| stage.complete(parcel).is_some());
    let complete: Vec<String> = complete.map(|(parcel, _)| parcel.name.clone()).collect();
    let edits = edits(project, &complete, tag)?;
    let rows = rows(project, chosen, tag, &parcels, &stages);
    let changes = publish_table::changes(&edits);
    replace(edits).map_err(|error| Trouble::new(Exit::Harness, error))?;
    let text = publish_table::published(&rows, &changes, &tag.version);
    let _ = write!(anstream::stdout().lock(), "{text}");
    if let (Some(note), Some(summary)) = (
        publish_table::waiting(&rows, &tag.version),
        args.ci.step_summary(),
    ) {
        summary.note(&note);
    }
    Ok(Exit::AllPassed)
}

/// Says of each refused image why.
fn refused(chosen: &[Chosen]) -> Exit {
    let all = chosen.iter();
    let refused = all.filter(|image| !image.decision.is_accepted()).count();
    let message = format!(
        "{refused} of {} images refused: nothing is published",
        chosen.len()
    );
    Trouble::new(Exit::Failed, message).tell()
}

fn show(args: &PublishArgs, project: &Project, chosen: &[Chosen], tag: &Tag, edits: &[ListEdit]) {
    let rows = rows(project, chosen, tag, &[], &[]);
    let text = publish_table::planned(&rows, &publish_table::changes(edits), args.dry_run);
    let _ = write!(anstream::stdout().lock(), "{text}");
}

fn rows(
    project: &Project,
    chosen: &[Chosen],
    tag: &Tag,
    parcels: &[Parcel],
    stages: &[Stage],
) -> Vec<Row> {
    let row = |(at, image): (usize, &Chosen)| {
        let references = |tag: &Version| {
            let registries = project.registries.iter();
            let all = registries.map(|it| format!("{}:{tag}", it.repository(&image.name)));
            all.collect::<Vec<_>>()
        };
        // Too long a tag was refused before.
        let own = platforms::own_tag(image, &tag.version).ok().flatten();
        Row {
            image: image.name.clone(),
            id: image.found.as_ref().ok().map(|found| found.id.clone()),
            digest: parcels.get(at).map(Parcel::digest),
            decision: image.decision.clone(),
            references: references(own.as_ref().unwrap_or(&tag.version)),
            index: own.is_some().then(|| IndexRow {
                platforms: platforms::named(&image.platforms, "and"),
                references: references(&tag.version),
                state: stages.get(at).map_or(IndexState::Planned, Stage::state),
            }),
        }
    };
    chosen.iter().enumerate().map(row).collect()
}

/// What changes in the lists.
fn edits(project: &Project, names: &[String], tag: &Tag) -> Result<Vec<ListEdit>, Trouble> {
    let mut edits = Vec::new();
    for registry in &project.registries {
        let Some(list) = &registry.list else {
            continue;
        };
        let updates: Vec<Update> = names
            .iter()
            .flat_map(|name| {
                let reference = format!("{}:{}", registry.repository(name), tag.version);
                let keys = list.keys(name).into_iter();
                keys.map(move |key| (key, reference.clone()))
            })
            .collect();
        let edit = ListEdit::new(list, &updates);
        edits.push(edit.map_err(|error| Trouble::new(Exit::InvalidSpec, error))?);
    }
    Ok(edits)
}

fn progress(args: &PublishArgs, image: &str, what: &str) {
    if !args.quiet {
        // Nobody reads a closed stream: that is no reason to break off.
        let _ = writeln!(anstream::stderr().lock(), "{image}: {what}");
    }
}

/// Tells of each manifest that is there.
struct Progress {
    quiet: bool,
}

impl PushListener for Progress {
    fn on(&self, target: &RepositoryName, event: &PushEvent) {
        if let (PushEvent::Manifest { digest }, false) = (event, self.quiet) {
            let _ = writeln!(anstream::stderr().lock(), "{target}@{digest} is there");
        }
    }
}

/// The names as a set.
pub(super) fn set(names: &[String]) -> BTreeSet<String> {
    names.iter().cloned().collect()
}
