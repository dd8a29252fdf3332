//! `seatrial watch`: runs again what an edit concerns.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use clap::Args;
use tempfile::TempDir;

use super::exit::Exit;
use super::session::{Session, Trouble};
use super::test::{self, SPECS, TestArgs};
use super::watch_run::Running;
use super::watched::{self, UNBUILT, Verdicts};
use crate::engine::stopped;
use crate::mark::Mark;
use crate::plan::Plan;
use crate::project::FILE_NAME;
use crate::report::text::terminal_text;
use crate::watch::{Concern, Remembered, Roots, Stamps, Teller, Touched, Wake, real};

/// An editor that saves several files is done when nothing happened for so long.
const QUIET: Duration = Duration::from_millis(40);
/// Who writes without an end is not waited for any longer.
const SETTLED: Duration = Duration::from_millis(400);
/// A run that was asked to end has so long to clean up.
const CLEANING: Duration = Duration::from_secs(30);
/// As many reasons are told.
const REASONS: usize = 5;

/// The arguments of `seatrial watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Look for changes from time to time instead of being told of them, for network file systems
    #[arg(long)]
    poll: bool,
    #[command(flatten)]
    test: TestArgs,
}

/// Runs `seatrial watch`.
pub fn run(args: WatchArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: WatchArgs) -> Result<Exit, Trouble> {
    let session = Session::start()?;
    let (sender, receiver) = channel();
    let mut stop = session.signals().stop();
    let on_stop = sender.clone();
    session.handle().spawn(async move {
        stopped(&mut stop).await;
        let _ = on_stop.send(Wake::Stop);
    });
    let mut watching = Watching::new(args, sender, receiver)?;
    watching.go_on()?;
    Ok(session
        .signals()
        .received()
        .map_or(Exit::AllPassed, Exit::Signal))
}

/// What the one that watches knows.
struct Watching {
    args: WatchArgs,
    sender: Sender<Wake>,
    receiver: Receiver<Wake>,
    /// What came while something else was waited for.
    aside: VecDeque<Wake>,
    teller: Teller,
    /// Where it meets its runs.
    folder: TempDir,
    /// The reports that runs write.
    reports: Vec<PathBuf>,
    roots: Roots,
    stamps: Stamps,
    /// What changed and no run has answered yet.
    changed: BTreeSet<PathBuf>,
    /// Whether all checks are to be run, whatever changed.
    everything: bool,
    /// What specs and project file held in the last run that was not broken off.
    old: Remembered,
    /// The names of all checks.
    names: BTreeSet<String>,
    verdicts: Verdicts,
    /// The images that could not be built when that was tried last.
    unbuilt: BTreeSet<String>,
    /// The mistake that was told last.
    told: String,
    runs: u64,
}

/// What ended a wait.
enum Woken {
    /// Something changed.
    Changed,
    /// The run that was waited for ended.
    Ended,
    /// A signal asks for the end.
    Stop,
}

/// What is to be done.
enum Next {
    /// These checks are to be run; the rest is what must be remembered when they were.
    Run(Touched, Remembered),
    /// Nothing is concerned.
    Nothing(Remembered),
    /// Something can't be read as it is.
    Mistake,
}

impl Watching {
    fn new(
        args: WatchArgs,
        sender: Sender<Wake>,
        receiver: Receiver<Wake>,
    ) -> Result<Self, Trouble> {
        let trouble = |error| {
            let message = format!("can't make a temporary folder: {error}");
            Trouble::new(Exit::Harness, message)
        };
        // Named as `seatrial clean` knows it.
        let prefix = format!("seatrial-{}-", Mark::ours());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir();
        Ok(Self {
            teller: Teller::new(args.poll, sender.clone()),
            folder: folder.map_err(trouble)?,
            reports: args
                .test
                .reports
                .files()
                .iter()
                .map(|it| real(it))
                .collect(),
            args,
            sender,
            receiver,
            aside: VecDeque::new(),
            roots: Roots::default(),
            stamps: Stamps::default(),
            changed: BTreeSet::new(),
            everything: true,
            old: Remembered::default(),
            names: BTreeSet::new(),
            verdicts: Verdicts::new(),
            unbuilt: BTreeSet::new(),
            told: String::new(),
            runs: 0,
        })
    }

