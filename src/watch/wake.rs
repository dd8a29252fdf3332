//! Who tells that it is time to look.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::Sender;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How often files are looked at where nobody tells of changes.
const INTERVAL: Duration = Duration::from_millis(700);

/// Something that ends a wait.
#[derive(Debug)]
pub enum Wake {
    /// Something may have changed.
    Changed,
    /// The run of this number ended.
    Ended(u64, std::io::Result<ExitStatus>),
    /// A signal asks for the end.
    Stop,
}

/// Tells of changes in folders, or lets look from time to time.
pub struct Teller {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Why nobody tells of changes, if that was not asked for.
    trouble: Option<String>,
}

impl Teller {
    /// Sends [`Wake::Changed`] to `sender`; not if `poll`.
    pub fn new(poll: bool, sender: Sender<Wake>) -> Self {
        let mut teller = Self {
            watcher: None,
            watched: BTreeSet::new(),
            trouble: None,
        };
        if poll {
            return teller;
        }
        let tell = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| may_change(&event.kind)) {
                // Nobody waits any more: it ends.
                let _ = sender.send(Wake::Changed);
            }
        };
        match notify::recommended_watcher(tell) {
            Ok(watcher) => teller.watcher = Some(watcher),
            Err(error) => teller.trouble = Some(error.to_string()),
        }
        teller
    }

    /// From now on tells of what happens in these folders, and in no others. Says whether there are
    /// new ones among them, in which something may have happened before.
    pub fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        let gone: Vec<PathBuf> = self.watched.difference(folders).cloned().collect();
        for folder in gone {
            // One that is not there any more is not watched any more.
            let _ = watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
        let new: Vec<PathBuf> = folders.difference(&self.watched).cloned().collect();
        let mut is_any = false;
        for folder in new {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                    is_any = true;
                }
                // It went, or may not be read: then nothing in it was looked at either.
                Err(error) if !is_exhausted(&error) => {}
                Err(error) => {
                    self.trouble = Some(error.to_string());
                    self.watcher = None;
                    return false;
                }
            }
        }
        is_any
    }

    /// After what time to look without being told, if nobody tells.
    pub fn interval(&self) -> Option<Duration> {
        self.watcher.is_none().then_some(INTERVAL)
    }

    /// Why nobody tells of changes, once.
    pub fn trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }
}

/// Whether the system has no more watches to give.
fn is_exhausted(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        notify::ErrorKind::Io(error) => matches!(error.raw_os_error(), Some(24 | 28)),
        _ => false,
    }
}

/// Looking at files is no change; that would never end.
fn may_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
