//! The same with the scripted engine, whose faults need no time.

use crate::support::Project;

/// The script of the check, and what it must come to.
struct Row {
    name: &'static str,
    script: &'static str,
    verdict: &'static str,
    kind: &'static str,
    words: &'static str,
    after: &'static str,
    code: i32,
}

#[test]
fn checks_are_performed_three_times_at_most() {
    let row = |name, script, verdict, words, code| Row {
        name,
        script,
        verdict,
        kind: if verdict == "error" { "engine" } else { "" },
        words,
        after: "passed",
        code,
    };
    let mut table = vec![
        row("once", r#""passes_after": 1"#, "passed", "", 0),
        row("twice", r#""passes_after": 2"#, "passed", "", 0),
        row(
            "three times",
            r#""passes_after": 3"#,
            "error",
            "oh (tried 3 times)",
            3,
        ),
        row(
            "for good",
            r#""takes": 0"#,
            "error",
            "could not start a container: oh",
            3,
        ),
        row(
            "a failure after a fault",
            r#""passes_after": 1, "exit": 1"#,
            "failure",
            "got 1",
            1,
        ),
    ];
    table.push(Row {
        script: r#""passes_after": 9"#,
        ..row("gone", "", "error", "oh", 3)
    });
    for row in table {
        let is_lost = row.name == "gone";
        let script = format!(
            r#"{{"images": ["img:1"], "is_lost": {is_lost}, "runs": [
                {{"when": "target", "error": "oh", {}}}, {{"when": ""}}]}}"#,
            row.script
        );
        let spec = "image: img:1\nchecks:\n  - {name: before, run: 'true'}\n  \
            - {name: target, run: target}\n  - {name: after, run: 'true'}\n";
        let project = Project::scripted(spec, &script);
        let ended = project.fake(&["--junit", "junit.xml", "--test-threads", "1"]);
        ended.expect(row.code);
        let report = project.junit();
        report.agrees();
        let target = report.case("target");
        assert_eq!(target.verdict, row.verdict, "{}: {target:?}", row.name);
        assert!(target.kind.contains(row.kind), "{}: {target:?}", row.name);
        assert!(
            target.message.contains(row.words),
            "{}: {target:?}",
            row.name
        );
        assert!(!is_lost || !target.message.contains("tried"), "{target:?}");
        assert_eq!(report.case("before").verdict, "passed", "{}", row.name);
        assert_eq!(report.case("after").verdict, row.after, "{}", row.name);
    }
}
