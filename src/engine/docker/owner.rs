//! Whose a container is. Written on it before it exists, so that nothing is ever unowned.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The label that holds the id of the run; every other label begins like it.
pub(super) const RUN_LABEL: &str = "seatrial.run";

/// No run lasts longer: what is older is nobody's.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The owner of all that one run makes on an engine.
#[derive(Debug)]
pub(super) struct Owner {
    run: String,
    labels: HashMap<String, String>,
    count: AtomicU64,
}

impl Owner {
    /// A new owner: this process, on this machine, now.
    pub(super) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        let run = format!("{random:016x}");
        let expires = SystemTime::now() + LIFETIME;
        let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        let host = hostname::get().unwrap_or_default();
        let labels = [
            (RUN_LABEL, run.clone()),
            ("seatrial.host", host.to_string_lossy().into_owned()),
            ("seatrial.pid", std::process::id().to_string()),
            ("seatrial.pid-start", process_start().unwrap_or_default()),
            ("seatrial.expires", expires.as_secs().to_string()),
        ];
        Self {
            run,
            labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
            count: AtomicU64::new(0),
        }
    }

    /// The id of the run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// A name that no other container has, told before the container exists: one whose creation
    /// is not answered can still be removed.
    pub(super) fn name(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        format!("seatrial-{}-{number}", self.run)
    }

    /// The labels of a container that serves `purpose`.
    pub(super) fn labels(&self, purpose: &str) -> HashMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert("seatrial.for".to_owned(), purpose.to_owned());
        labels
    }
}

/// When this process began, in ticks since the machine's start: with the pid it names the process
/// even after the pid is used again (proc(5), `/proc/pid/stat`, field 22).
fn process_start() -> Option<String> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(ToOwned::to_owned)
}
