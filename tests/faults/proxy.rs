//! A socket between seatrial and the engine that makes faults by a script.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use regex::Regex;

/// Does something to the container that a request is about.
pub type Hook = Arc<dyn Fn(&str) + Send + Sync>;

/// What is done in place of forwarding a request and its answer.
#[derive(Clone)]
pub enum Act {
    /// Forwards after a pause.
    Delay(Duration),
    /// Closes the connection; the engine never sees the request.
    ResetBefore,
    /// Closes the connection when the engine has answered.
    ResetAfter,
    /// Answers in the engine's place.
    Answer(u16, &'static str),
    /// Sends this, which need not be HTTP.
    Raw(&'static str),
    /// Forwards the answer up to so many bytes behind its head, then closes the connection.
    Cut(usize),
    /// The same, but the connection stays open and nothing more comes.
    Stall(usize),
    /// Does this before the request is forwarded.
    Before(Hook),
    /// Does this when the engine has answered, before the answer is forwarded.
    After(Hook),
    /// Takes no connections for so long, from now on.
    Gone(Duration),
}

/// A fault: what is done to some of the requests that match.
pub struct Fault {
    /// Is sought in `METHOD /path?query`, without the version of the API.
    request: Regex,
    times: usize,
    act: Act,
    seen: AtomicUsize,
}

/// The first request like this.
pub fn once(request: &str, act: Act) -> Fault {
    times(1, request, act)
}

/// Every request like this.
pub fn always(request: &str, act: Act) -> Fault {
    times(usize::MAX, request, act)
}

/// So many requests like this, from the first on.
pub fn times(times: usize, request: &str, act: Act) -> Fault {
    Fault {
        request: Regex::new(request).unwrap(),
        times,
        act,
        seen: AtomicUsize::new(0),
    }
}

/// The proxy; it ends when this is dropped.
pub struct Proxy {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    engine: PathBuf,
    faults: Vec<Fault>,
    is_over: AtomicBool,
    log: Mutex<Vec<String>>,
}

impl Proxy {
    pub fn start(engine: &Path, faults: Vec<Fault>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared {
            path: folder.path().join("docker.sock"),
            engine: engine.to_owned(),
            faults,
            is_over: AtomicBool::new(false),
            log: Mutex::default(),
        });
        listen(&shared);
        Self { folder, shared }
    }

    pub fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    /// The requests so far, and which fault befell them.
    pub fn log(&self) -> String {
        self.shared.log.lock().unwrap().join("\n")
    }

    /// Faults that no request has met: rows that test nothing.
    pub fn unused(&self) -> Vec<String> {
        let faults = self.shared.faults.iter();
        let unused = faults.filter(|fault| fault.seen.load(Ordering::SeqCst) == 0);
        unused.map(|fault| fault.request.to_string()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = UnixStream::connect(&self.shared.path);
    }
}

fn listen(shared: &Arc<Shared>) {
    let listener = UnixListener::bind(&shared.path).unwrap();
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        for client in listener.incoming() {
            if shared.is_over.load(Ordering::SeqCst) || !shared.path.exists() {
                return;
            }
            let Ok(client) = client else { return };
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // Whoever breaks off is the one under test, or the fault.
                let _ = serve(&shared, client);
            });
        }
    });
}

/// One connection is one request: the engine is told to close it after its answer.
fn serve(shared: &Arc<Shared>, mut client: UnixStream) -> io::Result<()> {
    let (head, rest) = read_head(&mut client)?;
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let path = Regex::new(r"^/v\d+\.\d+").unwrap().replace(path, "");
    let request = format!("{method} {path}");
    let mut matching = shared
        .faults
        .iter()
        .filter(|f| f.request.is_match(&request));
    let fault = matching.find(|f| f.seen.fetch_add(1, Ordering::SeqCst) < f.times);
    let mark = if fault.is_some() { " !" } else { "" };
    shared.log.lock().unwrap().push(format!("{request}{mark}"));
    let act = fault.map(|fault| fault.act.clone());
    let container = Regex::new(r"(?:/containers/|name=)(seatrial-[0-9a-f]+-\d+)").unwrap();
    let container = container
        .captures(&request)
        .map(|found| found[1].to_owned());
    // Of a command in a container the path does not say which: it is the last that got one.
    let container = container.or_else(|| {
        let log = shared.log.lock().unwrap();
        let name = Regex::new("/containers/(.*)/exec").unwrap();
        let last = log.iter().rev().find_map(|line| name.captures(line));
        last.map(|found| found[1].to_owned())
    });
    let container = container.unwrap_or_default();
    match &act {
        Some(Act::Delay(time)) => thread::sleep(*time),
        Some(Act::ResetBefore) => return Ok(()),
        Some(Act::Answer(status, body)) => {
            drain(&head, &rest, &mut client)?;
            return write!(
                client,
                "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n\
                 Connection: close\r\nContent-Length: {}\r\n\r\n{}",
                body.len(),
                if method == "HEAD" { "" } else { body },
            );
        }
        Some(Act::Raw(answer)) => {
            drain(&head, &rest, &mut client)?;
            return client.write_all(answer.as_bytes());
        }
        Some(Act::Before(hook)) => hook(&container),
        Some(Act::Gone(time)) => {
            std::fs::remove_file(&shared.path)?;
            let (shared, time) = (Arc::clone(shared), *time);
            thread::spawn(move || {
                thread::sleep(time);
                if !shared.is_over.load(Ordering::SeqCst) {
                    listen(&shared);
                }
            });
            return Ok(());
        }
        _ => {}
    }
    let mut engine = UnixStream::connect(&shared.engine)?;
    let head = if head.to_ascii_lowercase().contains("\nupgrade:") {
        head
    } else {
        head.replacen("\r\n", "\r\nConnection: close\r\n", 1)
    };
    engine.write_all(head.as_bytes())?;
    engine.write_all(&rest)?;
    let (mut from, mut to) = (client.try_clone()?, engine.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        // A client that has sent all still wants its answer; a stream's other half goes on too.
        let _ = to.shutdown(Shutdown::Write);
    });
    let (head, rest) = read_head(&mut engine)?;
    if let Some(Act::After(hook)) = &act {
        hook(&container);
    }
    let answer = match &act {
        Some(Act::ResetAfter) => Ok(()),
        Some(Act::Cut(bytes) | Act::Stall(bytes)) => {
            client.write_all(head.as_bytes())?;
            let mut limited = (&rest[..]).chain(&mut engine).take(*bytes as u64);
            io::copy(&mut limited, &mut client)?;
            while matches!(act, Some(Act::Stall(_))) && !shared.is_over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        _ => {
            client.write_all(head.as_bytes())?;
            client.write_all(&rest)?;
            io::copy(&mut engine, &mut client).map(drop)
        }
    };
    // The other thread holds both as well.
    let _ = client.shutdown(Shutdown::Both);
    let _ = engine.shutdown(Shutdown::Both);
    answer
}

/// Up to the empty line, and what came with it.
fn read_head(stream: &mut UnixStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
    }
}

/// Takes the body, so that closing does not take the answer with it.
fn drain(head: &str, rest: &[u8], client: &mut UnixStream) -> io::Result<()> {
    let length = Regex::new(r"(?i)\ncontent-length: *(\d+)").unwrap();
    let length = length
        .captures(head)
        .map_or(0, |found| found[1].parse().unwrap());
    let left: u64 = length - rest.len() as u64;
    io::copy(&mut client.take(left), &mut io::sink()).map(drop)
}
