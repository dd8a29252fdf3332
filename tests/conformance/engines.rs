//! The engines that are compared, and how the specs are run with them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use tempfile::TempDir;

use crate::images::{self, Images};
use crate::report::Report;
use crate::support;

/// One that runs the specs.
pub struct Engine {
    pub name: &'static str,
    /// What is put before `seatrial test`, in the project's folder.
    pub command: Box<dyn Fn(&support::Project) -> Command>,
    /// The references of the images, by their names in the specs.
    pub reference: Box<dyn Fn(&str) -> String>,
    /// Who runs it, if it is not root.
    pub user: Option<u32>,
    /// It runs one of so many checks.
    pub part: usize,
}

/// The specs and all that they need, in a folder of its own.
pub struct Project(support::Project);

impl Engine {
    pub fn docker(_: &Images) -> Self {
        Self {
            name: "docker",
            command: Box::new(|project| project.command(&["--engine", "docker"])),
            reference: Box::new(images::name),
            user: None,
            part: 1,
        }
    }

    pub fn embedded(_: &Images) -> Self {
        let store = Rc::new(TempDir::new().unwrap());
        Self {
            name: "embedded",
            command: Box::new(move |project| {
                let mut command = project.command(&["--engine", "embedded"]);
                command.env("SEATRIAL_STORE", store.path().join("store"));
                command
            }),
            reference: Box::new(images::name),
            user: None,
            part: 1,
        }
    }
}

impl Project {
    /// The specs with the references of this engine.
    pub fn of(engine: &Engine, specs: &[(&str, &str)]) -> Self {
        let project = support::Project::new(&[
            ("some/file", "of the project\n"),
            ("some/tool", "#!/bin/sh\necho a tool\n"),
            ("some/below/other", "another\n"),
            (
                "some/passwd",
                "root:x:0:0::/mounted/root:/bin/sh\nmounted:x:900:901::/mounted:/bin/sh\n",
            ),
        ]);
        project.write("large", "0123456789abcde\n".repeat(1 << 17).as_bytes());
        for (name, text) in specs {
            let (first, rest) = text.split_once('\n').unwrap();
            let image = first.strip_prefix("image: ").unwrap();
            let text = format!("image: {}\n{rest}", (engine.reference)(image));
            project.write(&format!("test-specs/{name}.yaml"), text.as_bytes());
        }
        let mode = |path: &str, mode| {
            let mode = PermissionsExt::from_mode(mode);
            std::fs::set_permissions(project.path(path), mode).unwrap();
        };
        mode("some/tool", 0o755);
        mode("", 0o755);
        if let Some(user) = engine.user {
            for path in ["", "some", "some/below", "some/file", "some/tool"] {
                chown(project.path(path), Some(user), Some(user)).unwrap();
            }
        }
        Self(project)
    }

    /// Runs all specs.
    pub fn run(&self, engine: &Engine) -> Report {
        let mut command = (engine.command)(&self.0);
        command.args(["--json", "report.json", "--quiet"]);
        if engine.part > 1 {
            command.arg("--shard").arg(format!("1/{}", engine.part));
        }
        let ended = support::Ended::of(&mut command);
        let json = self.0.path("report.json");
        // Some checks fail and some are errors, on purpose.
        assert!(
            matches!(ended.code, Some(1 | 3)) && Path::new(&json).exists(),
            "{}: {:?}\n{}\n{}",
            engine.name,
            ended.code,
            ended.stdout,
            ended.stderr
        );
        Report::read(&std::fs::read_to_string(json).unwrap())
    }
}
