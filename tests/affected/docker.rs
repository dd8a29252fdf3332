//! What `--build` builds when only a part is affected, on a real engine.

use crate::repository::{commit, init};
use crate::support::images::Made;
use crate::support::{Project, docker};

#[test]
fn what_did_not_change_is_built_only_if_it_is_not_there() {
    let name = |name: &str| format!("example/changed-{name}-{}:latest", std::process::id());
    let made = ["base", "tool"].map(|it| Made(name(it)));
    let catalogue = format!(
        "images:\n  base: {{dockerfile: base/Dockerfile, reference: '{}'}}\n  tool: {{dockerfile: tool/Dockerfile, \
         reference: '{}', args: {{BASE: '${{{{ image.base }}}}'}}}}\n",
        made[0].0, made[1].0
    );
    let unique = format!("{:?}", std::time::SystemTime::now());
    let repository = Project::new(&[
        ("seatrial.yaml", &catalogue),
        ("base/Dockerfile", "FROM scratch\nCOPY x /x\n"),
        // No builder has seen it.
        ("base/x", &unique),
        ("tool/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY y /y\n"),
        ("tool/y", "1"),
        (
            "test-specs/base.yaml",
            "image: base\nchecks: [{file: /x}]\n",
        ),
        (
            "test-specs/tool.yaml",
            "image: tool\nchecks: [{file: /y}]\n",
        ),
    ]);
    init(&repository);
    // A spec changed, and no image is there: it is built, with its parent.
    repository.write(
        "test-specs/tool.yaml",
        b"image: tool\nchecks: [{file: /y}, {file: /x}]\n",
    );
    let changed = ["--changed", "HEAD", "--build"];
    let ended = repository.test(&changed);
    ended
        .expect(0)
        .says(&["2 passed", "base  built", "tool  built"]);
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", &made[1].0]);
    // Now it is there.
    let ended = repository.test(&changed);
    ended.expect(0).says(&["2 passed"]);
    for word in ["built", "cached"] {
        assert!(!ended.stdout.contains(word), "{}", ended.stdout);
    }
    // What is made of other files is built again.
    commit(&repository);
    repository.write("tool/y", b"2");
    let ended = repository.test(&changed);
    ended.expect(0).says(&["2 passed", "tool  built"]);
    assert_ne!(
        docker(&["image", "inspect", "--format", "{{.Id}}", &made[1].0]),
        id
    );
}
