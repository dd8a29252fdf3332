//! A real browser for tests: Chromium without a window, driven through chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than any command takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key that a reader presses, as the protocol of drivers spells it.
pub const ESCAPE: &str = "\u{e00c}";
pub const ENTER: &str = "\u{e007}";
pub const RIGHT: &str = "\u{e014}";
pub const CONTROL: &str = "\u{e009}";

/// A browser with a profile of its own; both are gone in the end.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    folder: Option<TempDir>,
}

impl Browser {
    /// Starts it, with a window of 1200 by 900.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs chromedriver: ci/browser installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.rsplit_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("chromedriver tells its port");
        std::thread::spawn(move || lines.for_each(drop));
        let profile = folder.path().join("profile").display().to_string();
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            folder: Some(folder),
        };
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-breakpad",
            "--hide-scrollbars",
            "--window-size=1200,900",
            &format!("--user-data-dir={profile}"),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": args},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Opens a file, with what follows its path: nothing, or a hash.
    pub fn open(&self, path: &Path, hash: &str) {
        // A change of the hash alone would not load it anew.
        self.command("url", &json!({"url": "about:blank"}));
        let url = format!("file://{}{hash}", path.display());
        self.command("url", &json!({"url": url}));
    }

    /// What a script gives back.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Whether an expression holds, now or soon.
    #[track_caller]
    pub fn holds(&self, expression: &str) {
        let until = Instant::now() + Duration::from_secs(10);
        while self.script(&format!("return Boolean({expression})")) != json!(true) {
            assert!(Instant::now() < until, "never became true: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks the middle of the first element that is like that.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let using = json!({"using": "css selector", "value": selector});
        let found = self.command("element", &using);
        let id = found.as_object().unwrap().values().next().unwrap();
        self.command(
            &format!("element/{}/click", id.as_str().unwrap()),
            &json!({}),
        );
    }

    /// Presses keys one after the other; [`CONTROL`] is held down for those that follow it.
    pub fn press(&self, keys: &str) {
        let key = |kind: &str, key: char| json!({"type": kind, "value": key.to_string()});
        let held: Vec<char> = keys.chars().filter(|c| CONTROL.contains(*c)).collect();
        let mut actions = Vec::new();
        for c in keys.chars() {
            actions.push(key("keyDown", c));
            if !held.contains(&c) {
                actions.push(key("keyUp", c));
            }
        }
        actions.extend(held.iter().map(|c| key("keyUp", *c)));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.command("actions", &json!({"actions": [keyboard]}));
    }

    /// A command of the protocol that developer tools speak.
    pub fn tools(&self, command: &str, params: &Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.command("goog/cdp/execute", &body)
    }

    /// As if the system were set to `light` or `dark`, or the page were on `print`.
    pub fn media(&self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let params = json!({"media": media, "features": features});
        self.tools("Emulation.setEmulatedMedia", &params);
    }

    /// A screen of this size, in CSS pixels; phones are narrower than any window.
    pub fn screen(&self, width: u32, height: u32) {
        let params = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.tools("Emulation.setDeviceMetricsOverride", &params);
    }

    /// What the browser has complained of since it was asked last.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        let entries = log.as_array().unwrap().iter();
        entries.map(|entry| entry["message"].to_string()).collect()
    }

    /// The addresses that were asked for since the last time, those of the browser's own pages aside.
    pub fn requests(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "performance"}));
        let entries = log.as_array().unwrap().iter().map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            message["message"].clone()
        });
        entries
            .filter(|message| message["method"] == "Network.requestWillBeSent")
            .map(|message| ["documentURL", "request"].map(|key| message["params"][key].clone()))
            .filter(|[page, _]| !page.as_str().unwrap().starts_with("chrome://"))
            .map(|[_, request]| request["url"].as_str().unwrap().to_owned())
            .filter(|url| url != "about:blank")
            .collect()
    }

    #[track_caller]
    fn command(&self, command: &str, body: &Value) -> Value {
        self.ask(
            "POST",
            &format!("/session/{}/{command}", self.session),
            body,
        )
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, value) = self.exchange(method, path, body).unwrap();
        assert!(status == 200, "{method} {path} {body}: {value:#}");
        value
    }

    /// One request on a connection of its own.
    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        // It doesn't close the connection, whatever it is asked.
        let mut reader = BufReader::new(stream);
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status is a number");
            } else if let Some(rest) = line.strip_prefix("content-length:") {
                length = rest.trim().parse().expect("a length is a number");
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut value: Value = serde_json::from_slice(&body)?;
        Ok((status, value["value"].take()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        let ended = self.exchange("DELETE", &path, &json!({}));
        let killed = self.driver.kill().and_then(|()| self.driver.wait());
        // The last processes of the browser may still be writing.
        let folder = self.folder.take().map(TempDir::keep).unwrap_or_default();
        let until = Instant::now() + Duration::from_secs(10);
        while std::fs::remove_dir_all(&folder).is_err() && folder.exists() && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        // A second panic would hide the first.
        if !std::thread::panicking() {
            ended.unwrap();
            killed.unwrap();
            assert!(!folder.exists());
        }
    }
}
