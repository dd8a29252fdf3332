//! The reports of a run that has one of everything: they agree with each other, whatever the
//! image wrote and however the run ended.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use regex::Regex;
use serde_json::Value;
use support::{Ended, Project, Report};

const SCRIPT: &str = r#"{
  "images": ["img:1", "größe:1"],
  "runs": [
    {"when": "works", "stdout": "hello 1.17\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no space left on device"},
    {"when": "wobbles", "exit": 1, "stderr": "too early\n", "times": 1},
    {"when": "wobbles", "stdout": "at last\n"},
    {"when": "dawdles", "takes": 60000},
    {"when": "evil", "exit": 1, "stdout": "\u001b[2J\u0000::error::x\r\n##[group]\r]]></system-out>\n{\"event\":\"end\"}\n"},
    {"when": "floods", "stdout": "0123456789abcde\n", "repeat": 131072}
  ]
}"#;

const SPEC: &str = r"
image: img:1
checks:
  - {name: works, run: works, tags: [fast, small]}
  - {name: is too old, run: works, stdout: {version: '>=2'}}
  - {name: breaks, run: breaks}
  - {name: can not be told, run: engine}
  - {name: has no time, run: works, skip: no time}
  - {name: is known to break, run: breaks, xfail: a bug}
  - {name: wobbles, run: wobbles, retries: 2}
  - {name: is hostile, run: evil}
  - {name: floods, run: floods, stdout: {lines: 3}}
  - {name: 'größe μ 测试 <&> ]]>', run: works}
";

const OTHER_SPEC: &str = "image: größe:1\nchecks:\n  - {name: works, run: works}\n";

fn project() -> Project {
    let files = [
        ("script.json", SCRIPT),
        ("test-specs/a.yaml", SPEC),
        ("test-specs/b.yaml", OTHER_SPEC),
    ];
    Project::new(&files)
}

/// Passed, failed, errors, skipped.
type Counts = [u64; 4];

