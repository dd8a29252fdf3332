//! What the tests of `seatrial test` share: a project in a temporary folder, and the CLI.

#![expect(dead_code, reason = "each test crate uses its own part of it")]

pub mod daemonless;
pub mod examples;
pub mod family;
pub mod images;
pub mod keeper;
pub mod proxy;
pub mod registry;
pub mod scripted;
pub mod tokens;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use regex::Regex;

/// Runs `docker` and gives what it prints.
#[track_caller]
pub fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The containers of the seatrial of this process id.
pub fn containers_of(pid: u32) -> String {
    let host = hostname::get().unwrap().into_string().unwrap();
    docker(&[
        "ps",
        "--all",
        "--filter",
        "label=seatrial.run",
        "--filter",
        &format!("label=seatrial.host={host}"),
        "--filter",
        &format!("label=seatrial.pid={pid}"),
        "--format",
        "{{.Names}} {{.Label \"seatrial.for\"}}",
    ])
}

/// Held by tests that leave something behind on purpose, and by those whose runs would remove it.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder with files, removed in the end.
pub struct Project {
    folder: tempfile::TempDir,
}

/// How the CLI ended.
#[derive(Debug)]
pub struct Ended {
    pub pid: u32,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What a JUnit file says.
#[derive(Debug, Default)]
pub struct Report {
    pub tests: usize,
    pub failures: usize,
    pub errors: usize,
    pub cases: Vec<Case>,
}

/// One case of a JUnit file; `verdict` is `passed` or the name of the element.
#[derive(Debug)]
pub struct Case {
    pub suite: String,
    pub name: String,
    pub verdict: String,
    pub kind: String,
    pub message: String,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (path, text) in files {
            project.write(path, text.as_bytes());
        }
        project
    }

    /// A project with one spec and one script for the fake engine.
    pub fn scripted(spec: &str, script: &str) -> Self {
        Self::new(&[("test-specs/a.yaml", spec), ("script.json", script)])
    }

    pub fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().write_all(content).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// `seatrial test` in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.seatrial(&["test"]);
        command.args(args);
        command
    }

    /// The CLI in this folder, with an environment that says nothing about colours.
    pub fn seatrial(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("seatrial"));
        for name in [
            "CLICOLOR",
            "CLICOLOR_FORCE",
            "CI",
            "GITHUB_ACTIONS",
            "GITHUB_STEP_SUMMARY",
            "GITLAB_CI",
            "TF_BUILD",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        // What these tests say of engines they say of daemons, unless they say otherwise.
        command.env("SEATRIAL_ENGINE", "docker");
        // Every test performs its checks, whatever the ones before it came to.
        command.env("SEATRIAL_FRESH", "1");
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        command.args(args).current_dir(self.root());
        command
    }

    pub fn test(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(args))
    }

    /// With the fake engine and its script.
    pub fn fake(&self, args: &[&str]) -> Ended {
        self.test(&[&["--engine", "fake:script.json"], args].concat())
    }

    /// The JUnit file `junit.xml`.
    pub fn junit(&self) -> Report {
        Report::read(&fs::read(self.path("junit.xml")).unwrap())
    }

    /// Interrupts a run when `ready` returns, which gets the header and the id of the process.
    pub fn interrupt(&self, args: &[&str], ready: impl FnOnce(&str, u32)) -> Ended {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut stdout = String::new();
        lines.read_line(&mut stdout).unwrap();
        ready(&stdout, child.id());
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        lines.read_to_string(&mut stdout).unwrap();
        let pid = child.id();
        let ended = child.wait_with_output().unwrap();
        Ended {
            stdout,
            ..Ended::new(pid, &ended)
        }
    }
}

impl Ended {
    pub fn of(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::wait(command.spawn().unwrap())
    }

    /// Waits for one whose streams are piped.
    pub fn wait(child: Child) -> Self {
        Self::new(child.id(), &child.wait_with_output().unwrap())
    }

    fn new(pid: u32, output: &Output) -> Self {
        Self {
            pid,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        for text in texts {
            assert!(all.contains(text), "no `{text}` in:\n{all}");
        }
        self
    }

    /// The standard output without what differs from run to run.
    pub fn stable(&self) -> String {
        let times = Regex::new(r"\d+\.\d+s\b").unwrap();
        let shown = times.replace_all(&self.stdout, "[TIME]");
        // Which checks are slow is the machine's business.
        let slowest = Regex::new(r"slowest:\n(?:  .*\n)+").unwrap();
        slowest.replace(&shown, "").into_owned()
    }
}

impl Report {
    /// Strict: what is not well-formed is an error.
    pub fn read(xml: &[u8]) -> Self {
        let mut reader = Reader::from_str(std::str::from_utf8(xml).unwrap());
        let mut report = Self::default();
        let mut suite = String::new();
        loop {
            let event = reader.read_event().unwrap();
            let (Event::Start(element) | Event::Empty(element)) = event else {
                if matches!(event, Event::Eof) {
                    return report;
                }
                continue;
            };
            let attribute = |name: &str| {
                let found = element.try_get_attribute(name).unwrap();
                found.map_or_else(String::new, |found| {
                    found
                        .normalized_value(XmlVersion::Implicit1_0)
                        .unwrap()
                        .into()
                })
            };
            match element.name().as_ref() {
                b"testsuites" => {
                    let number = |name| attribute(name).parse().unwrap();
                    (report.tests, report.failures, report.errors) =
                        (number("tests"), number("failures"), number("errors"));
                }
                b"testsuite" => suite = attribute("name"),
                b"testcase" => report.cases.push(Case {
                    suite: suite.clone(),
                    name: attribute("name"),
                    verdict: "passed".into(),
                    kind: String::new(),
                    message: String::new(),
                }),
                b"failure" | b"error" | b"skipped" => {
                    let verdict = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                    let case = report.cases.last_mut().unwrap();
                    case.verdict = verdict;
                    case.kind = attribute("type");
                    case.message = attribute("message");
                }
                _ => {}
            }
        }
    }

    #[track_caller]
    pub fn case(&self, name: &str) -> &Case {
        let found = self.cases.iter().find(|case| case.name == name);
        found.unwrap_or_else(|| panic!("no case {name} in {self:#?}"))
    }

    /// How many cases have this verdict.
    pub fn count(&self, verdict: &str) -> usize {
        let cases = self.cases.iter();
        cases.filter(|case| case.verdict == verdict).count()
    }

    /// The attributes must say what the elements say.
    #[track_caller]
    pub fn agrees(&self) -> &Self {
        assert_eq!(self.tests, self.cases.len(), "{self:#?}");
        assert_eq!(self.failures, self.count("failure"), "{self:#?}");
        assert_eq!(self.errors, self.count("error"), "{self:#?}");
        self
    }
}
