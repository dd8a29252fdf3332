//! Specs that nobody would write in good faith, or with a tool for YAML: each gets a clear answer, in
//! bounded time and memory, and nothing of it reaches the terminal as it is.

mod support;

use std::fmt::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use regex::Regex;
use support::{Ended, Project};

const SCRIPT: &str = r#"{"images": ["img:1"], "runs": [{"when": ""}]}"#;
const HEAD: &str = "image: img:1\nchecks:\n  - run: 'true'\n";
/// More memory than any spec may need, in KiB.
const MEMORY: &str = "1500000";
/// Only there so that a hang fails: far more than any spec needs, in seconds.
const PATIENCE: &str = "240";

/// `seatrial test` with `args`, in bounded time and memory.
fn bounded(project: &Project, args: &[&str]) -> Ended {
    let plain = project.command(&[&["--engine", "fake:script.json"], args].concat());
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -v "$0"; exec timeout -s KILL "$@""#])
        .args([MEMORY, PATIENCE])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(project.root())
        .env("NO_COLOR", "1")
        .stdin(std::process::Stdio::null());
    Ended::of(&mut command)
}

/// The answer to a spec that is refused: harmless, and short however long the spec is.
#[track_caller]
fn refused(name: &str, spec: &[u8]) -> String {
    let project = Project::new(&[("script.json", SCRIPT)]);
    project.write("spec.yaml", spec);
    let ended = bounded(&project, &["--spec", "spec.yaml"]);
    assert_eq!(ended.code, Some(78), "{name}: {ended:?}");
    assert_eq!(ended.stdout, "", "{name}: nothing may run");
    harmless(name, &ended.stderr);
    assert!(
        ended.stderr.contains("spec.yaml"),
        "{name}: {}",
        ended.stderr
    );
    assert!(
        ended.stderr.len() < 40_000,
        "{name}: {}",
        ended.stderr.len()
    );
    // The language grows, and this is not about its keys.
    let keys = Regex::new("known here: .*").unwrap();
    keys.replace_all(&ended.stderr, "known here: […]")
        .into_owned()
}

#[track_caller]
fn harmless(name: &str, told: &str) {
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!told.contains(acts), "{name}: {told:?}");
}

/// All answers of a table, one below the other.
#[track_caller]
fn told<T: AsRef<[u8]>>(table: &[(&str, T)]) -> String {
    let mut all = String::new();
    for (name, spec) in table {
        let _ = writeln!(all, "=== {name}\n{}", refused(name, spec.as_ref()));
    }
    all
}

#[track_caller]
fn snapshot(name: &str, told: &str) {
    insta::assert_snapshot!(name, told);
}

fn check(lines: &str) -> String {
    format!("{HEAD}{lines}")
}

#[test]
fn bombs() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..40 {
        let last = level - 1;
        let row = vec![format!("*a{last}"); 10].join(", ");
        let _ = writeln!(laughs, "a{level}: &a{level} [{row}]");
        let (open, close) = ("[".repeat(50), "]".repeat(50));
        let _ = writeln!(deep, "a{level}: &a{level} {open}*a{last}{close}");
    }
    let anchors: String = (0..60).map(|level| format!("&a{level} [")).collect();
    let items = "x, ".repeat(100_000);
    let large = "y".repeat(1_000_000);
    let aliases = "*a, ".repeat(10_000);
    let merges = "*m, ".repeat(10_000);
    let keys: String = (0..1_000).map(|key| format!("k{key}: v, ")).collect();
    snapshot(
        "bombs",
        &told(&[
            ("billion laughs", laughs),
            (
                "a large text many times",
                format!("a: &a {large}\nb: [{aliases}]\n"),
            ),
            ("aliases that nest ever deeper", deep),
            (
                "anchors in anchors",
                format!("a: {anchors}{items}{}", "]".repeat(60)),
            ),
            (
                "a large map merged many times",
                format!("m: &m {{{keys}}}\nu: {{<<: [{merges}]}}\n"),
            ),
        ]),
    );
}

#[test]
fn depth() {
    let indented: String = (0..2_000)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    snapshot(
        "depth",
        &told(&[
            ("brackets", "[".repeat(10_000)),
            ("a million brackets", "[".repeat(1_000_000)),
            (
                "closed brackets",
                format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
            ),
            ("braces", "{a: ".repeat(10_000)),
            ("dashes", format!("{}a", "- ".repeat(10_000))),
            ("question marks", format!("{}a", "? ".repeat(10_000))),
            ("indentation", indented),
        ]),
    );
}

