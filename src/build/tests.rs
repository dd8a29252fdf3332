use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::engine::EngineError;
use crate::project::Project;
use crate::source::Source;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(&folder.path().join(path), text);
    }
    folder
}

/// The entries of the archive, as `type mode path content`.
fn archive(root: &Path, dockerfile: &Path, recipient: Recipient) -> Vec<String> {
    let mut bytes = Vec::new();
    let context = BuildContext::open(root, dockerfile).unwrap();
    context.write(&mut bytes, recipient).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut entries = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        if let Some(target) = entry.link_name().unwrap() {
            content = format!("-> {}", target.display());
        }
        assert_eq!(
            (entry.header().uid().unwrap(), entry.header().gid().unwrap()),
            (0, 0)
        );
        entries.push(
            format!("{path} {}", content.escape_debug())
                .trim()
                .to_owned(),
        );
    }
    entries
}

#[test]
fn a_context_is_sorted_and_leaves_out_what_is_ignored() {
    let folder = folder(&[
        ("b", "2"),
        ("a/deep/kept", "3"),
        ("a/deep/lost", ""),
        ("secret/key", ""),
        ("Dockerfile", "FROM scratch"),
        (".dockerignore", "secret\na\n!a/deep/kept\n"),
    ]);
    symlink("/etc/../passwd", folder.path().join("link")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let dockerfile = folder.path().join("Dockerfile");
    for recipient in [Recipient::Classic, Recipient::BuildKit] {
        assert_eq!(
            archive(folder.path(), &dockerfile, recipient),
            [
                ".dockerignore secret\\na\\n!a/deep/kept\\n",
                "Dockerfile FROM scratch",
                "a",
                "a/deep",
                "a/deep/kept 3",
                "b 2",
                "empty",
                "link -> /etc/../passwd",
            ]
        );
    }
}

#[test]
fn an_ignored_dockerfile_is_sent_and_hidden_from_the_classic_builder() {
    let folder = folder(&[
        ("docker/app/Dockerfile", "FROM scratch"),
        ("docker/other", ""),
        (".dockerignore", "docker\n.dockerignore\n"),
    ]);
    let dockerfile = folder.path().join("docker/app/Dockerfile");
    assert_eq!(
        archive(folder.path(), &dockerfile, Recipient::Classic),
        [
            ".dockerignore docker\\n.dockerignore\\n\\ndocker/app/Dockerfile\\n.dockerignore\\n",
            "docker",
            "docker/app",
            "docker/app/Dockerfile FROM scratch",
        ]
    );
    assert_eq!(
        archive(folder.path(), &dockerfile, Recipient::BuildKit),
        ["docker", "docker/app", "docker/app/Dockerfile FROM scratch"]
    );
}

#[test]
fn a_dockerfile_outside_of_the_context_gets_a_free_name() {
    let folder = folder(&[
        ("Dockerfile", "FROM scratch"),
        ("context/.seatrial-dockerfile-0", "taken"),
    ]);
    let context = folder.path().join("context");
    let dockerfile = folder.path().join("Dockerfile");
    assert_eq!(
        archive(&context, &dockerfile, Recipient::Classic),
        [
            ".dockerignore \\n.seatrial-dockerfile-1\\n.dockerignore\\n",
            ".seatrial-dockerfile-1 FROM scratch",
            ".seatrial-dockerfile-0 taken",
        ]
    );
    let opened = BuildContext::open(&context, &dockerfile).unwrap();
    assert_eq!(opened.dockerfile(), Path::new(".seatrial-dockerfile-1"));
}

#[test]
fn the_ignore_file_of_a_dockerfile_goes_first() {
    let folder = folder(&[
        ("a", ""),
        ("b", ""),
        ("app.Dockerfile", ""),
        ("app.Dockerfile.dockerignore", "a\n*.dockerignore"),
        (".dockerignore", "b"),
    ]);
    let dockerfile = folder.path().join("app.Dockerfile");
    assert_eq!(
        archive(folder.path(), &dockerfile, Recipient::BuildKit),
        ["app.Dockerfile", "b"]
    );
}

#[test]
fn modes_and_long_names_are_kept() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(150));
    let folder = folder(&[("Dockerfile", ""), (&long, "x")]);
    let file = folder.path().join(&long);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
    let mut bytes = Vec::new();
    let context = BuildContext::open(folder.path(), &folder.path().join("Dockerfile")).unwrap();
    context.write(&mut bytes, Recipient::BuildKit).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let last = archive.entries().unwrap().last().unwrap().unwrap();
    assert_eq!(last.path().unwrap(), Path::new(&long));
    assert_eq!(last.header().mode().unwrap(), 0o4751);
}

