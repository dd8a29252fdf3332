//! For each check the engine that suits it: the embedded one where it can give everything, and
//! one of this machine for the rest.

use std::path::Path;
use std::sync::Arc;

use super::docker::DockerEngine;
use super::embedded::EmbeddedEngine;
use super::image::{HistoryStep, Image};
use super::process::{Isolation, Outcome, Process};
use super::running::{Running, Tap};
use super::traits::{Engine, EngineError, EngineInfo, Files, Look};
use crate::registry::{Digest, ImageParts};

/// The embedded engine, and one of this machine for what that can't give.
#[derive(Debug)]
pub struct AutoEngine {
    embedded: EmbeddedEngine,
    docker: Option<Arc<DockerEngine>>,
    info: EngineInfo,
}

/// Who runs a process.
enum Choice<'a> {
    Embedded,
    Docker(&'a DockerEngine),
}

impl AutoEngine {
    /// Of an embedded engine that knows the images of `docker`.
    pub fn new(embedded: EmbeddedEngine, docker: Option<Arc<DockerEngine>>) -> Self {
        let info = EngineInfo {
            beside: docker.as_ref().map(|docker| {
                let info = docker.info();
                format!("{} {}", info.kind, info.version)
            }),
            ..embedded.info().clone()
        };
        Self {
            embedded,
            docker,
            info,
        }
    }

    /// `is_entered`: whether further processes come into its container.
    fn choose(
        &self,
        image: &Image,
        process: &Process,
        is_entered: bool,
    ) -> Result<Choice<'_>, EngineError> {
        let lack = self.embedded.lack(image, process, is_entered);
        let on_docker = |why: &str| match &self.docker {
            None => Err(EngineError::Needs(format!("{why}; no engine answers here"))),
            Some(docker) => match docker.image(&image.id) {
                Ok(_) => Ok(Choice::Docker(docker)),
                Err(EngineError::NoSuchImage { .. }) => Err(EngineError::Needs(format!(
                    "{why}; {} has no such image",
                    docker.info().kind
                ))),
                Err(error) => Err(error),
            },
        };
        let wanted = &process.engines;
        if !wanted.is_empty() && !wanted.contains(&self.embedded.info().kind) {
            return on_docker(&format!("needs {}, as its spec says", wanted.join(" or ")));
        }
        match lack {
            Some(lack) => on_docker(&lack),
            None => Ok(Choice::Embedded),
        }
    }
}

impl Engine for AutoEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn kinds(&self) -> Vec<&str> {
        let docker = self.docker.iter().map(|docker| docker.info().kind.as_str());
        std::iter::once(self.info.kind.as_str())
            .chain(docker)
            .collect()
    }

    fn parallelism(&self) -> usize {
        self.embedded.parallelism()
    }

    fn image(&self, reference: &str) -> Result<Image, EngineError> {
        self.embedded.image(reference)
    }

    fn parts(&self, image: &Image, folder: &Path) -> Result<(ImageParts, Digest), EngineError> {
        self.embedded.parts(image, folder)
    }

    fn run(
        &self,
        image: &Image,
        process: &Process,
        look: Option<&mut Look<'_>>,
    ) -> Result<Outcome, EngineError> {
        let is_entered = process.isolation == Isolation::Shared;
        match self.choose(image, process, is_entered)? {
            Choice::Embedded => self.embedded.run(image, process, look),
            Choice::Docker(docker) => docker.run(image, process, look),
        }
    }

    fn confirm(&self, image: &Image) -> Result<(), EngineError> {
        self.embedded.confirm(image)
    }

    fn history(&self, image: &Image) -> Result<Vec<HistoryStep>, EngineError> {
        self.embedded.history(image)
    }

    fn start<'a>(
        &'a self,
        image: &'a Image,
        process: &Process,
        tap: Option<Tap>,
    ) -> Result<Box<dyn Running + 'a>, EngineError> {
        match self.choose(image, process, true)? {
            Choice::Embedded => self.embedded.start(image, process, tap),
            Choice::Docker(docker) => docker.start(image, process, tap),
        }
    }

    fn files<'a>(&'a self, image: &'a Image) -> Box<dyn Files + 'a> {
        self.embedded.files(image)
    }

    fn faults(&self) -> u64 {
        self.docker.as_ref().map_or(0, |docker| docker.faults())
    }

    fn close(&self) -> Result<usize, EngineError> {
        // Which closes the other one too: it has images of it.
        self.embedded.close()
    }
}
