use std::fs;
use std::path::Path;

use super::{Project, ProjectError};
use crate::source::Source;

/// A folder with Dockerfiles of `base`, `tools` and `app`, and some scripts.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "tools", "app"] {
        let place = folder.path().join("dockerfiles").join(name);
        fs::create_dir_all(&place).unwrap();
        fs::File::create(place.join("Dockerfile")).unwrap();
    }
    fs::create_dir_all(folder.path().join("scripts/deep")).unwrap();
    fs::File::create(folder.path().join("scripts/deep/run.R")).unwrap();
    folder
}

fn parse(text: &str, root: &Path) -> Result<Project, String> {
    let shown = root.to_str().unwrap();
    Project::parse(&Source::new("seatrial.yaml", text), root)
        .map_err(|error| error.to_string().replace(shown, "ROOT"))
}

const FAMILY: &str = "\
images:
  app:
    dockerfile: dockerfiles/app/Dockerfile
    context: .
    reference: example.org/team/app
    target: final
    args: {BASE: '${{ image.tools }}', TOOLS: '${{image.base}}', REV: 'r-${{ env.REV }}!$HOME'}
    files: [scripts/**/*.R]
  base: {dockerfile: dockerfiles/base/Dockerfile}
  tools: {dockerfile: ./dockerfiles/tools/Dockerfile, args: {BASE: '${{ image.base }}', N: 1.10}}
";

#[test]
fn what_is_not_said_has_a_sensible_value() {
    let folder = folder();
    let root = folder.path();
    let project = parse(FAMILY, root).unwrap();
    assert_eq!(project.specs, root.join("test-specs"));
    let app = project.image("app").unwrap();
    assert_eq!(app.reference, "example.org/team/app:latest");
    assert_eq!(app.context, root);
    assert_eq!(app.target.as_deref(), Some("final"));
    assert!(app.files.is_match(Path::new("scripts/deep/run.R")));
    assert!(!app.files.is_match(Path::new("deep/run.R")));
    let tools = project.image("tools").unwrap();
    assert_eq!(tools.reference, "tools:latest");
    assert_eq!(tools.context, root.join("dockerfiles/tools"));
    assert_eq!(tools.dockerfile, root.join("dockerfiles/tools/Dockerfile"));
}

#[test]
fn parents_come_first_and_otherwise_the_file_decides() {
    let folder = folder();
    let project = parse(FAMILY, folder.path()).unwrap();
    let order = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let order = project
            .build_order(&names)
            .map_err(|error| error.to_string());
        order.map(|order| {
            order
                .iter()
                .map(|at| project.images[*at].name.as_str())
                .collect()
        })
    };
    let table: &[(&[&str], &[&str])] = &[
        (&[], &["base", "tools", "app"]),
        (&["app"], &["base", "tools", "app"]),
        (&["tools", "base", "tools"], &["base", "tools"]),
        (&["base"], &["base"]),
    ];
    for (names, expected) in table {
        assert_eq!(order(names), Ok(expected.to_vec()), "{names:?}");
    }
    assert_eq!(
        order(&["tool"]).unwrap_err(),
        "no image `tool` in the project; did you mean `tools`?"
    );
    assert_eq!(
        order(&["base", "wham"]).unwrap_err(),
        "no image `wham` in the project; known here: app, base, tools"
    );
    assert_eq!(project.descendants(1), [0, 2]);
    assert_eq!(project.descendants(0), [0; 0]);
}

#[test]
fn arguments_are_filled_in_and_nothing_else_expands() {
    let folder = folder();
    let project = parse(FAMILY, folder.path()).unwrap();
    let app = project.image("app").unwrap();
    let env = |name: &str| (name == "REV").then(|| "${{ env.REV }}".to_owned());
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = list
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        owned.collect()
    };
    assert_eq!(
        project.arguments(app, &env).unwrap(),
        pairs(&[
            ("BASE", "tools:latest"),
            ("TOOLS", "base:latest"),
            ("REV", "r-${{ env.REV }}!$HOME"),
        ])
    );
    let tools = project.image("tools").unwrap();
    assert_eq!(project.arguments(tools, &env).unwrap()[1].1, "1.10");
    insta::assert_snapshot!(project.arguments(app, &|_| None).unwrap_err());
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let folder = folder();
    insta::assert_snapshot!(
        parse(
            "\
specs: no-such-folder
images:
  Base: {dockerfile: dockerfiles/base/Dockerfile, reference: x, tag: 1}
  other: {dockerfile: dockerfiles/base, context: scripts/deep/run.R, reference: docker.io/library/x:latest}
  third: {dockerfile: dockerfiles/bse/Dockerfile, reference: 'a@sha256:00', args: {B: '-${{ image.othr }}'}}
  fourth: {dockerfile: dockerfiles/app/Dockerfile, files: [scripts, '*.R', 'a[', ../x]}
  self: {dockerfile: dockerfiles/app/Dockerfile, args: {A: '${{ image.self }}'}}
  b: {dockerfile: dockerfiles/app/Dockerfile, args: {A: '${{ image.c }}'}}
  c: {dockerfile: dockerfiles/app/Dockerfile, args: {A: '${{ image.b }}'}}
",
            folder.path()
        )
        .unwrap_err()
    );
}