/// The name of a format, and what reads its counts.
type Reader = (&'static str, fn(&str) -> Counts);

/// Another format that says how many checks came to what has its line in here.
const COUNTS: [Reader; 4] = [
    ("junit", |text| {
        let report = Report::read(text.as_bytes());
        report.agrees();
        let counts = ["passed", "failure", "error", "skipped"];
        counts.map(|verdict| report.count(verdict) as u64)
    }),
    ("json", |text| {
        let record: Value = serde_json::from_str(text).unwrap();
        let told = counts(&record["counts"]);
        let checks = record["checks"].as_array().unwrap();
        assert_eq!(verdicts(checks.iter()), told);
        told
    }),
    ("json-lines", |text| {
        let lines = lines(text);
        let (last, rest) = lines.split_last().unwrap();
        assert_eq!(
            (&lines[0]["event"], &last["event"]),
            (&"start".into(), &"end".into())
        );
        let told = counts(&last["counts"]);
        let checks = rest.iter().filter(|line| line["event"] == "check");
        assert_eq!(verdicts(checks), told);
        told
    }),
    ("html", |text| {
        let told = ["passed", "failed", "error", "skipped"].map(|verdict| {
            let total = Regex::new(&format!(r#"data-total="{verdict}">(\d+)<"#)).unwrap();
            let total: u64 = total.captures(text).unwrap()[1].parse().unwrap();
            let checks = text
                .matches(&format!(r#"data-verdict="{verdict}""#))
                .count();
            assert_eq!(checks as u64, total, "{verdict}");
            total
        });
        assert!(text.trim_end().ends_with("</html>"));
        told
    }),
];

fn counts(value: &Value) -> Counts {
    ["passed", "failed", "errors", "skipped"].map(|name| value[name].as_u64().unwrap())
}

fn verdicts<'a>(checks: impl Iterator<Item = &'a Value>) -> Counts {
    let checks: Vec<_> = checks.collect();
    ["passed", "failed", "error", "skipped"].map(|word| {
        checks
            .iter()
            .filter(|check| check["verdict"] == word)
            .count() as u64
    })
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'));
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn console(ended: &Ended) -> Counts {
    let summary = ended
        .stdout
        .lines()
        .rfind(|line| line.contains(" in "))
        .unwrap();
    [
        r"(\d+) passed",
        r"(\d+) failed",
        r"(\d+) errors?\b",
        r"(\d+) skipped",
    ]
    .map(|words| {
        let found = Regex::new(words).unwrap().captures(summary);
        found.map_or(0, |found| found[1].parse().unwrap())
    })
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn json(project: &Project, path: &str) -> Value {
    serde_json::from_str(&read(project.path(path))).unwrap()
}

/// The arguments that write every format to a file of its name.
fn all_formats() -> Vec<String> {
    let options = COUNTS.iter();
    options
        .map(|(name, _)| format!("--{name}=out/{name}"))
        .collect()
}

fn run(project: &Project, args: &[&str]) -> Ended {
    let formats = all_formats();
    let mut all: Vec<&str> = formats.iter().map(String::as_str).collect();
    all.extend(args);
    project.fake(&all)
}

#[track_caller]
fn check<'a>(record: &'a Value, name: &str) -> &'a Value {
    let mut checks = record["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap()
}

#[test]
fn all_reports_count_the_same() {
    for (args, expected) in [
        (&[][..], [4, 4, 1, 2]),
        (&["--flaky", "fail"], [3, 5, 1, 2]),
        (&["--tag", "fast"], [1, 0, 0, 0]),
        (&["--exact", "img:1::can not be told"], [0, 0, 1, 0]),
        (&["größe:1"], [1, 0, 0, 0]),
        (&["--test-threads", "1", "--shard", "2/3"], [2, 1, 0, 1]),
    ] {
        let project = project();
        let ended = run(&project, args);
        assert_eq!(console(&ended), expected, "{args:?}: {}", ended.stdout);
        for (name, counts) in COUNTS {
            let text = read(project.path(&format!("out/{name}")));
            assert_eq!(counts(&text), expected, "{name} of {args:?}");
        }
    }
}

#[test]
fn the_record_tells_all_that_is_known_of_a_check() {
    let project = project();
    run(&project, &[]).expect(1);
    let record = json(&project, "out/json");
    assert_eq!(record["version"], 1);
    assert_eq!(record["ended"]["how"], "complete");
    assert_eq!(record["engine"]["kind"], "fake");
    assert_eq!(record["images"][0]["name"], "img:1");
    let id = record["images"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("sha256:"));
    for (name, value) in [("flaky", 1), ("xfail", 1), ("not_run", 0)] {
        assert_eq!(record["counts"][name], value, "{name}");
    }

    let works = check(&record, "works");
    assert_eq!(works["tags"], serde_json::json!(["fast", "small"]));
    assert_eq!(
        (&works["kind"], &works["place"]["line"]),
        (&"run".into(), &4.into())
    );
    assert_eq!(works["place"]["file"], "test-specs/a.yaml");
    assert!(works["worker"].is_u64() && works["reproduce"].is_string());
    assert!(works["duration"].as_f64().unwrap() > 0.0);
    assert_eq!(works["stdout"]["head"], "hello 1.17\n");

    let old = &check(&record, "is too old")["findings"][0];
    assert_eq!(
        (&old["kind"], &old["label"]),
        (&"stdout".into(), &"stdout.version".into())
    );
    assert_eq!(
        (&old["place"]["line"], &old["place"]["column"]),
        (&5.into(), &54.into())
    );

    let wobbles = check(&record, "wobbles");
    assert_eq!(wobbles["flaky"], true);
    assert_eq!(wobbles["earlier"][0]["verdict"], "failed");
    let known = check(&record, "is known to break");
    assert_eq!(
        (&known["xfail"], &known["xfailed"]),
        (&"a bug".into(), &true.into())
    );
    let skipped = check(&record, "has no time");
    assert!(skipped.get("worker").is_none() && skipped["xfailed"] == false);

    let hostile = check(&record, "is hostile")["stdout"]["head"]
        .as_str()
        .unwrap();
    assert!(
        hostile.starts_with("␀::error::x\n##[group]\n]]>"),
        "{hostile:?}"
    );
    let floods = &check(&record, "floods")["stdout"];
    assert_eq!(floods["bytes"], 131_072 * 16);
    let kept = floods["head"].as_str().unwrap().len() + floods["tail"].as_str().unwrap().len();
    assert_eq!(
        floods["omitted"].as_u64().unwrap() as usize + kept,
        131_072 * 16
    );

    // Of this machine's folders there is nothing in it.
    let text = read(project.path("out/json"));
    assert!(!text.contains(&*project.root().to_string_lossy()));
}

#[test]
fn real_results_are_as_the_committed_schema_says() {
    let project = project();
    run(&project, &[]).expect(1);
    project.fake(&["--shard", "1/2", "--json=out/shard"]);
    let mut values = vec![
        ("report", json(&project, "out/json")),
        ("report", json(&project, "out/shard")),
    ];
    let lines = lines(&read(project.path("out/json-lines")));
    values.extend(lines.into_iter().map(|line| ("report-lines", line)));
    for (name, value) in values {
        let path = format!("docs/{name}.schema.json");
        let schema = read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{value:#}");
    }
}

#[test]
fn a_report_on_the_standard_output_has_it_alone() {
    for (name, counts) in COUNTS {
        let project = project();
        let ended = project.fake(&[&format!("--{name}=-"), "--color", "never"]);
        ended.expect(1);
        assert_eq!(counts(&ended.stdout), [4, 4, 1, 2], "{name}");
        assert!(
            ended.stderr.contains("4 passed, 4 failed"),
            "{}",
            ended.stderr
        );
        assert!(!project.path("-").exists());
    }
}

#[test]
fn two_outputs_to_one_place_are_refused_before_anything_is_written() {
    for args in [
        &["--json", "a", "--junit", "a"][..],
        &["--json", "a", "--junit", "./x/../a"],
        &["--json", "new/a", "--json-lines", "./new/a"],
        &["--json", "a", "--logfile", "a"],
        &["--json", "-", "--json-lines", "-"],
        &["--json", "-", "--junit", "/dev/stdout"],
        &["--json", "link", "--junit", "test-specs/old"],
        &["--json", "-", "--format", "terse"],
    ] {
        let project = project();
        project.write("test-specs/old", b"old");
        std::os::unix::fs::symlink("test-specs/old", project.path("link")).unwrap();
        let ended = project.fake(args);
        ended.expect(2);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(!project.path("a").exists() && !project.path("new").exists());
        assert_eq!(read(project.path("test-specs/old")), "old");
    }
    project()
        .fake(&["--json", "/dev/null", "--junit", "/dev/null"])
        .expect(1);
}

const SLOW: &str = "image: img:1\nchecks:\n  - run: works\n  - run: breaks\n  - {run: dawdles, timeout: 60s}\n  - {run: works, name: last}\n";

/// Runs until two checks have ended, and then ends the run by this signal.
fn killed(project: &Project, signal: &str) -> Option<i32> {
    let mut command = project.command(&["--engine", "fake:script.json", "--test-threads", "1"]);
    let mut child = command
        .args(all_formats())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    lines.find(|line| line.contains("img:1::breaks")).unwrap();
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args([signal, &id])
        .status()
        .unwrap();
    assert!(sent.success());
    for _ in lines {}
    child.wait().unwrap().code()
}

#[test]
fn an_interrupted_run_leaves_whole_reports() {
    let project = Project::scripted(SLOW, SCRIPT);
    assert_eq!(killed(&project, "-INT"), Some(130));
    for (name, counts) in COUNTS {
        let text = read(project.path(&format!("out/{name}")));
        assert_eq!(counts(&text), [1, 1, 2, 0], "{name}");
    }
    let record = json(&project, "out/json");
    assert_eq!(
        record["ended"],
        serde_json::json!({"how": "signal", "number": 2})
    );
    assert_eq!(record["counts"]["not_run"], 1);
    assert!(check(&record, "last").get("worker").is_none());
    assert_eq!(check(&record, "dawdles")["problem"]["kind"], "interrupted");
}

#[test]
fn a_killed_run_leaves_its_lines_and_no_success() {
    let project = Project::scripted(SLOW, SCRIPT);
    assert_eq!(killed(&project, "-KILL"), None);
    let lines = lines(&read(project.path("out/json-lines")));
    let events: Vec<_> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["start", "image", "check", "check"]);
    assert_eq!(lines[0]["planned"].as_array().unwrap().len(), 4);

    // Nobody knows yet what comes of its checks; but which they are.
    let record = json(&project, "out/json");
    assert_eq!(record["ended"]["how"], "unfinished");
    assert_eq!(counts(&record["counts"]), [0, 0, 4, 0]);

    // Of the lines more can be told.
    let merged = Ended::of(&mut project.seatrial(&["merge", "out/json-lines", "--json", "m"]));
    merged.expect(1);
    let record = json(&project, "m");
    assert_eq!(counts(&record["counts"]), [1, 1, 2, 0]);
    assert_eq!(record["ended"]["how"], "unfinished");
}

#[test]
fn what_can_not_be_written_stops_the_run_before_it_begins() {
    let project = project();
    for option in ["--json", "--json-lines", "--junit", "--html"] {
        let ended = project.fake(&[option, "script.json/report"]);
        ended.expect(3).says(&["cannot create the folder"]);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_full_disk_is_told() {
    for option in ["--json", "--json-lines", "--junit", "--html"] {
        let ended = project().fake(&[option, "/dev/full"]);
        ended
            .expect(3)
            .says(&["cannot write /dev/full", "No space left"]);
    }
}