#[test]
fn what_can_not_be_sent_is_an_error_and_the_archive_has_no_end() {
    let folder = folder(&[("Dockerfile", "FROM scratch"), ("a", "1")]);
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let mut bytes = Vec::new();
    let context = BuildContext::open(folder.path(), &folder.path().join("Dockerfile")).unwrap();
    let error = context.write(&mut bytes, Recipient::BuildKit).unwrap_err();
    assert!(
        matches!(&error, ContextError::Special { path } if path.ends_with("pipe")),
        "{error}"
    );
    assert!(!bytes.ends_with(&[0; 1024]));
}

#[test]
fn a_mistake_in_the_ignore_file_shows_its_line() {
    let folder = folder(&[("Dockerfile", ""), (".dockerignore", "# x\na[\n")]);
    let error = BuildContext::open(folder.path(), &folder.path().join("Dockerfile")).unwrap_err();
    let shown = error
        .to_string()
        .replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_eq!(
        shown,
        "FOLDER/.dockerignore:2: `a[` is not a valid pattern: `[` is never closed"
    );
}

/// Builds what its list does not name, and remembers what it was asked for.
#[derive(Default)]
struct Scripted {
    broken: Vec<(&'static str, Option<EngineError>)>,
    asked: Mutex<Vec<String>>,
}

impl Builder for Scripted {
    fn remove(&self, _: &str) -> Result<(), EngineError> {
        Ok(())
    }

    fn build(&self, job: &Job, _: &dyn BuildListener) -> Result<Built, BuildError> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {:?}", job.name, job.args));
        match self.broken.iter().find(|(name, _)| *name == job.name) {
            Some((_, Some(error))) => Err(error.clone().into()),
            Some((_, None)) => Err(BuildError::Refused("no".to_owned())),
            None => Ok(Built {
                id: job.name.clone(),
                cached: false,
                previous: None,
            }),
        }
    }
}

struct Deaf;

impl BuildListener for Deaf {
    fn started(&self, _: &str) {}
    fn on(&self, _: &str, _: &BuildEvent) {}
}

fn outcomes(builder: &Scripted) -> Vec<String> {
    let folder = folder(&[("Dockerfile", "")]);
    let text = "\
images:
  leaf: {dockerfile: Dockerfile, args: {BASE: '${{ image.middle }}'}}
  base: {dockerfile: Dockerfile}
  middle: {dockerfile: Dockerfile, args: {BASE: '${{ image.base }}'}}
  other: {dockerfile: Dockerfile}
";
    let project = Project::parse(&Source::new("seatrial.yaml", text), folder.path()).unwrap();
    let order = project.build_order(&[]).unwrap();
    let jobs = jobs(&project, &order, &|_| None, None).unwrap();
    let results = build_images(&project, &order, &jobs, builder, &Deaf);
    let word = |outcome: ImageOutcome| match outcome {
        ImageOutcome::Built(built) => format!("built {}", built.id),
        ImageOutcome::Failed(error) => format!("failed {error}"),
        ImageOutcome::ParentFailed(parent) => format!("lacks {parent}"),
        ImageOutcome::NotTried => "not tried".to_owned(),
    };
    results
        .into_iter()
        .map(|result| format!("{}: {}", result.name, word(result.outcome)))
        .collect()
}

