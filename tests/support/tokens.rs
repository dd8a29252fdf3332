//! A service of tokens, as registries send whoever wants something to one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

/// Gives tokens to `me` for everything but `secret/…`, and to `reader` for reading.
pub struct Tokens {
    /// `127.0.0.1:PORT`.
    pub host: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tokens {
    /// One that signs with `tokens.key` of a folder, and shows `tokens.crt`.
    pub fn new(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let ours = Arc::clone(&asked);
        let folder: PathBuf = folder.to_owned();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let head = head(&mut stream);
                ours.lock().unwrap().push(head.clone());
                let body = match token(&folder, &head) {
                    Some(token) => json!({"token": token, "expires_in": 300}).to_string(),
                    None => String::new(),
                };
                let status = if body.is_empty() { 401 } else { 200 };
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { host, asked }
    }

    /// The requests since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

fn token(folder: &Path, head: &str) -> Option<String> {
    let said = |user: &str| STANDARD.encode(format!("{user}:secret"));
    let may_write = head.contains(&said("me"));
    if !may_write && !head.contains(&said("reader")) {
        return None;
    }
    let query = head.split(' ').nth(1)?.split_once('?')?.1;
    let query = query
        .replace("%3A", ":")
        .replace("%2F", "/")
        .replace("%2C", ",");
    let scopes = query
        .split('&')
        .filter_map(|it| it.strip_prefix("scope=repository:"));
    let access = scopes.filter_map(|scope| {
        let (name, actions) = scope.split_once(':')?;
        let actions = actions.split(',').filter(|it| may_write || *it == "pull");
        let actions: Vec<&str> = actions.filter(|_| !name.starts_with("secret/")).collect();
        Some(json!({"type": "repository", "name": name, "actions": actions}))
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let certificate = std::fs::read_to_string(folder.join("tokens.crt")).ok()?;
    let lines = certificate.lines().filter(|line| !line.starts_with("---"));
    let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [lines.collect::<String>()]});
    let claims = json!({
        "iss": "tests", "sub": "me", "aud": "registry", "exp": now + 300, "nbf": now - 10,
        "iat": now, "jti": "1", "access": access.collect::<Vec<_>>(),
    });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let signature = signed(&folder.join("tokens.key"), text.as_bytes());
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn signed(key: &Path, text: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}
