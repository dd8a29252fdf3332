//! `seatrial publish`: pushes images that passed their checks, and tells the lists of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::changed::ChangedArgs;
use super::engines::EngineChoice;
use super::exit::Exit;
use super::policy::PolicyArgs;
use super::publish_table::{self, Row};
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
use crate::publish::attestation::{Statement, configuration};
use crate::publish::lists::{ListEdit, replace};
use crate::publish::{
    Candidate, Decision, Lock, Parcel, Refusal, Rules, Update, attest, judge, occupied,
    read_results, send, set_tag,
};
use crate::registry::{
    LayerCache, Prepared, PushEvent, PushListener, Registries, RegistryError, RepositoryName,
    Target,
};
use crate::report::OutputFile;
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
    /// What runs the containers: auto, embedded or docker [default: auto]
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "auto",
        env = "SEATRIAL_ENGINE",
        hide_default_value = true,
        hide_env_values = true
    )]
    engine: EngineChoice,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    reports: RunReportArgs,
    #[command(flatten)]
    ci: CiArgs,
}

/// An image on its way through the gate.
struct Chosen {
    name: String,
    /// The paths of what it derives from, whose layers registries have already.
    parents: Vec<String>,
    /// What the project says that it is made for; nothing if it does not.
    platforms: Vec<Platform>,
    found: Result<Image, String>,
    decision: Decision,
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
    let checks = plan.cases.iter().map(|case| case.info.name()).collect();
    let plan = fingerprint::fill(plan, &checks);
    let session = Session::start()?;
    let stopped = || session.signals().received().map(Exit::Signal);
    let Some(_lock) = lock(&session, &project)? else {
        return Ok(stopped().unwrap_or(Exit::Harness));
    };
    if args.build {
        let stays = PruneArg::default();
        let site = Site::prepare(&session, &project, &names, args.quiet, &args.limits, stays)?;
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
    let engine = args.engine.engines(&session, &project.root).start();
    let engine = engine.map_err(|error| trouble(&session, error))?;
    let mut chosen =
        choose(&project, &names, &*engine).map_err(|error| trouble(&session, error))?;
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
            engine: &self.engine,
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
            let made_for = |it: &Platform| candidate.platform.as_ref() == Some(&it.0);
            if !image.platforms.is_empty() && !image.platforms.iter().any(made_for) {
                let wanted = image.platforms.iter().map(|it| it.0.as_str());
                decision.refusals.push(Refusal::NotMadeFor {
                    wanted: wanted.collect::<Vec<_>>().join(" or "),
                    found: candidate.platform.unwrap_or_default(),
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
    let failed = |error: RegistryError| registry_trouble(session, &error);
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
    if !args.move_tags {
        for (image, parcel) in chosen.iter_mut().zip(&parcels) {
            let refusal = occupied(parcel, &tag.version).map_err(failed)?;
            image.decision.refusals.extend(refusal);
        }
        if chosen.iter().any(|image| !image.decision.is_accepted()) {
            show(args, project, chosen, tag, &[]);
            return Ok(refused(chosen));
        }
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
    // Whoever reads tags or lists sees all images of this run, or none.
    for parcel in &parcels {
        progress(args, &parcel.name, &format!("tagging {}", tag.version));
        set_tag(parcel, &tag.version).map_err(failed)?;
    }
    if let Some(signal) = session.signals().received() {
        return Ok(Exit::Signal(signal));
    }
    let edits = edits(project, &names, tag)?;
    let rows = rows(project, chosen, tag, &parcels);
    let changes = publish_table::changes(&edits);
    replace(edits).map_err(|error| Trouble::new(Exit::Harness, error))?;
    let text = publish_table::published(&rows, &changes);
    let _ = write!(anstream::stdout().lock(), "{text}");
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
    let rows = rows(project, chosen, tag, &[]);
    let text = publish_table::planned(&rows, &publish_table::changes(edits), args.dry_run);
    let _ = write!(anstream::stdout().lock(), "{text}");
}

fn rows(project: &Project, chosen: &[Chosen], tag: &Tag, parcels: &[Parcel]) -> Vec<Row> {
    let row = |image: &Chosen| {
        let parcel = parcels.iter().find(|parcel| parcel.name == image.name);
        let registries = project.registries.iter();
        Row {
            image: image.name.clone(),
            id: image.found.as_ref().ok().map(|found| found.id.clone()),
            digest: parcel.map(Parcel::digest),
            decision: image.decision.clone(),
            references: registries
                .map(|it| format!("{}:{}", it.repository(&image.name), tag.version))
                .collect(),
        }
    };
    chosen.iter().map(row).collect()
}

/// Reads an image and makes it ready for all registries.
fn parcel(
    session: &Session,
    project: &Project,
    plan: &Plan,
    engine: &dyn Engine,
    registries: &Registries,
    image: &Chosen,
    url: Option<String>,
) -> Result<Parcel, Trouble> {
    let failed = |error: RegistryError| registry_trouble(session, &error);
    let found = image.found.as_ref();
    let found = found.map_err(|message| Trouble::new(Exit::Harness, message))?;
    let folder = LayerCache::usual_folder(&env).unwrap_or_else(std::env::temp_dir);
    let cache = LayerCache::open(&folder).map_err(|error| {
        let message = format!("can't keep layers in {}: {error}", folder.display());
        Trouble::new(Exit::Harness, message)
    })?;
    let parts = engine.parts(found, &folder);
    let (parts, tested) = parts.map_err(|error| trouble(session, error))?;
    let stop = session.signals().stop();
    let is_stopped = || *stop.borrow();
    let prepared = Prepared::new(&parts, &tested, &cache, &is_stopped).map_err(failed)?;
    let mut repositories = Vec::new();
    let mut targets = Vec::new();
    for registry in &project.registries {
        let name = RepositoryName::parse(&registry.repository(&image.name)).map_err(failed)?;
        let mount_from = image.parents.iter().filter_map(|parent| {
            let parent = RepositoryName::parse(&registry.repository(parent)).ok()?;
            Some(parent.path)
        });
        repositories.push(name.to_string());
        targets.push(Target {
            repository: registries.repository(&name).map_err(failed)?,
            mount_from: mount_from.collect(),
        });
    }
    let digest = prepared.manifest().digest.to_string();
    let specs = configuration(plan, &image.name);
    let statement = Statement::new(&repositories, &digest, &image.decision, specs, url);
    Ok(Parcel {
        name: image.name.clone(),
        prepared,
        targets,
        statement,
    })
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

fn write_attestations(folder: &std::path::Path, parcels: &[Parcel]) -> Result<(), Trouble> {
    for Parcel {
        name, statement, ..
    } in parcels
    {
        let texts = [
            (format!("{name}.intoto.json"), statement.to_json()),
            (
                format!("{name}.predicate.json"),
                statement.predicate.to_json(),
            ),
        ];
        for (file, text) in texts {
            let unwritable = |error: &dyn std::fmt::Display| Trouble::new(Exit::Harness, error);
            let text = text.map_err(|error| unwritable(&error))?;
            OutputFile::open(folder.join(file), text.as_bytes())
                .map_err(|error| unwritable(&error))?;
        }
    }
    Ok(())
}

fn progress(args: &PublishArgs, image: &str, what: &str) {
    if !args.quiet {
        // Nobody reads a closed stream: that is no reason to break off.
        let _ = writeln!(anstream::stderr().lock(), "{image}: {what}");
    }
}

fn trouble(session: &Session, error: EngineError) -> Trouble {
    let signal = session.signals().received();
    Trouble::new(signal.map_or(Exit::Harness, Exit::Signal), error)
}

pub(super) fn registry_trouble(session: &Session, error: &RegistryError) -> Trouble {
    let signal = session.signals().received();
    Trouble::new(signal.map_or(Exit::Harness, Exit::Signal), error)
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
