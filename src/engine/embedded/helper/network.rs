//! The network of a container: that of the host, or one of its own with nothing but loopback.
//!
//! To make one takes the kernel as long as all else together. So a thread makes the next one while
//! a container runs, and lives in it until another container is born there.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::message::NetworkKind;
use super::recipe::own_network;
use crate::engine::embedded::sandbox::{perform_here, unshare};

/// The network that a thread is in.
#[derive(Debug)]
pub(super) struct Networks {
    host: OwnedFd,
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
    pub(super) fn new(last_group: u32) -> io::Result<Self> {
        Ok(Self {
            host: File::open("/proc/thread-self/ns/net")?.into(),
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
                    self.renew()?;
                }
                self.now = Now::Used;
                self.used += 1;
            }
            NetworkKind::Host if self.now != Now::Host => {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.host.as_fd(), network)?;
                self.now = Now::Host;
            }
            NetworkKind::Host => {}
        }
        Ok(())
    }

    /// Makes the first one, before anybody has asked for it.
    pub(super) fn foresee(&mut self) {
        if self.now == Now::Host {
            let _ = self.renew();
        }
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
        unshare(libc::CLONE_NEWNET)?;
        self.now = Now::Used;
        perform_here(&own_network(self.last_group)?)?;
        self.now = Now::New;
        Ok(())
    }
}
