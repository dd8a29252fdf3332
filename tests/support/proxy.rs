//! Stands between seatrial and the engine, tells when a request or an answer comes, and holds or refuses it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regex::bytes::Regex;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// A socket that leads to the engine.
pub struct Proxy {
    folder: tempfile::TempDir,
    seen: Receiver<Sender<()>>,
    rules: Arc<Rules>,
}

/// What becomes of requests.
struct Rules {
    /// Each is held once, in this order.
    held: Mutex<Vec<Regex>>,
    /// These are never passed on.
    refused: Option<Regex>,
    tell: Mutex<Sender<Sender<()>>>,
}

impl Proxy {
    /// Holds the first piece of a request or an answer that matches each of these, one after the other.
    pub fn holding(requests: &[&str]) -> Self {
        Self::new(requests, None)
    }

    /// Breaks off whenever such a request comes.
    pub fn refusing(request: &str) -> Self {
        Self::new(&[], Some(request))
    }

    fn new(held: &[&str], refused: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let (tell, seen) = channel();
        let mut held: Vec<_> = held.iter().map(|it| Regex::new(it).unwrap()).collect();
        held.reverse();
        let rules = Arc::new(Rules {
            held: Mutex::new(held),
            refused: refused.map(|it| Regex::new(it).unwrap()),
            tell: Mutex::new(tell),
        });
        let ours = Arc::clone(&rules);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let engine = UnixStream::connect("/var/run/docker.sock").unwrap();
                let back = (engine.try_clone().unwrap(), client.try_clone().unwrap());
                let rules = Arc::clone(&rules);
                let answers = Arc::clone(&rules);
                std::thread::spawn(move || pass(client, engine, |chunk| rules.allow(chunk)));
                std::thread::spawn(move || pass(back.0, back.1, |chunk| answers.allow(chunk)));
            }
        });
        Self {
            folder,
            seen,
            rules: ours,
        }
    }

    /// What `DOCKER_HOST` must be.
    pub fn host(&self) -> String {
        format!("unix://{}/engine.sock", self.folder.path().display())
    }

    /// Waits until the next request to hold comes. It is passed on when something is sent, and
    /// broken off when the sender is dropped.
    #[track_caller]
    pub fn seen(&self, child: &mut Child) -> Sender<()> {
        self.seen.recv_timeout(LONG).unwrap_or_else(|_| {
            child.kill().unwrap();
            let mut said = String::new();
            let mut stderr = child.stderr.take().unwrap();
            stderr.read_to_string(&mut said).unwrap();
            let held = self.rules.held.lock().unwrap();
            panic!("none of {held:?} came: {said}");
        })
    }
}

impl Rules {
    fn allow(&self, chunk: &[u8]) -> bool {
        if self.refused.as_ref().is_some_and(|it| it.is_match(chunk)) {
            return false;
        }
        let is_next = {
            let mut held = self.held.lock().unwrap();
            let is_next = held.last().is_some_and(|it| it.is_match(chunk));
            is_next.then(|| held.pop()).is_some()
        };
        if !is_next {
            return true;
        }
        let (go, wait) = channel();
        let told = self.tell.lock().unwrap().send(go);
        told.is_ok() && wait.recv().is_ok()
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, allow: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !allow(&buffer[..count]) {
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
