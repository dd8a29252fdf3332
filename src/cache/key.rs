//! All that must be the same for a result to hold.

use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::engine::{EngineInfo, in_user_namespace};

/// What a check is performed by, and where.
#[derive(Debug, Clone)]
pub(super) struct World {
    program: String,
    host: String,
}

/// All that must be the same. It is kept whole and compared whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    /// The id of the image.
    pub(super) image: String,
    /// The fingerprint of the check.
    pub(super) fingerprint: String,
    /// What of its files the fingerprint leaves out.
    pub(super) surroundings: String,
    /// What runs the containers.
    pub(super) engine: String,
    /// This very build of seatrial.
    pub(super) program: String,
    /// The kernel, the user, and the engine that the environment names.
    pub(super) host: String,
}

impl World {
    /// That of this process; nothing if it can't be told.
    pub(super) fn ours() -> Option<Self> {
        // Two builds can have the same version, but not the same file.
        let file = std::fs::metadata("/proc/self/exe").ok()?;
        let program = format!(
            "{} {}:{} {} {}.{} {}.{}",
            env!("CARGO_PKG_VERSION"),
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime(),
            file.mtime_nsec(),
            file.ctime(),
            file.ctime_nsec()
        );
        let system = rustix::system::uname();
        let said = |name: &str| std::env::var(name).unwrap_or_default();
        let host = format!(
            "{} {} {} {} user {}:{} namespace {} daemon {:?} {:?}",
            system.nodename().to_string_lossy(),
            system.release().to_string_lossy(),
            system.version().to_string_lossy(),
            system.machine().to_string_lossy(),
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
            in_user_namespace(),
            said("DOCKER_HOST"),
            said("DOCKER_CONTEXT"),
        );
        Some(Self { program, host })
    }

    pub(super) fn key(
        &self,
        image: &str,
        fingerprint: &str,
        surroundings: &str,
        engine: &EngineInfo,
    ) -> Key {
        let beside = engine.beside.as_deref().unwrap_or_default();
        Key {
            image: image.to_owned(),
            fingerprint: fingerprint.to_owned(),
            surroundings: surroundings.to_owned(),
            engine: format!(
                "{} {} {} {beside}",
                engine.kind, engine.version, engine.platform
            ),
            program: self.program.clone(),
            host: self.host.clone(),
        }
    }
}
