//! Registries for tests: a real one, one that stands before it and breaks off, and one by hand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::{Platform, SourceImage};
use super::support::{Place, Real};
use crate::registry::{Registries, RegistryReference};

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// Debian's `docker-registry`, killed in the end.
pub(super) struct Registry {
    child: Child,
    pub(super) host: String,
    pub(super) place: Place,
}

impl Registry {
    /// `http` and `auth` are lines of its configuration.
    pub(super) fn start(place: Place, http: &str, auth: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let host = format!("127.0.0.1:{port}");
        let root = place.path().display();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
             {root}/data}}}}\nhttp:\n  addr: {host}\n{http}{auth}"
        );
        let config = place.write("registry.yml", config.as_bytes());
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("docker-registry: {error}; run ci/registry"));
        let registry = Self { child, host, place };
        let begun = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            assert!(begun.elapsed() < LONG, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Registries as seen with the settings in a folder; `PATH` is that folder too.
pub(super) fn registries(real: &Real, place: &Place) -> Registries {
    let folder = place.path().display().to_string();
    let env = move |name: &str| match name {
        "DOCKER_CONFIG" => Some(folder.clone()),
        "PATH" => Some(format!("{folder}:/usr/bin:/bin")),
        _ => None,
    };
    let registries = Registries::new(real.runtime.handle().clone(), real.stop.subscribe(), env);
    registries.with_certificates(&place.path().join("certs.d"))
}

/// Pulls an image for `linux/amd64`.
pub(super) fn pull(registries: &Registries, reference: &str) -> Result<SourceImage, String> {
    let reference = RegistryReference::parse(reference).unwrap();
    let platform = Platform::parse("linux/amd64").unwrap();
    super::super::pull(registries, &reference, &platform).map_err(|error| error.to_string())
}

/// Stands before a registry and breaks off so many connections after so many bytes of answers.
pub(super) fn breaking(registry: &str, connections: usize, after: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let registry = registry.to_owned();
    let broken = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let server = TcpStream::connect(&registry).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let broken = Arc::clone(&broken);
            std::thread::spawn(move || pass(client, server, usize::MAX));
            std::thread::spawn(move || {
                let (server, client) = back;
                let is_left = broken.load(Ordering::SeqCst) < connections;
                let ended = pass(server, client, if is_left { after } else { usize::MAX });
                if !ended {
                    broken.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    host
}

/// Passes on at most so many bytes; `false` if there were more.
fn pass(mut from: TcpStream, mut to: TcpStream, most: usize) -> bool {
    let mut buffer = vec![0; 1 << 14];
    let mut left = most;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count.min(left)]).is_err() {
            break;
        }
        if count > left {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
            return false;
        }
        left -= count;
    }
    let _ = to.shutdown(Shutdown::Write);
    true
}

/// A registry by hand: each request has a connection of its own. `answer` gets the request, and what
/// it gives is sent as it is; nothing at all is never answered.
pub(super) struct Hand {
    pub(super) host: String,
    /// The heads of all requests so far.
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

impl Hand {
    pub(super) fn new(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&seen);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (seen, answer) = (Arc::clone(&ours), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let head = request(&mut stream);
                    seen.lock().unwrap().push(head.clone());
                    match answer(&head) {
                        Some(bytes) => _ = stream.write_all(&bytes),
                        None => std::thread::sleep(LONG),
                    }
                });
            }
        });
        Self { host, seen }
    }

    pub(super) fn count(&self, part: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|head| head.contains(part)).count()
    }
}

/// The head of a request and, if it says how long it is, its body.
fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let lower = head.to_ascii_lowercase();
    let length = lower
        .split_once("content-length: ")
        .map_or("0", |(_, rest)| rest);
    let length = length.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// An answer.
#[expect(clippy::unnecessary_wraps, reason = "other answers never come")]
pub(super) fn reply(status: u16, headers: &str, body: &[u8]) -> Option<Vec<u8>> {
    let head = format!(
        "HTTP/1.1 {status} x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    Some([head.as_bytes(), body].concat())
}
