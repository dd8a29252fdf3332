//! Containers that are started only to see whether they can be.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::host::advice;
use super::program::{CODE, program};
use super::proof;
use crate::engine::embedded::EmbeddedEngine;
use crate::engine::embedded::client::failed;
use crate::engine::embedded::images::{Hold, Ready};
use crate::engine::embedded::source::Platform;
use crate::engine::{Ended, Engine, EngineError, Image, ImageConfig, Limits, Network, Process};

const STEP: &str = "make a container on this host";
const LIMIT: Duration = Duration::from_secs(20);

/// What came of one trial: how long it took, or why it did not go.
pub type Trial = Result<Duration, String>;

/// What came of all of them.
#[derive(Debug)]
pub struct Trials {
    /// A container with its own network.
    pub plain: Trial,
    /// One with the host's.
    pub host: Trial,
    /// One of a user other than root.
    pub user: Trial,
    /// One that may use little memory.
    pub memory: Trial,
    /// One that may use half a processor.
    pub cpus: Trial,
    /// One that may have few processes.
    pub pids: Trial,
}

impl EmbeddedEngine {
    /// Starts a container that does nothing, so that a host where none can be started is found out
    /// before any check; unless an earlier run has done so, and nothing has changed since.
    ///
    /// # Errors
    /// Why it can't, with the way out where this host tells one.
    pub fn prove(&self) -> Result<(), EngineError> {
        let is_kept = proof::is_kept(&self.library.store);
        self.ready()?;
        if is_kept {
            self.is_taken_on_trust.store(true, Ordering::SeqCst);
            return Ok(());
        }
        self.prove_now()?;
        proof::keep(&self.library.store);
        Ok(())
    }

    /// Why a container could not be made: if none can, although an earlier run has proven it, then
    /// for that reason.
    pub(in crate::engine::embedded) fn doubted(&self, error: EngineError) -> EngineError {
        // Of a helper that is gone nothing more can be learned.
        let is_of_host = matches!(error, EngineError::Failed { .. }) && self.helper.lease().is_ok();
        if !is_of_host || !self.is_taken_on_trust.swap(false, Ordering::SeqCst) {
            return error;
        }
        proof::forget(&self.library.store);
        self.prove_now().err().unwrap_or(error)
    }

    fn prove_now(&self) -> Result<(), EngineError> {
        let Some(image) = self.probe_image()? else {
            return Ok(());
        };
        let tried = self.attempt(&image, &|_| {});
        tried
            .map(drop)
            .map_err(|reason| failed(STEP, with_advice(reason)))
    }

    /// Starts a container of each kind.
    ///
    /// # Errors
    /// When not even its image can be laid out.
    pub fn trials(&self) -> Result<Trials, EngineError> {
        let image = self.probe_image()?;
        let attempt = |change: &dyn Fn(&mut Process)| match &image {
            Some(image) => self.attempt(image, change),
            None => Err("there is no program to try it with on this machine".to_owned()),
        };
        let limits = |limits: Limits| move |process: &mut Process| process.limits = limits;
        let none = Limits::default();
        Ok(Trials {
            plain: attempt(&|_| {}),
            host: attempt(&|process| process.network = Network::Host),
            user: attempt(&|process| process.user = Some("1000:1000".to_owned())),
            memory: attempt(&limits(Limits {
                memory: Some(64 << 20),
                ..none
            })),
            cpus: attempt(&limits(Limits {
                cpus: Some(0.5),
                ..none
            })),
            pids: attempt(&limits(Limits {
                pids: Some(16),
                ..none
            })),
        })
    }

    fn attempt(&self, image: &Image, change: &dyn Fn(&mut Process)) -> Trial {
        let mut process = Process::new("a trial", vec!["/probe".to_owned()], LIMIT);
        change(&mut process);
        let begun = Instant::now();
        let outcome = self.run(image, &process, None);
        let reason = match outcome {
            Ok(outcome) => match outcome.ended {
                Ended::Exited { code: CODE, .. } => return Ok(begun.elapsed()),
                Ended::NotStarted { reason, .. } => reason,
                ended => format!("a program that does nothing ended with {ended:?}"),
            },
            Err(EngineError::Needs(reason)) => {
                reason.trim_start_matches("needs docker: ").to_owned()
            }
            Err(error) => error.to_string(),
        };
        Err(reason)
    }

    /// An image that is nothing but the smallest program.
    fn probe_image(&self) -> Result<Option<Image>, EngineError> {
        let Some(program) = program() else {
            return Ok(None);
        };
        let io = |error: std::io::Error| failed(STEP, error);
        let folder = self.temporary_folder().map_err(io)?;
        let layer = folder.path().join("probe/diff");
        std::fs::create_dir_all(&layer).map_err(io)?;
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&layer, mode).map_err(io)?;
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o755);
        let mut file = file.open(layer.join("probe")).map_err(io)?;
        file.write_all(&program).map_err(io)?;
        file.set_permissions(PermissionsExt::from_mode(0o755))
            .map_err(io)?;
        drop(file);
        let host = Platform::host().to_string();
        let mut parts = host.split('/').map(ToOwned::to_owned);
        let config = ImageConfig {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            ..ImageConfig::default()
        };
        let image = Image {
            reference: "a trial".to_owned(),
            id: "trial".to_owned(),
            repo_digests: Vec::new(),
            size: None,
            layers: Some(1),
            author: String::new(),
            config,
        };
        let ready = Ready {
            image,
            history: Vec::new(),
            layers: vec![layer],
            hold: Hold::of(folder),
        };
        self.open(ready).map(Some)
    }
}

/// A reason and, where there is one, the way out.
pub(in crate::engine::embedded) fn with_advice(reason: String) -> String {
    match advice() {
        advice if advice.is_empty() => reason,
        advice => format!("{reason} ({advice})"),
    }
}
