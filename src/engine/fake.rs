//! A scripted engine for tests of all that lies around an engine: what a real one can't be made to
//! do on demand. Reachable through the command line as `--engine fake:FILE`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;

use super::capture::{Capture, Captured};
use super::fake_running::{Background, FakeRunning};
use super::image::{FileEntry, FileKind, FileOwner, FileStat, Image, ImageConfig};
use super::process::{Ended, Outcome, Process};
use super::running::{Running, Stream, Tap};
use super::traits::{Engine, EngineError, EngineInfo, Files, Look, Visit};

/// An engine that answers from a script.
#[derive(Debug)]
pub struct FakeEngine {
    info: EngineInfo,
    script: Script,
    faults: AtomicU64,
    stop: watch::Receiver<bool>,
}

/// The script, in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// References of the images it holds.
    images: Vec<String>,
    /// Answers to processes; the first whose `when` is part of the command line counts.
    #[serde(default)]
    runs: Vec<Answer>,
    /// What processes in the background do, found like `runs`.
    #[serde(default)]
    background: Vec<Background>,
    /// Contents of files, by path.
    #[serde(default)]
    files: HashMap<String, String>,
    /// Whether the engine is gone for good once it was at fault.
    #[serde(default)]
    is_lost: bool,
    /// How many containers stay behind.
    #[serde(default)]
    left_behind: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    when: String,
    #[serde(default)]
    exit: i64,
    #[serde(default)]
    stdout: String,
    /// How often `stdout` is written.
    #[serde(default)]
    repeat: Option<usize>,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    out_of_memory: bool,
    /// How long it takes, in milliseconds.
    #[serde(default)]
    takes: u64,
    /// What the engine says instead of an outcome.
    #[serde(default)]
    error: Option<String>,
    /// That `error` is a fault that passes, after it was said this often.
    #[serde(default)]
    passes_after: Option<u64>,
    #[serde(skip)]
    said: AtomicU64,
    /// What a mistake of ours would do.
    #[serde(default)]
    panic: Option<String>,
    /// How often this is the answer, before later ones count.
    #[serde(default)]
    times: Option<u64>,
    #[serde(skip)]
    given: AtomicU64,
}

impl Answer {
    fn fits(&self, line: &str) -> bool {
        if !line.contains(&self.when) {
            return false;
        }
        let given = self.given.fetch_add(1, Ordering::SeqCst);
        self.times.is_none_or(|times| given < times)
    }
}

impl FakeEngine {
    /// Reads the script.
    ///
    /// # Errors
    /// [`EngineError::Configuration`] when it can't be read.
    pub fn load(path: &Path, stop: watch::Receiver<bool>) -> Result<Self, EngineError> {
        let read = || -> Result<Script, Box<dyn std::error::Error>> {
            Ok(serde_json::from_slice(&std::fs::read(path)?)?)
        };
        let script = read().map_err(|error| {
            EngineError::Configuration(format!("the script {}: {error}", path.display()))
        })?;
        Ok(Self {
            info: EngineInfo {
                kind: "fake".to_owned(),
                version: "1".to_owned(),
                platform: "linux/amd64".to_owned(),
                beside: None,
            },
            script,
            faults: AtomicU64::new(0),
            stop,
        })
    }