#[test]
fn size() {
    let many: String = (0..20_000).map(|key| format!("    a{key}: x\n")).collect();
    let pairs: String = (0..100_000).map(|key| format!("A{key}: x, ")).collect();
    let last = "kkkkkkkkkk".repeat(100_000);
    let text = "y".repeat(10_000_000);
    let mut answers = told(&[
        (
            "a text of 10 MB under an unknown key",
            check(&format!("    x: {text}\n")),
        ),
        (
            "a text of 10 MB as a number",
            check(&format!("    exit: {text}\n")),
        ),
        (
            "a mistake at the end of a long line",
            format!("image: img:1\nchecks: [{{run: x, env: {{{pairs}}}, stduot: x}}]\n"),
        ),
        (
            "a mistake at both ends of a long line",
            format!("{{image: img:1, x: '{last}', image: img:2}}\n"),
        ),
        (
            "a long key",
            check(&format!("    {}: x\n", "k".repeat(1_000))),
        ),
        (
            "a longer key",
            check(&format!("    ? {}\n    : x\n", "k".repeat(100_000))),
        ),
        (
            "a key twice, 100,000 others between",
            check(&format!("    env: {{A0: y, {pairs}}}\n")),
        ),
        (
            "a list of 300,000 items",
            check(&format!("    exit: [{}]\n", "1, ".repeat(300_000))),
        ),
        (
            "an alias with a long name",
            format!("image: *{}\n", "a".repeat(1_000_000)),
        ),
        ("more than 16 MiB", "#".repeat((16 << 20) + 1)),
        ("nothing but line breaks", "\n".repeat(16 << 20)),
    ]);
    let unknown = refused("unknown keys", check(&many).as_bytes());
    let (first, rest) = unknown.split_once("\n\n").unwrap();
    let (_, last) = rest.rsplit_once("\n\n").unwrap();
    let _ = write!(answers, "=== 20,000 unknown keys\n{first}\n\n…\n\n{last}");
    snapshot("size", &answers);
}