    /// Runs, waits and runs again until a signal comes.
    fn go_on(&mut self) -> Result<(), Trouble> {
        loop {
            let next = self.next();
            if let Some(why) = self.teller.trouble() {
                say(&format!(
                    "nobody tells of changes ({why}): files are looked at from time to time"
                ));
            }
            let woken = match next {
                Next::Run(touched, read) => self.perform(&touched, read)?,
                Next::Nothing(read) => {
                    self.answered(read);
                    Woken::Ended
                }
                Next::Mistake => Woken::Ended,
            };
            match woken {
                Woken::Stop => return Ok(()),
                Woken::Changed => {}
                Woken::Ended if !self.changed.is_empty() && self.told.is_empty() => {}
                Woken::Ended => {
                    self.status();
                    if matches!(self.wait(None), Woken::Stop) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// All that changed so far has been answered.
    fn answered(&mut self, read: Remembered) {
        self.changed.clear();
        self.everything = false;
        self.old = read;
    }

    /// Reads everything anew, and finds what is to be run.
    fn next(&mut self) -> Next {
        let mut roots = first_roots(&self.args.test);
        let (changed, old) = (&self.changed, &self.old);
        let mut concern = None;
        let mut read = Remembered::default();
        let planned = test::planned(&self.args.test, &mut |project, specs, root| {
            roots.add_specs(specs, root);
            if let Some(project) = project {
                if let Some(file) = project.file() {
                    roots.add(&file);
                }
                roots.add(&project.root.join(&project.specs));
                concern = Concern::of(project, specs, changed, old).ok();
            }
            read = Remembered::read(&roots.files);
        });
        let (project, plan) = match planned {
            Ok(planned) => planned,
            Err(trouble) => {
                // What was known to matter still does: the mistake may be in one file of them.
                self.roots.files.extend(roots.files);
                self.roots.folders.extend(roots.folders);
                self.settle_roots();
                self.tell_once(trouble);
                return Next::Mistake;
            }
        };
        self.told.clear();
        if let Some(project) = &project {
            let names = plan.images.iter().map(|image| image.name.clone());
            roots.add_images(project, &names.collect());
        }
        self.roots = roots;
        self.settle_roots();
        self.names = plan.cases.iter().map(|case| case.info.name()).collect();
        self.verdicts.retain(|name, _| self.names.contains(name));
        let touched = match concern {
            Some(concern) if !self.everything => {
                let is_known = |name: &str| self.verdicts.contains_key(name);
                concern.touched(&plan, &is_known)
            }
            _ => Touched {
                build: self.everything && self.args.test.build,
                ..all(&plan)
            },
        };
        let is_unbuilt = |name: &String| self.unbuilt.contains(image_of(name));
        let touched = Touched {
            // What its name means still is not what its Dockerfile says.
            build: touched.build || touched.checks.iter().any(is_unbuilt),
            ..touched
        };
        if touched.checks.is_empty() {
            Next::Nothing(read)
        } else {
            Next::Run(touched, read)
        }
    }

    fn tell_once(&mut self, trouble: Trouble) {
        if self.told != trouble.message() {
            self.told = trouble.message().to_owned();
            trouble.tell();
        }
    }

    /// Takes over roots that are new, without forgetting what changed in others meanwhile.
    fn settle_roots(&mut self) {
        let now = self.look();
        self.stamps = now.keeping(&self.stamps);
    }

    /// Looks at all files, and lets tell of changes in all of their folders.
    fn look(&mut self) -> Stamps {
        let reports = &self.reports;
        let is_ours = |path: &Path| reports.iter().any(|report| report == path);
        let now = Stamps::take(&self.roots, &is_ours);
        if self.teller.follow(now.folders()) {
            // Something may have come there before anybody told of it.
            return Stamps::take(&self.roots, &is_ours);
        }
        now
    }

    /// Runs these checks, until that ends or something changes that it should have seen.
    fn perform(&mut self, touched: &Touched, read: Remembered) -> Result<Woken, Trouble> {
        for because in touched.because.iter().take(REASONS) {
            say(&format!("changed: {because}"));
        }
        if touched.because.len() > REASONS {
            say(&format!(
                "changed: … and {} more images",
                touched.because.len() - REASONS
            ));
        }
        self.runs += 1;
        let folder = self.folder.path();
        let start = watched::ask(folder, &touched.checks)
            .and_then(|()| Running::start(self.runs, folder, touched.build, self.sender.clone()));
        let running = start.map_err(|error| {
            let message = format!("can't start `seatrial test`: {error}");
            Trouble::new(Exit::Harness, message)
        })?;
        let answers = std::mem::take(&mut self.changed);
        let everything = std::mem::take(&mut self.everything);
        let old = std::mem::replace(&mut self.old, read.clone());
        loop {
            match self.wait(Some(&running)) {
                Woken::Ended => {
                    self.learn(watched::told(self.folder.path()));
                    return Ok(Woken::Ended);
                }
                Woken::Stop => {
                    self.end(&running);
                    return Ok(Woken::Stop);
                }
                Woken::Changed => match self.next() {
                    Next::Run(..) => {
                        say("the run is broken off: something changed that it did not see");
                        self.end(&running);
                        self.changed.extend(answers);
                        self.everything = everything;
                        self.old = old;
                        return Ok(Woken::Changed);
                    }
                    Next::Nothing(_) => self.changed.clear(),
                    // The run goes on with what was sound.
                    Next::Mistake => {}
                },
            }
        }
    }

    /// Takes over what a run has told.
    fn learn(&mut self, verdicts: Verdicts) {
        for (name, word) in &verdicts {
            if word == UNBUILT {
                self.unbuilt.insert(image_of(name).to_owned());
            } else {
                self.unbuilt.remove(image_of(name));
            }
        }
        self.verdicts.extend(verdicts);
    }

    /// Waits for the next thing to happen.
    fn wait(&mut self, running: Option<&Running>) -> Woken {
        loop {
            match self.receive(self.teller.interval()) {
                Wake::Stop => return Woken::Stop,
                Wake::Ended(number, _) => {
                    if running.is_some_and(|running| running.number == number) {
                        return Woken::Ended;
                    }
                }
                Wake::Changed => {
                    self.settle();
                    let now = self.look();
                    let changes = self.stamps.changes(&now);
                    self.stamps = now;
                    if !changes.is_empty() {
                        self.changed.extend(changes);
                        return Woken::Changed;
                    }
                }
            }
        }
    }

    /// Waits until nothing changes any more.
    fn settle(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < SETTLED {
            match self.receiver.recv_timeout(QUIET) {
                Ok(Wake::Changed) => {}
                Ok(wake) => {
                    self.aside.push_back(wake);
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// The next thing that happened; after `interval` it is time to look.
    fn receive(&mut self, interval: Option<Duration>) -> Wake {
        if let Some(wake) = self.aside.pop_front() {
            return wake;
        }
        match interval {
            Some(interval) => self
                .receiver
                .recv_timeout(interval)
                .unwrap_or(Wake::Changed),
            // This one holds a sender itself.
            None => self.receiver.recv().unwrap_or(Wake::Stop),
        }
    }

    /// Ends a run, with all that it has made.
    fn end(&mut self, running: &Running) {
        let steps: [fn(&Running); 3] = [Running::interrupt, Running::interrupt, Running::kill];
        for step in steps {
            step(running);
            let end = Instant::now() + CLEANING;
            while let Some(rest) = end.checked_duration_since(Instant::now()) {
                match self.receiver.recv_timeout(rest) {
                    Ok(Wake::Ended(number, _)) if number == running.number => return,
                    // What changes now is seen when everything is looked at again.
                    Ok(Wake::Changed) | Err(_) => {}
                    Ok(wake) => self.aside.push_back(wake),
                }
            }
        }
    }

    fn status(&self) {
        let count = |word: &str| self.verdicts.values().filter(|it| *it == word).count();
        let counts = [
            ("passed", count("passed")),
            ("failed", count("failed")),
            ("not built", count(UNBUILT)),
            ("undecided", count("error")),
            ("skipped", count("skipped")),
            ("not run yet", self.names.len() - self.verdicts.len()),
        ];
        let counts = counts
            .iter()
            .filter(|(word, count)| *count > 0 || *word == "passed");
        let counts: Vec<String> = counts
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let files = match self.stamps.count() {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let cut = if self.stamps.is_cut() {
            " (there are more, which are not looked at)"
        } else {
            ""
        };
        say(&format!("watching {files}{cut}; {}", counts.join(", ")));
    }
}

/// What may be edited as long as nothing is known of the project.
fn first_roots(args: &TestArgs) -> Roots {
    let here = std::env::current_dir().unwrap_or_default();
    let mut above = here.ancestors().map(|folder| folder.join(FILE_NAME));
    let found = || above.find(|file| file.is_file());
    let file = args.project.clone().or_else(found);
    let file = file.unwrap_or_else(|| here.join(FILE_NAME));
    let mut roots = Roots::default();
    roots.add(&file);
    for spec in &args.specs {
        roots.add(&here.join(spec));
    }
    if args.specs.is_empty() {
        roots.add(&file.with_file_name(SPECS));
    }
    roots
}

/// The image that a check, `IMAGE::CHECK`, is one of.
fn image_of(name: &str) -> &str {
    name.split_once("::").map_or(name, |(image, _)| image)
}

fn all(plan: &Plan) -> Touched {
    let names = plan.cases.iter().map(|case| case.info.name());
    Touched {
        checks: names.collect(),
        ..Touched::default()
    }
}

fn say(words: &str) {
    // Nobody may read it any more.
    let _ = writeln!(anstream::stderr().lock(), "{}", terminal_text(words));
}
