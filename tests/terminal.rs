//! What a person sees on a terminal, and that nothing of it is left where there is none.

mod support;

use std::process::{Command, Stdio};

use regex::Regex;
use support::images::Made;
use support::{Ended, Project};

const SCRIPT: &str = r#"{
  "images": ["img:1"],
  "runs": [
    {"when": "dawdles", "takes": 1500},
    {"when": "breaks", "exit": 1, "stdout": "\u001b[2J\u001b[5Aevil\r"},
    {"when": "works", "stdout": "hello\n"}
  ]
}"#;

const SPEC: &str = "
image: img:1
checks:
  - {name: works, run: works}
  - {name: breaks, run: breaks}
  - {name: dawdles for so long that its name is more than the terminal has room for, run: dawdles}
";

fn project() -> Project {
    Project::scripted(SPEC, SCRIPT)
}

/// A row of a terminal.
#[derive(Debug, Clone, Default)]
struct Row {
    chars: Vec<char>,
    /// Whether it is the rest of the one before, which was full.
    goes_on: bool,
}

/// The lines on a terminal of so many columns after all of this. It has no end, and knows what is used
/// here.
fn screen(written: &str, columns: u16) -> Vec<String> {
    let mut rows = vec![Row::default()];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['));
                let mut number = String::new();
                let last = loop {
                    let c = rest.next().unwrap();
                    if c.is_ascii_alphabetic() {
                        break c;
                    }
                    number.push(c);
                };
                let count = number.parse().unwrap_or(1);
                match last {
                    'A' => row -= count,
                    'B' => row += count,
                    'K' => rows[row] = Row::default(),
                    'm' => {}
                    _ => panic!("unknown: {number}{last}"),
                }
            }
            _ => {
                // Only what comes after a full row begins a further one.
                let is_full = column == usize::from(columns);
                if is_full {
                    (row, column) = (row + 1, 0);
                    rows.resize(rows.len().max(row + 1), Row::default());
                }
                let Row { chars, goes_on } = &mut rows[row];
                *goes_on |= is_full;
                chars.resize(chars.len().max(column + 1), ' ');
                chars[column] = c;
                column += 1;
            }
        }
        rows.resize(rows.len().max(row + 1), Row::default());
    }
    let mut lines: Vec<String> = Vec::new();
    for row in rows {
        let text = String::from_iter(row.chars);
        match lines.last_mut().filter(|_| row.goes_on) {
            Some(line) => line.push_str(&text),
            None => lines.push(text),
        }
    }
    let lines = lines.into_iter();
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// What is written on a terminal of this many columns.
fn on_terminal(project: &Project, columns: u16, args: &str) -> String {
    let args = format!("test --engine fake:script.json --test-threads 3 {args}");
    let ended = in_terminal(project, columns, &args);
    ended.expect(1);
    ended.stdout
}