#[test]
fn bytes() {
    let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(order).collect()
    };
    let table: [(&str, Vec<u8>); 15] = [
        ("NUL", b"image: img:1\0\n".into()),
        (
            "not UTF-8",
            b"image: img:1\nchecks:\n  - run: \"\xe4\"\n".into(),
        ),
        ("cut UTF-8", b"image: \xe2\x82".into()),
        ("surrogates in UTF-8", b"image: \xed\xa0\x80\n".into()),
        ("UTF-16, little end first", utf16(HEAD, u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(HEAD, u16::to_be_bytes)),
        (
            "UTF-16 without a mark",
            utf16(HEAD, u16::to_le_bytes)[2..].into(),
        ),
        ("a mark before a mistake", "\u{feff}imag: img:1\n".into()),
        ("a mark inside", "image: img:1\n\u{feff}checks: []\n".into()),
        (
            "Windows line ends",
            check("    stduot: x\n").replace('\n', "\r\n").into(),
        ),
        (
            "Windows line ends, at the end",
            "image: img:1\r\nchecks: [\r\n".into(),
        ),
        ("old Mac line ends", "image: img:1\rcheks: []\r".into()),
        ("a colour", check("    \u{1b}[31mred: x\n").into()),
        ("a C1 control", check("    a\u{9b}31mb: x\n").into()),
        (
            "random",
            (0..5_000u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect(),
        ),
    ];
    snapshot("bytes", &told(&table));
}

#[test]
fn what_would_act_on_a_terminal_or_in_a_log() {
    snapshot(
        "what_would_act_on_a_terminal_or_in_a_log",
        &told(&[
            (
                "an escaped escape in a key",
                check("    \"\\e[31mred\\a\": x\n"),
            ),
            (
                "an escaped escape in a value",
                check("    timeout: \"\\e]0;title\\a\"\n"),
            ),
            (
                "a line break in a key",
                check("    \"a\\r\\n::error::b\": x\n"),
            ),
            ("right to left", check("    a\u{202e}b\u{2066}: x\n")),
            ("right to left, in a value", check("    exit: \u{202e}0\n")),
            ("an invisible character", check("    exit\u{200b}: 0\n")),
            ("a space that does not break", check("    exit:\u{a0}0\n")),
            ("line separators", check("    a\u{2028}b\u{85}c: x\n")),
            (
                "commands to CI systems",
                check("    '##vso[task.setvariable]': '::error::x'\n"),
            ),
            ("commands in pieces", check("    '#': x # ##[group]\n")),
            ("an escape in a comment", check("    x: y # \u{1b}[2J\n")),
        ]),
    );
}

#[test]
fn what_yaml_can_do() {
    snapshot(
        "what_yaml_can_do",
        &told(&[
            ("an alias inside its anchor", "a: &a [*a]\n".to_owned()),
            (
                "a merge of itself",
                check("    <<: &m {env: {A: b}, <<: *m}\n"),
            ),
            ("an alias without an anchor", check("    env: *nope\n")),
            ("an alias that was no alias", check("    stdout: *.txt\n")),
            (
                "an anchor of another document",
                "a: &a 1\n---\nb: *a\n".into(),
            ),
            ("a merge of a text", check("    env: {<<: x}\n")),
            ("a merge of nothing", check("    env: {<<: }\n")),
            (
                "a merge of lists of lists",
                check("    env: {<<: [[{A: b}]]}\n"),
            ),
            ("two merges", check("    env: {<<: {A: b}, <<: {C: d}}\n")),
            (
                "a mistake in what is merged",
                "image: img:1\nchecks:\n  - &c {run: x, exit: y}\n  - {<<: *c, name: z}\n".into(),
            ),
            ("duplicate keys", check("    exit: 0\n    'exit': 1\n")),
            ("a list as a key", check("    ? [a]\n    : b\n")),
            ("a map as a key", check("    stdin: {{ text }}\n")),
            ("no key", check("    : b\n")),
            ("null as a key", check("    ~: b\n")),
            ("binary", "image: !!binary aW1nOjE=\n".into()),
            ("a tag", "image: !custom img:1\n".into()),
            ("a tag of nobody", "image: !e!x img:1\n".into()),
            (
                "an exclamation mark",
                "image: img:1\nchecks:\n  - run: ! grep x /etc/passwd\n".into(),
            ),
            (
                "a text as a map",
                "image: img:1\nchecks: !!str [a]\n".into(),
            ),
            (
                "a version of the future",
                "%YAML 2.0\n---\nimage: img:1\n".into(),
            ),
            ("a late directive", "image: img:1\n%YAML 1.2\n---\n".into()),
            ("a second document", format!("{HEAD}---\n{HEAD}")),
            ("only a mark", "---\n".into()),
            ("only comments", "# a\n\n# b\n".into()),
            ("only white space", " \n\n \n".into()),
            ("only a mark of the byte order", "\u{feff}".into()),
        ]),
    );
}

#[test]
fn what_is_no_yaml() {
    snapshot(
        "what_is_no_yaml",
        &told(&[
            ("a tab", "image: img:1\nchecks:\n\t- run: x\n"),
            (
                "a tab after a text",
                "image: img:1\nchecks:\n  - run: x\n\texit: 0\n",
            ),
            (
                "a colon in a text",
                "image: img:1\nchecks:\n  - run: echo a: b\n",
            ),
            (
                "no space after a colon",
                "image:img:1\nchecks:\n  - run: x\n",
            ),
            ("no colon", "image: img:1\nchecks\n  - run: x\n"),
            (
                "too little indentation",
                "image: img:1\nchecks:\n  - run: x\n   exit: 0\n",
            ),
            (
                "too much indentation",
                "image: img:1\nchecks:\n  - run: 'x'\n      exit: 0\n",
            ),
            ("an indented key", "image: img:1\n  checks:\n  - run: 'x'\n"),
            ("no dash", "image: img:1\nchecks:\n  - run: x\n  run: y\n"),
            ("a list behind a key", "image: img:1\nchecks: - run: x\n"),
            ("an open quote", "image: 'img:1\nchecks:\n  - run: x\n"),
            (
                "a quote in quotes",
                "image: img:1\nchecks:\n  - run: 'it's'\n",
            ),
            (
                "an unknown escape",
                "image: img:1\nchecks:\n  - run: \"a\\d\"\n",
            ),
            ("an at sign", "image: @img\n"),
            ("a backtick", "image: `img`\n"),
            ("a percent sign", "image: %img\n"),
            ("an ampersand", "image: & img\n"),
            (
                "an open brace",
                "image: img:1\nchecks:\n  - {run: x, exit: 0\n",
            ),
            (
                "the wrong bracket",
                "image: img:1\nchecks:\n  - {run: x, exit: 0]\n",
            ),
            (
                "an open bracket",
                "image: img:1\nchecks:\n  - run: [a, b\n    exit: 0\n",
            ),
            ("one bracket too many", "image: img:1\nchecks: []]\n"),
            ("two commas", "image: img:1\nchecks:\n  - run: [a,, b]\n"),
            ("a redirection", "image: img:1\nchecks:\n  - run: >x echo\n"),
            (
                "a block that ends too early",
                "image: img:1\nchecks:\n  - run: |\n      a\n    b\n",
            ),
        ]),
    );
}

#[test]
fn what_is_unusual_but_right() {
    let many: String = (0..50_000)
        .map(|key| format!("      A{key}: x\n"))
        .collect();
    for (name, spec) in [
        ("a mark of the byte order", format!("\u{feff}{HEAD}")),
        ("Windows line ends", HEAD.replace('\n', "\r\n")),
        ("old Mac line ends", HEAD.replace('\n', "\r")),
        ("no line break at the end", HEAD.trim_end().to_owned()),
        ("many keys", check(&format!("    env:\n{many}"))),
        ("a long text", format!("image: img:1\nchecks:\n  - run: echo {}\n", "y".repeat(1_000_000))),
        ("a directive", format!("%YAML 1.1\n---\n{HEAD}...\n")),
        ("tags that say what is there", check("    timeout: !!str 5s\n    env: !!map {A: !!str null}\n")),
        ("JSON", r#"{"image": "img:1", "checks": [{"run": "true"}]}"#.to_owned()),
        ("merges, the earlier one first", "image: img:1\nchecks:\n  - &a {run: 'true', exit: 0}\n  - {<<: [{name: b}, *a, {name: c, exit: 1}]}\n".to_owned()),
    ] {
        let project = Project::new(&[("script.json", SCRIPT), ("spec.yaml", &spec)]);
        let ended = bounded(&project, &["--spec", "spec.yaml", "--list"]);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        assert!(ended.stdout.contains("img:1::"), "{name}: {ended:?}");
        harmless(name, &ended.stderr);
        bounded(&project, &["--spec", "spec.yaml"]).expect(0);
    }
}

#[test]
fn files_that_are_no_files() {
    let project = Project::new(&[("script.json", SCRIPT), ("good/spec.yaml", HEAD)]);
    let path = |name: &str| project.path(name);
    let fifo = Command::new("mkfifo")
        .arg(path("pipe.yaml"))
        .status()
        .unwrap();
    assert!(fifo.success());
    drop(std::os::unix::net::UnixListener::bind(path("socket.yaml")).unwrap());
    symlink("nowhere", path("dangling.yaml")).unwrap();
    symlink("circle.yaml", path("circle.yaml")).unwrap();
    symlink("/dev/zero", path("endless.yaml")).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    project.write("pipes/a.yaml", HEAD.as_bytes());
    symlink("../pipe.yaml", path("pipes/b.yaml")).unwrap();
    project.write("odd/\u{1b}[31m\u{202e}.yaml", b"image: [\n");

    let mut all = String::new();
    for name in [
        "/dev/zero",
        "/dev/stdin",
        "pipe.yaml",
        "pipes",
        "socket.yaml",
        "dangling.yaml",
        "circle.yaml",
        "endless.yaml",
        "empty",
        "good/spec.yaml/x",
        "odd",
        "odd/\u{1b}[31m",
    ] {
        for project_file in [false, true] {
            if project_file && !name.ends_with(".yaml") {
                continue;
            }
            let option = if project_file { "--project" } else { "--spec" };
            let ended = bounded(&project, &[option, name]);
            let code = if project_file && ended.stderr.contains("there is no") {
                2
            } else {
                78
            };
            assert_eq!(ended.code, Some(code), "{option} {name:?}: {ended:?}");
            harmless(name, &ended.stderr);
            let _ = writeln!(
                all,
                "=== {option} {}\n{}",
                name.escape_debug(),
                ended.stderr
            );
        }
    }
    snapshot("files_that_are_no_files", &all);
}

#[test]
fn links_that_lead_back_lead_nowhere() {
    let project = Project::new(&[("script.json", SCRIPT), ("test-specs/a/spec.yaml", HEAD)]);
    for (target, link) in [
        (".", "one"),
        ("..", "two"),
        ("../a", "a/three"),
        ("a", "four"),
    ] {
        symlink(target, project.path("test-specs").join(link)).unwrap();
    }
    let ended = bounded(&project, &[]);
    ended.expect(0).says(&["1 passed"]);
}

#[test]
fn a_file_that_may_not_be_read() {
    let project = Project::new(&[("script.json", SCRIPT), ("spec.yaml", HEAD)]);
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(project.path("spec.yaml"), closed).unwrap();
    let plain = project.command(&["--engine", "fake:script.json", "--spec", "spec.yaml"]);
    // Root may read everything, unless it is made to give that up.
    let mut command = if std::fs::read(project.path("spec.yaml")).is_ok() {
        let mut command = Command::new("setpriv");
        command
            .arg("--bounding-set=-dac_override,-dac_read_search")
            .arg(plain.get_program());
        command
    } else {
        Command::new(plain.get_program())
    };
    command.args(plain.get_args()).current_dir(project.root());
    let ended = Ended::of(&mut command);
    ended.expect(78);
    assert_eq!(
        ended.stderr,
        "error: can't read spec.yaml: Permission denied (os error 13)\n"
    );
}
