//! What composes specs: `each`, `${{ … }}`, `images` and `include`.

mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use support::scripted::{list, project, refused, refused_checks, run};
use support::{Ended, Project};

fn spec(checks: &str) -> Project {
    project(&[(
        "test-specs/a.yaml",
        &format!("image: img:1\nchecks:\n{checks}"),
    )])
}

#[test]
fn each_makes_every_combination_or_its_rows() {
    let table: [(&str, &[&str]); 6] = [
        (
            "  - {each: {a: [x, y], b: ['1', '2']}, name: '${{ a }} ${{b}}', run: echo}\n",
            &["x 1", "x 2", "y 1", "y 2"],
        ),
        (
            "  - {each: [{a: x, b: 1}, {a: y, b: 2}], run: 'do ${{ a }}-${{ b }}'}\n",
            &["do x-1", "do y-2"],
        ),
        // A value keeps its kind, and a list can be one.
        (
            "  - {each: {argv: [[echo, a b], [ls]], code: [0]}, run: '${{ argv }}', exit: '${{ code }}'}\n",
            &["echo a b", "ls"],
        ),
        // In keys, and far inside.
        (
            "  - {each: {v: [A]}, run: x, name: n, env: {'${{ v }}_${{ v }}': 'b'}, \
             stdout: [{contains: ['${{ v }}']}]}\n",
            &["n"],
        ),
        ("  - {each: {a: one}, run: 'say ${{ a }}'}\n", &["say one"]),
        (
            "  - {run: \"echo ${{ '${{ a }}' }} $a ${a} {{ a }}\"}\n",
            &["echo ${{ a }} $a ${a} {{ a }}"],
        ),
    ];
    for (checks, expected) in table {
        let expected: Vec<String> = expected
            .iter()
            .map(|name| format!("img:1::{name}"))
            .collect();
        let found = list(&spec(checks), &[]);
        assert_eq!(found, expected, "{checks}");
        if !checks.contains("stdout") {
            run(&spec(checks), &[], 0);
        }
    }
}

#[test]
fn mistakes_in_each() {
    let table = [
        (
            "unused",
            "{each: {tool: [a, b], other: [c]}, run: '${{ tool }}'}",
        ),
        (
            "unused_in_a_later_row",
            "{each: [{a: 1}, {a: 2, b: 3}], run: '${{ a }}'}",
        ),
        (
            "misspelt",
            "{each: {tool: [a]}, run: '${{ tol }} ${{ tool }}'}",
        ),
        ("no_each", "{run: 'echo ${{ tool }}'}"),
        ("unclosed", "{run: 'echo ${{ tool'}"),
        ("no_rows", "{each: {tool: []}, run: '${{ tool }}'}"),
        ("nothing", "{each: {}, run: 'x'}"),
        ("list_in_a_text", "{each: {a: [[x]]}, run: 'echo ${{ a }}'}"),
        (
            "name_without_variable",
            "{each: {a: [x, y]}, name: same, run: '${{ a }}'}",
        ),
        ("not_a_name", "{each: {'a b': [x]}, run: x}"),
        (
            "same_key",
            "{each: {a: [B]}, run: x, env: {'${{ a }}': 1, B: 2}}",
        ),
        (
            "a_mistake_in_each_row",
            "{each: {a: [x, y]}, run: '${{ a }}', exit: many}",
        ),
    ];
    let mut told = String::new();
    for (name, check) in table {
        writeln!(
            told,
            "# {name}\n{}",
            refused_checks(&format!("  - {check}\n"))
        )
        .unwrap();
    }
    insta::assert_snapshot!("mistakes_in_each", told);
}

