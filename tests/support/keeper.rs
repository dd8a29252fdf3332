//! A registry by hand that does what Debian's does not: it keeps what came of an upload that broke off and
//! says how much that is, and it lists what refers to an image.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use seatrial::registry::Digest;
use serde_json::{Value, json};

/// The registry.
pub struct Keeper {
    /// `127.0.0.1:PORT`.
    pub host: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The heads of all requests, in lower case but for the first line.
    seen: Vec<String>,
    uploads: HashMap<String, Vec<u8>>,
    blobs: HashMap<String, Vec<u8>>,
    manifests: HashMap<String, Vec<u8>>,
    /// After so many bytes the next uploads break off.
    breaks: Vec<usize>,
    /// Whether it says that it has understood what refers to what.
    says_subject: bool,
    /// Whether it lists it.
    lists: bool,
    /// Where blobs are to be sent, if not to itself.
    storage: Option<String>,
    /// Whether it wants to see a password.
    is_guarded: bool,
}

impl Keeper {
    /// An empty one.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state: Arc<Mutex<State>> = Arc::default();
        let ours = Arc::clone(&state);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let state = Arc::clone(&ours);
                std::thread::spawn(move || serve(stream, &state, false));
            }
        });
        Self { host, state }
    }

    /// The next uploads in pieces break off after so many bytes each.
    pub fn break_after(&self, bytes: &[usize]) {
        self.state.lock().unwrap().breaks = bytes.iter().rev().copied().collect();
    }

    /// Whether it says that it knows what a subject is, and whether it lists what refers to one.
    pub fn referrers(&self, says_subject: bool, lists: bool) {
        let mut state = self.state.lock().unwrap();
        (state.says_subject, state.lists) = (says_subject, lists);
    }

    /// It wants to see a password, and has blobs sent to another port, which has no business with it.
    /// Heads of requests to that begin with `storage`.
    pub fn guarded_with_storage() -> Self {
        let keeper = Self::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        {
            let mut state = keeper.state.lock().unwrap();
            state.storage = Some(listener.local_addr().unwrap().to_string());
            state.is_guarded = true;
        }
        let ours = Arc::clone(&keeper.state);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let state = Arc::clone(&ours);
                std::thread::spawn(move || serve(stream, &state, true));
            }
        });
        keeper
    }

    /// The requests since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }
}

/// A request whose body is not read yet.
struct Request {
    method: String,
    path: String,
    query: String,
    length: usize,
    head: String,
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    let text = String::from_utf8(text).unwrap();
    let (first, rest) = text.split_once("\r\n").unwrap();
    let head = format!("{first}\r\n{}", rest.to_ascii_lowercase());
    let length = head.split_once("content-length: ");
    let length = length.and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
    let mut words = first.split(' ');
    let method = words.next()?.to_owned();
    let target = words.next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.replace("%3A", ":"),
        length: length.unwrap_or(0),
        head,
    })
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, is_storage: bool) {
    let Some(request) = read(&mut stream) else {
        return;
    };
    let place = if is_storage { "storage " } else { "" };
    let head = format!("{place}{}", request.head);
    state.lock().unwrap().seen.push(head);
    let most = match request.method.as_str() {
        "PATCH" => state.lock().unwrap().breaks.pop(),
        _ => None,
    };
    let wanted = most.unwrap_or(usize::MAX).min(request.length);
    let mut body = Vec::new();
    Read::by_ref(&mut stream)
        .take(wanted as u64)
        .read_to_end(&mut body)
        .unwrap();
    let (status, headers, answer) = {
        let mut state = state.lock().unwrap();
        let is_refused =
            state.is_guarded && !is_storage && !request.head.contains("authorization:");
        if is_refused {
            let challenge = "WWW-Authenticate: Basic realm=x\r\n";
            (401, challenge.to_owned(), Vec::new())
        } else {
            state.answer(&request, body)
        }
    };
    if wanted < request.length {
        let _ = stream.shutdown(Shutdown::Both);
        return;
    }
    let head = format!(
        "HTTP/1.1 {status} x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        answer.len()
    );
    let answer = if request.method == "HEAD" {
        Vec::new()
    } else {
        answer
    };
    let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
    let _ = stream.shutdown(Shutdown::Write);
}

impl State {
    fn answer(&mut self, request: &Request, body: Vec<u8>) -> (u16, String, Vec<u8>) {
        let nothing = |status: u16, headers: String| (status, headers, Vec::new());
        let last = request.path.rsplit('/').next().unwrap().to_owned();
        let storage = self.storage.iter().map(|host| format!("http://{host}"));
        let storage = storage.collect::<String>();
        let place = |id: &str| format!("Location: {storage}/upload/{id}?state=a%2Fb\r\n");
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", _) if !request.head.contains("content-length: 0") => {
                nothing(411, String::new())
            }
            ("POST", _) => {
                let id = format!("{}", self.uploads.len());
                self.uploads.insert(id.clone(), Vec::new());
                nothing(202, place(&id))
            }
            ("PATCH", _) => {
                let upload = self.uploads.get_mut(&last).unwrap();
                let range = request.head.split_once("content-range: ");
                let from = range.map_or("0", |(_, rest)| rest.split('-').next().unwrap());
                if from != upload.len().to_string() || request.query != "state=a%2Fb" {
                    return nothing(416, String::new());
                }
                upload.extend(body);
                nothing(202, place(&last))
            }
            ("GET", path) if path.starts_with("/upload/") => {
                let has = self.uploads[&last].len().saturating_sub(1);
                nothing(204, format!("{}Range: 0-{has}\r\n", place(&last)))
            }
            ("PUT", path) if path.starts_with("/upload/") => {
                let upload = self.uploads.get_mut(&last).unwrap();
                upload.extend(body);
                let digest = Digest::of(upload).to_string();
                if !request.query.ends_with(&format!("&digest={digest}")) {
                    return nothing(400, String::new());
                }
                self.blobs.insert(digest, upload.clone());
                nothing(201, String::new())
            }
            ("PUT", _) => {
                let document: Value = serde_json::from_slice(&body).unwrap();
                self.manifests
                    .insert(Digest::of(&body).to_string(), body.clone());
                self.manifests.insert(last, body);
                let subject = document["subject"]["digest"].as_str();
                let subject = subject.filter(|_| self.says_subject);
                let said = subject.map(|digest| format!("OCI-Subject: {digest}\r\n"));
                nothing(201, said.unwrap_or_default())
            }
            ("GET", path) if path.contains("/referrers/") && self.lists => {
                let entries = self.manifests.iter().filter(|(name, _)| name.contains(':'));
                let entries = entries.filter_map(|(digest, bytes)| {
                    let document: Value = serde_json::from_slice(bytes).unwrap();
                    (document["subject"]["digest"] == last).then(|| {
                        json!({
                            "mediaType": document["mediaType"], "digest": digest, "size": bytes.len(),
                            "artifactType": document["artifactType"],
                            "annotations": document["annotations"],
                        })
                    })
                });
                let list = json!({"schemaVersion": 2, "manifests": entries.collect::<Vec<_>>()});
                (200, String::new(), list.to_string().into_bytes())
            }
            (_, path) if path.contains("/referrers/") => nothing(404, String::new()),
            (_, path) => {
                let from = if path.contains("/blobs/") {
                    &self.blobs
                } else {
                    &self.manifests
                };
                match from.get(&last) {
                    Some(bytes) => (200, String::new(), bytes.clone()),
                    None => nothing(404, String::new()),
                }
            }
        }
    }
}
