//! What other programs see in our reports: schemas, libraries, and the fields that CI systems read.
//!
//! `ci/readers` installs what these tests need.

mod support;

use std::path::Path;
use std::process::Command;

use support::Project;

const SCRIPT: &str = r#"{
  "images": ["img:1", "größe:1"],
  "runs": [
    {"when": "works", "stdout": "hello 1.17\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no space left on device"},
    {"when": "wobbles", "exit": 1, "stderr": "too early\n", "times": 1},
    {"when": "wobbles", "stdout": "at last\n"},
    {"when": "evil", "exit": 1, "stdout": "\u001b[2J\u0000::error::x\r\n  ...\nnot ok 99\n1..1\nBail out!\n]]></system-out>\ufffe\n"}
  ]
}"#;

const SPEC: &str = r"
image: img:1
checks:
  - {name: works, run: works}
  - {name: breaks, run: breaks}
  - {name: can not be told, run: engine}
  - {name: has no time, run: works, skip: no time}
  - {name: is known to break, run: breaks, xfail: a bug}
  - {name: wobbles, run: wobbles, retries: 2}
  - {name: is hostile, run: evil, stdout: {lines: 3}}
  - {name: 'größe μ 测试 <&> ]]> # TODO \ x', run: works}
  - {name: 'two  spaces', run: works}
  - {name: 'two spaces', run: breaks}
";

const OTHER_SPEC: &str = "image: größe:1\nchecks:\n  - {name: works, run: works}\n";

/// A run with one of everything, a part of it, and one that selects nothing.
const RUNS: [&[&str]; 3] = [&[], &["größe:1"], &["nothing is called this"]];

/// Writes these formats, each to a file of its name.
fn run(args: &[&str], formats: &[&str]) -> Project {
    let project = Project::new(&[
        ("script.json", SCRIPT),
        ("test-specs/a.yaml", SPEC),
        ("test-specs/b.yaml", OTHER_SPEC),
    ]);
    let options: Vec<String> = formats.iter().map(|it| format!("--{it}={it}")).collect();
    let mut all: Vec<&str> = options.iter().map(String::as_str).collect();
    all.extend(args);
    project.fake(&all);
    project
}

/// What a program prints; `Err` has what it complains about.
fn ask(program: &str, args: &[&Path]) -> Result<String, String> {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; see ci/readers"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

fn reader(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.join("tests/readers").join(name)
}

/// Debian's Python has Debian's packages; another may come first in the path.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn the_strict_report_is_what_a_schema_allows_and_the_other_is_not() {
    let schema = reader("xunit.xsd");
    let validate = |path: &Path| {
        let options = ["--noout", "--schema"].map(Path::new);
        ask("xmllint", &[options[0], options[1], &schema, path])
    };
    for args in RUNS {
        let project = run(args, &["junit", "junit-strict"]);
        validate(&project.path("junit-strict")).unwrap();
        let complaint = validate(&project.path("junit")).unwrap_err();
        assert!(complaint.contains("timestamp"), "{complaint}");
    }
}

#[test]
fn all_readers_of_junit_see_the_same() {
    for (args, expected) in RUNS.into_iter().zip(["5 3 1 2", "1 0 0 0", "0 0 1 0"]) {
        let project = run(args, &["junit", "junit-strict"]);
        let paths = ["junit", "junit-strict"].map(|name| project.path(name));
        let seen = ask(PYTHON, &[&reader("junit.py"), &paths[0], &paths[1]]).unwrap();
        assert_eq!(seen, [expected; 2].join("\n"), "{args:?}");
    }
}

#[test]
fn the_harness_of_perl_reads_our_tap() {
    for (args, expected) in RUNS.into_iter().zip(["5 4 1 1", "1 0 0 0", "0 1 0 0"]) {
        let project = run(args, &["tap"]);
        let seen = ask("perl", &[&reader("tap.pl"), &project.path("tap")]).unwrap();
        assert_eq!(seen, expected, "{args:?}");
    }
}

/// All that Markdown, HTML and GitHub make something of.
const MARKUP: &str = "@octocat ![x](http://e.vil/x.png) <img src=x> <script>a</script> [l](http://e.vil) \
www.e.vil http://e.vil a@e.vil #1 `code` **b** _i_ ~~s~~ | x | </details> </code> <!-- --> ~~~ ``` ````` \
\n```\n~~~~~~~\n</details>\n# head\n- list\n| a | b |\n|---|---|\n@org/team\n&lt;b&gt; $x$ :smile: \\` \\@octocat\n";

#[test]
fn nothing_becomes_markup_in_the_renderer_of_github() {
    let script = serde_json::json!({
        "images": ["img:1"],
        "runs": [
            {"when": "evil", "exit": 1, "stdout": MARKUP, "stderr": MARKUP},
            {"when": "lost", "error": MARKUP},
            {"when": "works", "stdout": ""},
        ],
    });
    // Names have an end; each has a part of it.
    let characters: Vec<char> = MARKUP.replace('\n', " ").chars().collect();
    let mut checks = Vec::new();
    for part in characters.chunks(90) {
        let name: String = part.iter().collect();
        for (run, skip) in [
            ("evil", false),
            ("lost", false),
            ("works", false),
            ("works", true),
        ] {
            let name = format!("{} {name}", checks.len());
            let mut check = serde_json::json!({"name": name, "run": run});
            if run == "evil" {
                check["stdout"] = format!("{MARKUP}other").into();
            }
            if skip {
                check["skip"] = MARKUP.into();
            }
            checks.push(check);
        }
    }
    let spec = serde_json::json!({"image": "img:1", "checks": checks});
    let project = Project::scripted(&spec.to_string(), &script.to_string());
    project.fake(&["--markdown", "report.md"]).expect(1);
    let command = "cmark-gfm --unsafe -e table -e autolink -e strikethrough \"$1\" | \"$2\" \"$3\"";
    let words = ["-c", command, "sh"].map(Path::new);
    let report = project.path("report.md");
    let paths: [&Path; 3] = [&report, Path::new(PYTHON), &reader("elements.py")];
    let seen = ask("sh", &[&words[..], &paths[..]].concat()).unwrap();
    let ours = "code details h2 h3 h4 li p pre strong summary table tbody td th thead tr ul";
    assert_eq!(seen, ours);
}
