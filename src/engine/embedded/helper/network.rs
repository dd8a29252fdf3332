//! The network of a container: that of the host, or one of its own with nothing but loopback.
//!
//! To make one takes the kernel as long as all else together. So a thread makes the next one while
//! a container runs, and lives in it until another container is born there.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::message::NetworkKind;
use super::recipe::own_network;
use crate::engine::embedded::sandbox::{perform_here, unshare};

/// A new network for whoever needs one first.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Option<OwnedFd>>);

impl Spare {
    /// Makes it; this thread is in it from then on.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn make(&self, last_group: u32) -> io::Result<()> {
        // Whoever needs it waits: to make another would take longer.
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make(last_group)?;
        *spare = Some(own()?);
        Ok(())
    }

    fn take(&self) -> Option<OwnedFd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The network of this thread.
fn own() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

fn make(last_group: u32) -> io::Result<()> {
    unshare(libc::CLONE_NEWNET)?;
    perform_here(&own_network(last_group)?)
}

/// The network that a thread is in.
#[derive(Debug)]
pub(super) struct Networks {
    host: OwnedFd,
    spare: Arc<Spare>,
    /// All groups up to this one are there.
    last_group: u32,
    /// How many containers were born in one of their own.
    used: usize,
    now: Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// That of the host.
    Host,
    /// A new one that nobody has used.
    New,
    /// That of a container.
    Used,
}

impl Networks {
    /// For a thread that is in the network of the host.
    pub(super) fn new(last_group: u32, spare: Arc<Spare>) -> io::Result<Self> {
        Ok(Self {
            host: own()?,
            spare,
            last_group,
            used: 0,
            now: Now::Host,
        })
    }

    /// Enters the network that a container is to be born in.
    pub(super) fn enter(&mut self, kind: NetworkKind) -> io::Result<()> {
        match kind {
            NetworkKind::None => {
                if self.now != Now::New {
                    match self.spare.take() {
                        Some(spare) => join(spare.as_fd())?,
                        None => self.renew()?,
                    }
                }
                self.now = Now::Used;
                self.used += 1;
            }
            NetworkKind::Host if self.now != Now::Host => {
                join(self.host.as_fd())?;
                self.now = Now::Host;
            }
            NetworkKind::Host => {}
        }
        Ok(())
    }

    /// Makes the next one, if the last one was a container's own. After a single container there may
    /// be no other.
    pub(super) fn prepare(&mut self) {
        if self.now == Now::Used && self.used > 1 {
            // Why it can't be had is told when it is needed.
            let _ = self.renew();
        }
    }

    fn renew(&mut self) -> io::Result<()> {
        // Not that of the host any more, whatever becomes of it.
        self.now = Now::Used;
        make(self.last_group)?;
        self.now = Now::New;
        Ok(())
    }
}

fn join(network: BorrowedFd<'_>) -> io::Result<()> {
    let kind = Some(LinkNameSpaceType::Network);
    Ok(move_into_link_name_space(network, kind)?)
}