    /// Whether the run is to stop.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    pub(super) fn script_files(&self) -> Box<dyn Files + '_> {
        Box::new(&self.script)
    }

    /// Sleeps, but no longer than until the run is stopped.
    pub(super) fn sleep(&self, time: Duration) -> Result<(), EngineError> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if self.is_stopped() {
                return Err(EngineError::Interrupted);
            }
            std::thread::sleep(Duration::from_millis(5).min(time));
        }
        Ok(())
    }

    /// What the script says of a process.
    pub(super) fn answer(&self, process: &Process) -> Result<Outcome, EngineError> {
        let line = process.argv.join(" ");
        let answers = &self.script.runs;
        let Some(answer) = answers.iter().find(|answer| answer.fits(&line)) else {
            return Err(no_answer(line));
        };
        let takes = Duration::from_millis(answer.takes);
        self.sleep(takes.min(process.timeout))?;
        assert!(
            answer.panic.is_none(),
            "{}",
            answer.panic.as_deref().unwrap_or_default()
        );
        if let Some(reason) = &answer.error {
            let said = answer.said.fetch_add(1, Ordering::SeqCst);
            if answer.passes_after.is_some() {
                self.faults.fetch_add(1, Ordering::SeqCst);
            }
            if answer.passes_after.is_none_or(|times| said < times) {
                return Err(EngineError::Failed {
                    step: "start a container",
                    reason: reason.clone(),
                });
            }
        }
        let mut stdout = Capture::of(process, Stream::Stdout);
        for _ in 0..answer.repeat.unwrap_or(1) {
            stdout.push(answer.stdout.as_bytes());
        }
        let ended = if takes > process.timeout {
            Ended::TimedOut
        } else {
            Ended::Exited {
                code: answer.exit,
                out_of_memory: answer.out_of_memory,
            }
        };
        Ok(Outcome {
            ended,
            stdout: stdout.finish(),
            stderr: Captured::whole(answer.stderr.as_bytes()),
            duration: takes,
        })
    }
}

fn no_answer(line: String) -> EngineError {
    EngineError::Failed {
        step: "find an answer in its script",
        reason: line,
    }
}

impl Engine for FakeEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn parallelism(&self) -> usize {
        4
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        let reference = reference.to_owned();
        if !self.script.images.contains(&reference) {
            return Err(EngineError::NoSuchImage { reference });
        }
        Ok(Image {
            id: format!("sha256:{}", "0".repeat(64)),
            reference,
            repo_digests: Vec::new(),
            size: None,
            layers: None,
            author: String::new(),
            config: ImageConfig::default(),
        })
    }

    fn run(
        &self,
        _: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let outcome = self.answer(process)?;
        if let (Ended::Exited { .. }, Some(look)) = (&outcome.ended, look) {
            look(&&self.script);
        }
        Ok(outcome)
    }

    fn start<'a>(
        &'a self,
        _: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError> {
        let line = process.argv.join(" ");
        let scripts = &self.script.background;
        let Some(script) = scripts.iter().find(|script| line.contains(&script.when)) else {
            return Err(no_answer(line));
        };
        if let Some(reason) = &script.error {
            return Err(EngineError::Failed {
                step: "start a container",
                reason: reason.clone(),
            });
        }
        Ok(Box::new(FakeRunning::start(self, script.clone(), tap)))
    }

    fn files<'a>(&'a self, _: &'a Image) -> Box<dyn Files + 'a> {
        Box::new(&self.script)
    }

    fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    fn is_lost(&self) -> bool {
        self.script.is_lost && self.faults() > 0
    }

    fn close(&self) -> Result<usize, EngineError> {
        Ok(self.script.left_behind)
    }
}

impl Script {
    fn entry(path: &str, content: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            stat: FileStat {
                kind: FileKind::File,
                mode: 0o644,
                size: content.len() as u64,
                link_target: None,
            },
            owner: Some(FileOwner { uid: 0, gid: 0 }),
            inode: None,
        }
    }
}

impl Files for &Script {
    fn stat(&self, path: &str) -> Result<Option<FileStat>, EngineError> {
        let content = self.files.get(path);
        Ok(content.map(|content| Script::entry(path, content).stat))
    }

    fn owner(&self, _: &str) -> Result<FileOwner, EngineError> {
        Ok(FileOwner { uid: 0, gid: 0 })
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, EngineError> {
        let content = self.files.get(path).cloned();
        Ok(content.unwrap_or_default().into_bytes())
    }

    fn content(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        take(&self.read(path, u64::MAX)?);
        Ok(())
    }

    fn link_target(&self, path: &str) -> Result<String, EngineError> {
        Err(EngineError::Failed {
            step: "read a link",
            reason: format!("{path} is none"),
        })
    }

    fn walk(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        for (path, content) in &self.files {
            if path.starts_with(&folder) {
                visit(&Script::entry(path, content), &mut content.as_bytes())?;
            }
        }
        Ok(())
    }
}