#[test]
fn what_multiplies_stays_bounded() {
    let began = Instant::now();
    let many: String = (0..9_999).map(|n| format!("v{n}, ")).collect();
    let long = "x".repeat(100_000);
    let rows = format!(
        "  - {{each: {{a: [{many}], b: ['{long}']}}, name: '${{{{ a }}}}', run: '${{{{ b }}}}'}}\n"
    );
    let text = format!(
        "  - {{each: {{b: ['{long}']}}, name: n, run: '{}'}}\n",
        "${{ b }}".repeat(9_000)
    );
    let over =
        format!("  - {{each: {{a: [{many}], b: [1, 2]}}, run: '${{{{ a }}}} ${{{{ b }}}}'}}\n");
    let variables: String = (0..101).map(|n| format!("v{n}: [1], ")).collect();
    let variables = format!("  - {{each: {{{variables}}}, run: x}}\n");
    for (checks, words) in [
        (rows, "larger than 128 MiB"),
        (text, "larger than 128 MiB"),
        (over, "more than 10000 checks"),
        (variables, "more than 100 variables"),
    ] {
        let told = refused_checks(&checks);
        assert!(told.contains(words), "{}", &told[..told.len().min(2000)]);
        assert!(told.len() < 100_000, "{} bytes", told.len());
    }
    // Images × includes × each.
    let images: String = (0..2_000).map(|n| format!("img:{n}, ")).collect();
    let told = refused(&[
        (
            "test-specs/a.yaml",
            &format!("images: [{images}]\ninclude: frag.yaml\n"),
        ),
        (
            "frag.yaml",
            &format!("checks:\n  - {{each: {{a: [{many}]}}, run: '${{{{ a }}}}'}}\n"),
        ),
    ]);
    assert!(
        told.contains("larger than 128 MiB"),
        "{}",
        &told[..told.len().min(2000)]
    );
    // Every image inherits from both of the level before.
    let project = project(&[]);
    let mut all = String::new();
    for level in 0..40 {
        for side in ["a", "b"] {
            let inherit = match level {
                0 => String::new(),
                _ => format!("inherit: ['l{0}:a', 'l{0}:b']\n", level - 1),
            };
            let text = format!(
                "image: l{level}:{side}\n{inherit}checks:\n  - {{run: echo {level}{side}}}\n"
            );
            project.write(
                &format!("test-specs/{level:02}{side}.yaml"),
                text.as_bytes(),
            );
            write!(all, "include: {level}").unwrap();
        }
    }
    assert_eq!(list(&project, &["l39:a"]).len(), 79);
    // The same with files.
    let project = self::project(&[(
        "test-specs/a.yaml",
        "image: img:1\ninclude: [f0a.yaml, f0b.yaml]\n",
    )]);
    for level in 0..30 {
        for side in ["a", "b"] {
            let next = level + 1;
            let text = format!(
                "include: [f{next}a.yaml, f{next}b.yaml]\nchecks:\n  - {{run: echo {level}{side}}}\n"
            );
            project.write(&format!("f{level}{side}.yaml"), text.as_bytes());
        }
    }
    for side in ["a", "b"] {
        project.write(
            &format!("f30{side}.yaml"),
            format!("checks: [{{run: end {side}}}]\n").as_bytes(),
        );
    }
    assert_eq!(list(&project, &[]).len(), 62);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn one_spec_for_several_images() {
    let project = project(&[(
        "test-specs/a.yaml",
        "images: [img:1, img:2]\nchecks:\n  - {run: 'echo ${{ image.name }}'}\n",
    )]);
    let names = ["img:1::echo img:1", "img:2::echo img:2"];
    assert_eq!(list(&project, &[]), names);
    assert_eq!(list(&project, &["img:2"]), names[1..]);
    run(&project, &[], 0);
    let head = |head: &str| {
        refused(&[(
            "test-specs/a.yaml",
            &format!("{head}\nchecks: [{{run: x}}]\n"),
        )])
    };
    let told: Vec<String> = [
        "image: img:1\nimages: [img:2]",
        "images: []",
        "images: [img:1, img:1]",
        "image: ' '",
        "images: ['r/a@sha256:1', 'r/a@sha256:2']",
    ]
    .map(head)
    .to_vec();
    insta::assert_snapshot!("mistakes_in_images", told.join("\n"));
}

#[test]
fn two_digests_of_one_name_are_two_images() {
    let told = refused(&[
        (
            "test-specs/a.yaml",
            "image: r/a@sha256:1\nchecks: [{run: x}]\n",
        ),
        (
            "test-specs/b.yaml",
            "image: r/a@sha256:2\nchecks: [{run: y}]\n",
        ),
    ]);
    assert!(
        told.contains("another image than `r/a@sha256:1`, with the same name"),
        "{told}"
    );
}

#[test]
fn variables_of_the_caller() {
    let text = "image: ${{ env.IMAGE }}\nenv_inputs: {IMAGE: 'img:1', GREETING: hello, MUST: }\n\
                checks:\n  - {run: 'echo ${{ env.GREETING }} ${{ env.MUST }}'}\n";
    let project = project(&[("test-specs/a.yaml", text)]);
    let list = |variables: &[(&str, &str)]| {
        let mut command = project.command(&["--engine", "fake:script.json", "--list"]);
        command
            .env_remove("GREETING")
            .env_remove("IMAGE")
            .envs(variables.iter().copied());
        Ended::of(&mut command)
    };
    list(&[("MUST", "x")])
        .expect(0)
        .says(&["img:1::echo hello x: test"]);
    list(&[
        ("MUST", "null"),
        ("IMAGE", "img:2"),
        ("GREETING", "$HOME ${{ a }}"),
    ])
    .expect(0)
    .says(&["img:2::echo $HOME ${{ a }} null: test"]);
    insta::assert_snapshot!("variable_not_set", list(&[]).expect(78).stderr);
    let told = [
        "env_inputs: [B]\nchecks: [{run: 'x ${{ env.A }}'}]",
        "env_inputs: [A]\nchecks: [{run: 'x ${{ env.A }}'}]",
        "env_inputs: {A: '${{ env.B }}'}\nchecks: [{run: 'x ${{ env.A }}'}]",
        "env_inputs: {A: [x]}\nchecks: [{run: 'x ${{ env.A }}'}]",
        "checks: [{run: 'x ${{ env.HOME }}'}]",
    ]
    .map(|text| refused(&[("test-specs/a.yaml", &format!("image: img:1\n{text}\n"))]));
    insta::assert_snapshot!("mistakes_with_variables_of_the_caller", told.join("\n"));
}

/// A project of one image `tool`.
fn with_arguments(checks: &str) -> Project {
    project(&[
        (
            "seatrial.yaml",
            "images:\n  tool:\n    dockerfile: Dockerfile\n    args: {FROM_PROJECT: '1.16', PORT: '${PORT_OF_TOOL:-80}'}\n",
        ),
        (
            "Dockerfile",
            "ARG GLOBAL=7\nARG BASE=x\nFROM debian:bookworm-slim\nARG GLOBAL\nARG FROM_PROJECT=1\n\
             ARG VERSION=2.5 OTHER=$BASE\nARG NONE\n",
        ),
        (
            "test-specs/a.yaml",
            &format!("image: tool\nchecks:\n{checks}"),
        ),
    ])
}

#[test]
fn build_arguments() {
    let checks = "  - run: 'echo ${{ image.arg.FROM_PROJECT }} ${{ image.arg.VERSION }} \
                  ${{ image.arg.GLOBAL }}'\n  - {each: {v: ['${{ image.arg.VERSION }}', x]}, run: 'at ${{ v }}'}\n";
    let names = ["tool::echo 1.16 2.5 7", "tool::at 2.5", "tool::at x"];
    assert_eq!(list(&with_arguments(checks), &[]), names);
    let mut told = String::new();
    for name in ["VERSOIN", "OTHER", "NONE", "a.b"] {
        let project = with_arguments(&format!(
            "  - {{run: 'echo ${{{{ image.arg.{name} }}}}'}}\n"
        ));
        writeln!(told, "{}", project.fake(&[]).expect(78).stderr).unwrap();
    }
    told += &refused_checks("  - {run: 'echo ${{ image.arg.X }}'}\n");
    insta::assert_snapshot!("mistakes_with_build_arguments", told);
}

#[test]
fn what_the_image_says_is_not_known_everywhere() {
    let late = "${{ image.env.X }}";
    let mut told = String::new();
    for check in [
        format!("{{name: 'a {late}', run: x}}"),
        format!("{{each: {{a: ['{late}']}}, run: '${{{{ a }}}}'}}"),
        format!("{{run: x, tags: '{late}'}}"),
        format!("{{run: x, skip: '{late}'}}"),
        format!("{{file: /x, timeout: '{late}'}}"),
        // A mistake beside it is told at once.
        format!("{{name: n, run: 'x {late}', exit: many}}"),
        format!("{{name: n, run: 'x {late}', stdout: {{contain: '{late}'}}}}"),
        // Only with a name can it be told from others.
        format!("{{version: {{samtools: '{late}'}}}}"),
        // One of several would be all.
        format!("{{name: n, version: {{samtools: '{late}', bcftools: 1}}}}"),
        format!("{{name: n, imports: {{python: {{a: '{late}'}}, perl: [B]}}}}"),
        format!("{{name: n, libraries: ['{late}', /bin/ls]}}"),
        "{run: 'x ${{ image.evn.X }}'}".to_owned(),
        "{run: 'x ${{ image.tag }}'}".to_owned(),
    ] {
        writeln!(told, "{}", refused_checks(&format!("  - {check}\n"))).unwrap();
    }
    for text in [
        format!("image: 'img:{late}'\nchecks: [{{run: x}}]\n"),
        format!("image: img:1\ndefaults: {{user: '{late}'}}\nchecks: [{{run: x}}]\n"),
    ] {
        writeln!(told, "{}", refused(&[("test-specs/a.yaml", &text)])).unwrap();
    }
    insta::assert_snapshot!("late_where_it_is_too_late", told);
}

#[test]
fn included_files() {
    let project = project(&[
        (
            "test-specs/a.yaml",
            "image: img:1\ninclude: [test-specs/common.yaml, outside/more.yaml]\n\
             defaults: {tags: own}\nchecks:\n  - {run: echo a}\n",
        ),
        (
            "test-specs/common.yaml",
            "include: ./outside/../outside/more.yaml\nenv_inputs: {WORD: w}\ndefaults: {tags: common}\nchecks:\n  \
             - {run: 'echo common ${{ image.name }} ${{ env.WORD }}'}\n",
        ),
        ("outside/more.yaml", "checks:\n  - {run: echo more}\n"),
        (
            "test-specs/b.yaml",
            "images: [img:2]\ninclude: test-specs/common.yaml\n",
        ),
    ]);
    let all = [
        "img:1::echo a",
        "img:1::echo common img:1 w",
        "img:1::echo more",
        "img:2::echo common img:2 w",
        "img:2::echo more",
    ];
    assert_eq!(list(&project, &[]), all);
    assert_eq!(list(&project, &["--tag", "common"]), [all[1], all[3]]);
    assert_eq!(list(&project, &["--tag", "own"]), all[..1]);
    assert_eq!(list(&project, &["--spec", "test-specs/b.yaml"]), all[3..]);
    let (ended, _) = run(&spec("  - {run: breaks}\n"), &[], 1);
    ended.says(&["test-specs/a.yaml:3:5"]);
}

type Files<'a> = &'a [(&'a str, &'a str)];

#[test]
fn mistakes_in_includes() {
    let a = |include: &str| format!("image: img:1\ninclude: {include}\nchecks: [{{run: x}}]\n");
    let table: [(&str, String, Files<'_>); 8] = [
        ("missing", a("frag.yaml"), &[]),
        ("a folder", a("test-specs"), &[]),
        ("itself", a("test-specs/a.yaml"), &[]),
        (
            "a circle",
            a("f.yaml"),
            &[
                ("f.yaml", "include: g.yaml\n"),
                ("g.yaml", "include: [./f.yaml]\nchecks: [{run: y}]\n"),
            ],
        ),
        (
            "a spec",
            a("test-specs/b.yaml"),
            &[("test-specs/b.yaml", "image: img:2\nchecks: [{run: y}]\n")],
        ),
        (
            "nobody's",
            a("f.yaml"),
            &[
                ("f.yaml", "checks: [{run: y}]\n"),
                ("test-specs/g.yaml", "checks: [{run: z}]\n"),
            ],
        ),
        (
            "twice",
            a("[f.yaml, ./f.yaml]"),
            &[("f.yaml", "checks: [{run: y}]\n")],
        ),
        (
            "a mistake in it",
            a("f.yaml"),
            &[(
                "f.yaml",
                "defaults: {usr: a}\nchecks: [{run: y, exit: a}, {run: x}]\n",
            )],
        ),
    ];
    let mut told = String::new();
    for (name, text, others) in table {
        let mut files = vec![("test-specs/a.yaml", text.as_str())];
        files.extend(others);
        writeln!(told, "# {name}\n{}", refused(&files)).unwrap();
    }
    insta::assert_snapshot!("mistakes_in_includes", told);
}