#[test]
fn platforms_and_whether_it_is_published() {
    let folder = folder();
    let text = "images:\n  app: {dockerfile: dockerfiles/app/Dockerfile, platforms: [linux/amd64, linux/arm64/v8], public: false}\n";
    let project = parse(text, folder.path()).unwrap();
    let app = project.image("app").unwrap();
    let platforms: Vec<&str> = app.platforms.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        (platforms.as_slice(), app.public),
        (&["linux/amd64", "linux/arm64/v8"][..], false)
    );
    let project = parse(FAMILY, folder.path()).unwrap();
    assert!(
        project
            .images
            .iter()
            .all(|it| it.public && it.platforms.is_empty())
    );
    let mistakes = |images: &str| parse(&format!("images:\n{images}"), folder.path()).unwrap_err();
    let unread = mistakes(
        "  b: {dockerfile: dockerfiles/app/Dockerfile, platforms: [amd64, linux/AMD64], public: no}\n",
    );
    let senseless = mistakes(
        "  a: {dockerfile: dockerfiles/app/Dockerfile, platforms: []}\n  \
         b: {dockerfile: dockerfiles/app/Dockerfile, platforms: [linux/amd64, linux/arm64, linux/amd64]}\n  \
         c: {dockerfile: dockerfiles/app/Dockerfile, platforms: [linux/arm64, linux/arm64/v8]}\n",
    );
    insta::assert_snapshot!(format!("{unread}\n\n{senseless}"));
}

#[test]
fn what_dockerfiles_name_is_a_parent_too() {
    use std::io::Write;
    let folder = folder();
    let parents = |dockerfile: &str, more: &str| {
        let path = folder.path().join("dockerfiles/app/Dockerfile");
        let mut file = fs::File::create(path).unwrap();
        file.write_all(dockerfile.as_bytes()).unwrap();
        let text = format!(
            "images:\n  app: {{dockerfile: dockerfiles/app/Dockerfile{more}}}\n  \
             base: {{dockerfile: dockerfiles/base/Dockerfile, reference: example.org/base}}\n  \
             tools: {{dockerfile: dockerfiles/tools/Dockerfile, args: {{A: '${{{{ image.base }}}}'}}}}\n"
        );
        let project = parse(&text, folder.path()).unwrap();
        let parents = project.images[0].parents.iter();
        let parents = parents.map(|at| project.images[*at].name.value.clone());
        parents.collect::<Vec<_>>().join(" ")
    };
    let table = [
        ("FROM example.org/base\n", "", "base"),
        (
            "FROM example.org/base:latest\nCOPY --from=tools a b\n",
            "",
            "base tools",
        ),
        ("FROM docker.io/library/tools\n", "", "tools"),
        ("ARG B=tools\nFROM $B\n", "", "tools"),
        (
            "ARG B=tools\nFROM $B\n",
            ", args: {B: 'example.org/base'}",
            "base",
        ),
        (
            "ARG B\nFROM $B\nRUN --mount=from=tools,target=/x y\n",
            ", args: {B: '${{ image.base }}'}",
            "base tools",
        ),
        // Another tag or digest is another image, and a stage is none.
        (
            "FROM example.org/base:1\nCOPY --from=tools@sha256:00 a b\n",
            "",
            "",
        ),
        (
            "FROM debian AS tools\nFROM tools\nCOPY --from=tools a b\n",
            "",
            "",
        ),
        ("ARG B=tools\nFROM $B\n", ", args: {B: '${{ env.X }}'}", ""),
        // What is not needed for the target is not built.
        ("FROM tools AS x\nFROM debian\n", "", ""),
        ("FROM tools AS x\nFROM debian\n", ", target: x", "tools"),
        // Itself, and what can't be read.
        ("FROM app\n", "", ""),
        ("FROMM tools\n", "", ""),
    ];
    for (dockerfile, more, expected) in table {
        assert_eq!(parents(dockerfile, more), expected, "{dockerfile}{more}");
    }
    // What is derived from it already can't be its parent.
    assert_eq!(
        parents("FROM tools\nCOPY --from=example.org/base a b\n", ""),
        "base tools"
    );
    let mut file = fs::File::create(folder.path().join("dockerfiles/base/Dockerfile")).unwrap();
    file.write_all(b"FROM tools\n").unwrap();
    assert_eq!(parents("FROM tools\n", ""), "tools");
}

#[test]
fn an_image_has_one_entry() {
    let folder = folder();
    insta::assert_snapshot!(
        parse(
            "\
images:
  a: {dockerfile: dockerfiles/app/Dockerfile}
  a: {dockerfile: dockerfiles/base/Dockerfile}
",
            folder.path()
        )
        .unwrap_err()
    );
}

#[test]
fn substitutions_that_mean_nothing_are_shown() {
    let folder = folder();
    insta::assert_snapshot!(
        parse(
            "\
images:
  a:
    dockerfile: dockerfiles/app/Dockerfile
    args: {A: \"x${{ image.b\", B: '${{ arg.X }} ${{ env. }} ${{ image.a }}', C: }
",
            folder.path()
        )
        .unwrap_err()
    );
}

#[test]
fn a_project_without_images_is_a_mistake() {
    let folder = folder();
    insta::assert_snapshot!(parse("images: {}\n", folder.path()).unwrap_err());
}

#[test]
fn the_file_is_found_in_a_folder_above() {
    use std::io::Write;
    let folder = folder();
    let deep = folder.path().join("scripts/deep");
    assert!(Project::discover(&deep).unwrap().is_none());
    let mut file = fs::File::create(folder.path().join("seatrial.yaml")).unwrap();
    file.write_all(FAMILY.as_bytes()).unwrap();
    let project = Project::discover(&deep).unwrap().unwrap();
    assert_eq!(project.root, folder.path());
    assert_eq!(
        project.images[0].name.place.to_string(),
        "seatrial.yaml:2:3"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Project::load(Path::new("/no/such/seatrial.yaml")).unwrap_err();
    assert!(matches!(error, ProjectError::Unreadable { .. }));
    assert!(
        error
            .to_string()
            .starts_with("can't read the project file /no/such/seatrial.yaml: ")
    );
}