#[test]
fn parents_are_built_first() {
    let builder = Scripted::default();
    assert_eq!(
        outcomes(&builder),
        [
            "base: built base",
            "middle: built middle",
            "leaf: built leaf",
            "other: built other"
        ]
    );
    assert_eq!(
        builder.asked.lock().unwrap()[2],
        "leaf [(\"BASE\", \"middle:latest\")]"
    );
}

#[test]
fn what_lacks_its_parent_is_reported_and_not_built() {
    let builder = Scripted {
        broken: vec![("base", None)],
        ..Scripted::default()
    };
    assert_eq!(
        outcomes(&builder),
        [
            "base: failed no",
            "middle: lacks base",
            "leaf: lacks middle",
            "other: built other"
        ]
    );
    assert_eq!(builder.asked.lock().unwrap().len(), 2);
}

#[test]
fn an_interruption_ends_all_builds() {
    let builder = Scripted {
        broken: vec![("middle", Some(EngineError::Interrupted))],
        ..Scripted::default()
    };
    assert_eq!(
        outcomes(&builder),
        [
            "base: built base",
            "middle: failed the run was interrupted",
            "leaf: not tried",
            "other: not tried",
        ]
    );
}

/// Builds take until another one has begun, or a little while.
struct Meeting {
    begun: Mutex<(usize, usize, Vec<String>)>,
    changed: std::sync::Condvar,
}

impl Builder for Meeting {
    fn remove(&self, _: &str) -> Result<(), EngineError> {
        Ok(())
    }

    fn build(&self, job: &Job, _: &dyn BuildListener) -> Result<Built, BuildError> {
        let mut state = self.begun.lock().unwrap();
        state.0 += 1;
        state.1 = state.1.max(state.0);
        state.2.push(job.name.clone());
        self.changed.notify_all();
        let wait = std::time::Duration::from_millis(300);
        let (mut state, _) = (self.changed)
            .wait_timeout_while(state, wait, |state| state.0 < 2)
            .unwrap();
        state.0 -= 1;
        drop(state);
        assert!(job.name != "broken", "a mistake");
        Ok(Built {
            id: job.name.clone(),
            cached: false,
            previous: None,
        })
    }
}

#[test]
fn images_that_need_nothing_of_each_other_are_built_at_once_but_no_more_than_wanted() {
    let folder = folder(&[("Dockerfile", "")]);
    let text = "\
images:
  broken: {dockerfile: Dockerfile}
  child: {dockerfile: Dockerfile, args: {BASE: '${{ image.broken }}'}}
  one: {dockerfile: Dockerfile}
  two: {dockerfile: Dockerfile, args: {BASE: '${{ image.one }}'}}
  three: {dockerfile: Dockerfile}
";
    let project = Project::parse(&Source::new("seatrial.yaml", text), folder.path()).unwrap();
    let order = project.build_order(&[]).unwrap();
    let jobs = jobs(&project, &order, &|_| None, None).unwrap();
    for (at_once, most) in [(1, 1), (2, 2), (9, 3)] {
        let builder = Meeting {
            begun: Mutex::default(),
            changed: std::sync::Condvar::new(),
        };
        let told = Mutex::new(Vec::new());
        let crew = Crew {
            builder: &builder,
            listener: &Deaf,
            at_once,
            done: &|result| told.lock().unwrap().push(result.name.clone()),
        };
        let results = crew.build(&project, &order, &jobs);
        let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
        let expected: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, expected, "in the order of the jobs");
        let (_, at_most, begun) = builder.begun.into_inner().unwrap();
        assert!(
            at_most <= most && (at_once == 1 || at_most > 1),
            "{at_most} at once"
        );
        let at = |name: &str| begun.iter().position(|it| it == name);
        assert!(at("one") < at("two") && at("child").is_none());
        let told = told.into_inner().unwrap();
        assert_eq!(told.len(), 5);
        let of = |name: &str| results.iter().find(|result| result.name == name).unwrap();
        assert!(matches!(of("broken").outcome, ImageOutcome::Failed(_)));
        assert!(matches!(&of("child").outcome, ImageOutcome::ParentFailed(it) if it == "broken"));
        assert!(matches!(of("two").outcome, ImageOutcome::Built(_)));
    }
}
