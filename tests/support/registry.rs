//! Real registries for tests, and what stands before one and does what a real one can't be made to do.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::tokens::Tokens;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// Debian's `docker-registry` on a port of its own, killed in the end.
pub struct Registry {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Where its configuration, data and certificates are.
    pub folder: tempfile::TempDir,
}

impl Registry {
    /// One that anybody may use in the clear.
    pub fn open() -> Self {
        Self::start(tempfile::tempdir().unwrap(), "", "")
    }

    /// One with TLS and a password; its certificate is `a.crt` in its folder.
    pub fn guarded(user: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "a");
        let users = run(&["htpasswd", "-nbB", user, password]);
        write(&folder.path().join("htpasswd"), users.as_bytes());
        let shown = folder.path().display();
        let tls = format!("  tls: {{certificate: {shown}/a.crt, key: {shown}/a.key}}\n");
        let auth = format!("auth: {{htpasswd: {{realm: x, path: {shown}/htpasswd}}}}\n");
        Self::start(folder, &tls, &auth)
    }

    /// One that wants tokens, and the service that gives them.
    pub fn with_tokens() -> WithTokens {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path(), "tokens");
        let tokens = Tokens::new(folder.path());
        let auth = format!(
            "auth: {{token: {{realm: \"http://{}/token\", service: registry, issuer: tests, \
             rootcertbundle: {}/tokens.crt}}}}\n",
            tokens.host,
            folder.path().display()
        );
        let registry = Self::start(folder, "", &auth);
        WithTokens {
            host: registry.host.clone(),
            tokens,
            _registry: registry,
        }
    }

    /// `http` and `more` are lines of its configuration.
    pub fn start(folder: tempfile::TempDir, http: &str, more: &str) -> Self {
        let host = free_port();
        let root = folder.path().display();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
             {root}/data}}}}\nhttp:\n  addr: {host}\n{http}{more}"
        );
        let path = folder.path().join("registry.yml");
        write(&path, config.as_bytes());
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("docker-registry: {error}; run ci/registry"));
        let registry = Self {
            child,
            host,
            folder,
        };
        let begun = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            assert!(begun.elapsed() < LONG, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

/// A registry that wants tokens.
pub struct WithTokens {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Who gives them.
    pub tokens: Tokens,
    _registry: Registry,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file, over one that is there.
pub fn write(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}

/// An address that nobody listens on.
pub fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Makes `NAME.crt` and `NAME.key` for 127.0.0.1.
pub fn certificate(folder: &Path, name: &str) {
    let file = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
    run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        &file("key"),
        "-out",
        &file("crt"),
        "-subj",
        "/CN=x",
        "-days",
        "3",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
}

/// Runs a command and gives what it prints.
#[track_caller]
pub fn run(command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes credentials where Docker keeps them: a folder for `DOCKER_CONFIG`.
pub fn docker_config(folder: &Path, host: &str, user: &str, password: &str) -> PathBuf {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#);
    write(&folder.join("config.json"), config.as_bytes());
    folder.to_owned()
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is passed on.
    None,
    /// It is answered at once with a status and these lines of a head; its body is not read.
    Answer(u16, String),
    /// The connections break after so many bytes of its body were passed on.
    Cut(u64),
    /// It is passed on, and then the connection breaks before the answer comes.
    Lose,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// How many bytes its body has, as it says.
    pub length: u64,
    /// All lines of its head.
    pub head: String,
}

type Rule = Box<dyn FnMut(&Seen) -> Fault + Send>;

/// Stands before a registry, sees all requests and breaks some.
pub struct FaultProxy {
    /// `127.0.0.1:PORT`.
    pub host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    rule: Arc<Mutex<Rule>>,
}

impl FaultProxy {
    /// Before this registry, which speaks in the clear.
    pub fn new(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_| Fault::None)));
        let proxy = Self {
            host,
            seen: Arc::clone(&seen),
            rule: Arc::clone(&rule),
        };
        let registry = registry.to_owned();
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let (seen, rule) = (Arc::clone(&seen), Arc::clone(&rule));
                let registry = registry.clone();
                std::thread::spawn(move || {
                    let _ = serve(client, &registry, &seen, &rule);
                });
            }
        });
        proxy
    }

    /// What becomes of requests from now on.
    pub fn rule(&self, rule: impl FnMut(&Seen) -> Fault + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// This becomes of the first requests of a method whose path has this in it, so many times.
    pub fn times(&self, count: usize, method: &str, part: &str, fault: Fault) {
        let (method, part) = (method.to_owned(), part.to_owned());
        let mut left = count;
        self.rule(move |seen| {
            if left > 0 && seen.method == method && seen.path.contains(&part) {
                left -= 1;
                return fault.clone();
            }
            Fault::None
        });
    }

    /// The requests since this was asked last.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// How many requests have this method.
pub fn count(seen: &[Seen], method: &str) -> usize {
    seen.iter().filter(|it| it.method == method).count()
}

fn serve(
    mut client: TcpStream,
    registry: &str,
    all: &Mutex<Vec<Seen>>,
    rule: &Mutex<Rule>,
) -> std::io::Result<()> {
    let Some(head) = head(&mut client)? else {
        return Ok(());
    };
    let mut words = head.split(' ');
    let lower = head.to_ascii_lowercase();
    let length = lower.split_once("content-length: ").map(|(_, rest)| rest);
    let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
    let seen = Seen {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        length: length.unwrap_or(0),
        head: head.clone(),
    };
    all.lock().unwrap().push(seen.clone());
    let fault = (rule.lock().unwrap())(&seen);
    if let Fault::Answer(status, lines) = &fault {
        let answer =
            format!("HTTP/1.1 {status} x\r\nConnection: close\r\n{lines}Content-Length: 0\r\n\r\n");
        client.write_all(answer.as_bytes())?;
        client.shutdown(Shutdown::Write)?;
        // Or the answer would be lost with what nobody has read.
        return std::io::copy(&mut client, &mut std::io::sink()).map(drop);
    }
    let mut server = TcpStream::connect(registry)?;
    let last = head.trim_end_matches("\r\n");
    let last = format!("{last}\r\nConnection: close\r\n\r\n");
    server.write_all(last.as_bytes())?;
    let most = match fault {
        Fault::Cut(after) => after.min(seen.length),
        _ => seen.length,
    };
    std::io::copy(&mut Read::by_ref(&mut client).take(most), &mut server)?;
    if matches!(fault, Fault::Cut(_)) {
        // What was passed on is to arrive, and no more.
        server.shutdown(Shutdown::Write)?;
        let _ = std::io::copy(&mut server, &mut std::io::sink());
        return client.shutdown(Shutdown::Both);
    }
    if fault == Fault::Lose {
        std::io::copy(&mut server, &mut std::io::sink())?;
        return client.shutdown(Shutdown::Both);
    }
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Write)
}

fn head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        text.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}