/// Runs the CLI on a terminal of this many columns; all that it writes is on the standard output.
fn in_terminal(project: &Project, columns: u16, args: &str) -> Ended {
    let seatrial = project.command(&[]).get_program().to_owned();
    let run = format!(
        "stty cols {columns} rows 30; {} {args}",
        seatrial.to_str().unwrap()
    );
    let mut command = project.command(&[]);
    let mut script = Command::new("script");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    script
        .args(["--quiet", "--return", "--command", &run, "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(project.root())
        .stdin(Stdio::null());
    Ended::of(&mut script)
}

#[test]
fn a_live_line_says_what_runs_and_leaves_nothing_behind() {
    let project = project();
    let plain = project.fake(&["--test-threads", "3"]).expect(1).stable();
    let times = Regex::new(r"\d+\.\d+s\b").unwrap();
    let slowest = Regex::new(r"slowest:\n(?:  .*\n)+").unwrap();
    for columns in [60, 80, 200] {
        let written = on_terminal(&project, columns, "");
        let live = "2/3, 1 not passed: 1s img:1::dawdles for so";
        assert!(written.contains(live), "{columns}: {written}");
        let seen = screen(&written, columns).join("\n");
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.retain(|line| !line.is_empty());
            lines.sort();
            lines
        };
        let seen = slowest.replace(&seen, "").into_owned();
        assert_eq!(sorted(&times.replace_all(&seen, "[TIME]")), sorted(&plain));
    }
}

#[test]
fn builds_have_a_line_each_while_they_go_on() {
    let name = format!("seatrial-test-terminal-{}", std::process::id());
    let image = Made(name.clone());
    let project = Project::new(&[
        (
            "seatrial.yaml",
            &format!("images: {{{name}: {{dockerfile: Dockerfile}}}}"),
        ),
        (
            "Dockerfile",
            &format!("FROM debian:bookworm-slim\nRUN echo said {name}; sleep 2\n"),
        ),
        (
            "test-specs/a.yaml",
            &format!("image: {name}\nchecks:\n  - {{run: 'true', exit: 0}}\n"),
        ),
    ]);
    let ended = in_terminal(&project, 150, "test --build");
    ended.expect(0);
    let live = format!("s  step 2/2 RUN echo said {name}");
    assert!(ended.stdout.contains(&live[..30]), "{}", ended.stdout);
    assert!(ended.stdout.contains("| said "), "{}", ended.stdout);
    let seen: Vec<String> = screen(&ended.stdout, 150);
    let seen: Vec<&String> = seen.iter().filter(|line| !line.is_empty()).collect();
    let [header, built, check, summary] = seen.as_slice() else {
        panic!("{seen:#?}")
    };
    assert!(header.starts_with("running 1 check"), "{header}");
    assert!(built.starts_with(&format!("{name}  built ")), "{built}");
    assert!(check.contains(&format!("ok     {name}::true")), "{check}");
    assert!(summary.starts_with("1 passed in "), "{summary}");

    let again = in_terminal(&project, 150, "build --build-log");
    again.expect(0).says(&["step 2/2", "cached"]);
    drop(image);
}

#[test]
fn nothing_is_live_where_nobody_looks() {
    let project = project();
    for env in [("CI", "1"), ("GITHUB_ACTIONS", "true"), ("TERM", "dumb")] {
        let mut command = project.command(&["--engine", "fake:script.json"]);
        let ended = Ended::of(command.env(env.0, env.1));
        ended.expect(1);
        assert_eq!(ended.stderr, "", "{env:?}");
        assert!(!ended.stdout.contains(['\r', '\u{1b}']), "{}", ended.stdout);
    }
}

#[test]
fn a_summary_tells_what_is_slow_and_what_to_do_next() {
    let project = project();
    let next = [
        "run one check again: seatrial test --exact 'img:1::breaks'\n",
        "run all that did not pass: seatrial test --failed\n",
    ];
    let ended = project.fake(&[]);
    ended
        .expect(1)
        .says(&next)
        .says(&["slowest:\n  1.5s  img:1::dawdles for"]);
    let quiet = project.fake(&["--quiet"]);
    quiet.expect(1).says(&next);
    assert!(!quiet.stdout.contains("slowest") && !quiet.stdout.contains("  ok "));
    let again = project.fake(&["--failed"]);
    again
        .expect(1)
        .says(&["running 1 check on 1 image", "0 passed, 1 failed"]);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let project = project();
    for (remove, set, args, coloured) in [
        (true, None, &[][..], false),
        (true, Some("CLICOLOR_FORCE"), &[], true),
        (false, None, &["--color", "always"], true),
        (true, Some("CLICOLOR_FORCE"), &["--color", "never"], false),
    ] {
        let mut command = project.command(&["--engine", "fake:script.json"]);
        if remove {
            command.env_remove("NO_COLOR");
        }
        if let Some(name) = set {
            command.env(name, "1");
        }
        let ended = Ended::of(command.args(args));
        assert_eq!(
            ended.stdout.contains("\u{1b}[31m"),
            coloured,
            "{set:?} {args:?}"
        );
    }
}
