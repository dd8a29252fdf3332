//! Whose a container is. Written on it before it exists, so that nothing is ever unowned.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mark::{Fate, Mark};

/// The label that holds the id of the run; every other label begins like it.
pub(super) const RUN_LABEL: &str = "seatrial.run";
const HOST: &str = "seatrial.host";
const BOOT: &str = "seatrial.boot";
const NAMESPACE: &str = "seatrial.pid-ns";
const PID: &str = "seatrial.pid";
const START: &str = "seatrial.pid-start";
const EXPIRES: &str = "seatrial.expires";
const FOR: &str = "seatrial.for";

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
        let mark = Mark::ours();
        let labels = [
            (RUN_LABEL, run.clone()),
            (HOST, host()),
            (BOOT, mark.boot),
            (NAMESPACE, mark.namespace),
            (PID, mark.pid.to_string()),
            (START, mark.start),
            (EXPIRES, mark.expires.to_string()),
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
        labels.insert(FOR.to_owned(), purpose.to_owned());
        labels
    }
}

/// What a container that was found says of itself.
#[derive(Debug)]
pub(super) struct Labelled {
    /// The name it was given by its owner.
    pub(super) name: String,
    /// What it serves.
    pub(super) purpose: String,
    /// What became of its owner.
    pub(super) fate: Fate,
    /// Why it is removed or left.
    pub(super) reason: String,
}

impl Labelled {
    /// Reads the labels of a container; `None` if it is none of ours.
    ///
    /// Labels alone don't make it ours: an image that was made of such a container has them too,
    /// and so has whatever is run of it. The name is not handed on.
    pub(super) fn read(names: &[String], labels: &HashMap<String, String>) -> Option<Self> {
        let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
        let run = label(RUN_LABEL);
        let name = names
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| is_of_run(name, run))?;
        let mark = Mark {
            pid: label(PID).parse().ok()?,
            start: label(START).to_owned(),
            namespace: label(NAMESPACE).to_owned(),
            boot: label(BOOT).to_owned(),
            expires: label(EXPIRES).parse().ok()?,
        };
        // A machine that was copied while it ran has the same boot id, but hardly the same name.
        let is_near = label(HOST) == host();
        let fate = mark.fate(is_near);
        let mut reason = mark.reason(fate);
        if !is_near {
            reason = format!("it belongs to the host {}, {reason}", label(HOST));
        }
        Some(Self {
            name: name.to_owned(),
            purpose: label(FOR).to_owned(),
            fate,
            reason,
        })
    }
}

/// Whether [`Owner::name`] gives this name in this run.
fn is_of_run(name: &str, run: &str) -> bool {
    let number = name
        .strip_prefix("seatrial-")
        .and_then(|rest| rest.strip_prefix(run))
        .and_then(|rest| rest.strip_prefix('-'));
    !run.is_empty()
        && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn host() -> String {
    let host = hostname::get().unwrap_or_default();
    host.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, change: impl FnOnce(&mut HashMap<String, String>)) -> Option<Labelled> {
        let owner = Owner::new();
        let mut labels = owner.labels("a check");
        change(&mut labels);
        let name = name.replace("RUN", owner.run());
        Labelled::read(&[name], &labels)
    }

    #[test]
    fn only_what_is_named_and_labelled_as_ours_is_ours() {
        let ours = read("/seatrial-RUN-0", |_| {}).unwrap();
        assert_eq!(
            (ours.purpose.as_str(), ours.fate),
            ("a check", Fate::Running)
        );
        for name in [
            "/RUN-0",
            "/seatrial-RUN-",
            "/seatrial-RUN-x",
            "/seatrial-RUN",
            "/joyful_nobel",
            "/seatrial--0",
        ] {
            assert!(read(name, |_| {}).is_none(), "{name}");
        }
        for label in [RUN_LABEL, PID, EXPIRES] {
            let found = read("/seatrial-RUN-0", |labels| {
                labels.remove(label);
            });
            assert!(found.is_none(), "{label}");
        }
    }

    #[test]
    fn what_another_host_made_is_left_until_it_expires() {
        let set = |name: &'static str, value: &'static str| {
            move |labels: &mut HashMap<String, String>| {
                labels.insert(name.to_owned(), value.to_owned());
            }
        };
        let fate = |name, value| read("/seatrial-RUN-7", set(name, value)).unwrap().fate;
        assert_eq!(fate(START, "1"), Fate::Gone);
        assert_eq!(fate(PID, "1"), Fate::Gone, "it began at another time");
        for name in [HOST, BOOT, NAMESPACE] {
            assert_eq!(fate(name, "12"), Fate::Unknown, "{name}");
        }
        let foreign = read("/seatrial-RUN-7", |labels| {
            set(HOST, "elsewhere")(labels);
            set(EXPIRES, "1")(labels);
        });
        let foreign = foreign.unwrap();
        assert_eq!(foreign.fate, Fate::Expired);
        assert_eq!(
            foreign.reason,
            "it belongs to the host elsewhere, it expired at 1970-01-01 00:00 UTC"
        );
    }
}
