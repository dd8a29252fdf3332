//! What CI systems are told beside the reports, and that only seatrial tells them.

mod support;

use support::{Ended, Project};

const SCRIPT: &str = r#"{
  "images": ["img:1", "other:1"],
  "runs": [
    {"when": "works", "stdout": "hello 1.17\n"},
    {"when": "breaks", "exit": 1, "stderr": "broken\n"},
    {"when": "engine", "error": "no space left on device"},
    {"when": "evil", "exit": 1, "stdout": "\u001b[2J\u0000::error::x\r\n ::set-output name=a::b\n##[group]\r##vso[task.complete]\nsection_end:1:seatrial_0\r\u001b[0K\n"}
  ]
}"#;

const SPEC: &str = "
image: img:1
checks:
  - {name: works, run: works}
  - {name: 'breaks: 50%, as is known', run: breaks}
  - {name: can not be told, run: engine}
  - {name: is hostile, run: evil, stdout: x}
";

const OTHER_SPEC: &str =
    "image: other:1\nchecks:\n  - {name: works, run: works}\n  - {name: breaks, run: breaks}\n";

fn project() -> Project {
    let files = [
        ("script.json", SCRIPT),
        ("test-specs/a.yaml", SPEC),
        ("test-specs/b.yaml", OTHER_SPEC),
    ];
    Project::new(&files)
}

fn read(path: impl AsRef<std::path::Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// As a run in that environment.
fn run_in(project: &Project, env: &[(&str, &str)], args: &[&str]) -> Ended {
    let mut command = project.command(&["--engine", "fake:script.json"]);
    Ended::of(command.args(args).envs(env.iter().copied()))
}

#[test]
fn files_are_named_from_the_top_of_the_repository() {
    let project = Project::new(&[
        (".git/HEAD", "ref: refs/heads/main\n"),
        (
            "images/seatrial.yaml",
            "images: {img: {dockerfile: Dockerfile}}\n",
        ),
        ("images/Dockerfile", "FROM scratch\n"),
        ("images/script.json", SCRIPT),
        ("images/test-specs/a.yaml", SPEC),
    ]);
    let args = [
        "--annotations",
        "github",
        "--junit",
        "j.xml",
        "--gitlab",
        "g.json",
    ];
    let mut command = project.command(&["--engine", "fake:script.json"]);
    let ended = Ended::of(
        command
            .args(args)
            .current_dir(project.root().join("images")),
    );
    let path = "images/test-specs/a.yaml";
    assert!(
        ended.stdout.contains(&format!("::error file={path},")),
        "{ended:?}"
    );
    let junit = read(project.root().join("images/j.xml"));
    assert!(junit.contains(&format!("file=\"{path}\"")), "{junit}");
    let gitlab = read(project.root().join("images/g.json"));
    assert!(
        gitlab.contains(&format!("\"path\": \"{path}\"")),
        "{gitlab}"
    );
}

#[test]
fn ci_systems_are_told_what_failed_and_obey_nobody_else() {
    let github = ("GITHUB_ACTIONS", "true");
    for (env, args, marks) in [
        (&[][..], &[][..], ["::error ", ""]),
        (&[github], &["--annotations", "never"], ["::error ", ""]),
        (&[github], &[], ["::error ", "::error file=test-specs/"]),
        (
            &[],
            &["--annotations", "github"],
            ["::error ", "::error file=test-specs/"],
        ),
        (
            &[("TF_BUILD", "True")],
            &[],
            [
                "##vso[",
                "##vso[task.logissue type=error;sourcepath=test-specs/",
            ],
        ),
        (
            &[("GITLAB_CI", "true")],
            &[],
            ["\u{1b}[0Ksection_", "\u{1b}[0Ksection_"],
        ),
        (
            &[github],
            &["--annotations", "gitlab"],
            ["\u{1b}[0Ksection_", "\u{1b}[0Ksection_"],
        ),
    ] {
        let project = project();
        let ended = run_in(&project, env, args);
        ended.expect(1);
        let [start, mark] = marks;
        let lines: Vec<&str> = ended
            .stdout
            .lines()
            .filter(|line| line.starts_with(start))
            .collect();
        // Four checks did not pass, and two images have a beginning and an end.
        let expected = if mark.is_empty() { 0 } else { 4 };
        assert_eq!(lines.len(), expected, "{env:?} {args:?}: {}", ended.stdout);
        assert!(lines.iter().all(|line| line.starts_with(mark)), "{lines:?}");
        let obeyed = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("::error::x")
                || line.starts_with("::set-output")
                || ["##[", "##vso[task.complete", "section_end:1:"]
                    .iter()
                    .any(|it| line.contains(it))
        };
        assert_eq!(ended.stdout.lines().find(obeyed), None);
    }
}

#[test]
fn the_summary_of_a_step_is_written_unless_nobody_wants_it() {
    let project = project();
    let path = project.path("summary.md");
    let summary = path.to_str().unwrap();
    let env = [("GITHUB_STEP_SUMMARY", summary)];
    run_in(&project, &env, &["--no-step-summary"]).expect(1);
    assert!(!path.exists());
    run_in(
        &project,
        &env,
        &["--markdown", "report.md", "--json", "result.json"],
    )
    .expect(1);
    assert_eq!(read(&path), read(project.path("report.md")));
    let mut merge = project.seatrial(&["merge", "result.json"]);
    Ended::of(merge.envs(env)).expect(1);
    assert_eq!(
        read(&path)
            .matches("## \u{274c} seatrial: 2 passed, 3 failed")
            .count(),
        2
    );

    // Nobody asked for it, so no run fails for it.
    let env = [("GITHUB_STEP_SUMMARY", "script.json/x")];
    let ended = run_in(&project, &env, &["works"]);
    ended
        .expect(0)
        .says(&["warning: the summary of the step is missing"]);
}
