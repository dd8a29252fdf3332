//! What the tests share: two registries, and a machine for each platform.

use std::process::{Child, Command, Stdio};

use seatrial::registry::{
    Descriptor, PlatformEntry, Registries, Repository, RepositoryName, Version,
};
use serde_json::Value;

use crate::support::images::Made;
use crate::support::registry::{FaultProxy, Registry, docker_config, run};
use crate::support::{Ended, Project, docker};

pub(crate) const NO_TLS: &str = "--tls-verify=false";

/// Two registries, and a machine for each platform. Each machine has its own image under its own
/// reference; all else is the same.
pub(crate) struct Places {
    pub(crate) names: [String; 2],
    pub(crate) gcr: Registry,
    pub(crate) acr: Registry,
    pub(crate) proxy: FaultProxy,
    made: std::cell::RefCell<Vec<Made>>,
}

pub(crate) struct Machine {
    pub(crate) project: Project,
    pub(crate) architecture: &'static str,
}

impl Places {
    pub(crate) fn new(test: &str) -> Self {
        let gcr = Registry::open();
        let proxy = FaultProxy::new(&gcr.host);
        Self {
            names: ["one", "two"].map(|it| format!("plat-{test}-{}-{it}", std::process::id())),
            gcr,
            acr: Registry::open(),
            proxy,
            made: std::cell::RefCell::default(),
        }
    }

    pub(crate) fn machine(&self, architecture: &'static str) -> Machine {
        let project = Project::new(&[]);
        let [one, two] = &self.names;
        let catalogue = format!(
            "images:
  {one}: {{dockerfile: Dockerfile, reference: '{one}-{architecture}:1', platforms: [linux/amd64, linux/arm64]}}
  {two}: {{dockerfile: Dockerfile, reference: '{two}-{architecture}:1', platforms: [linux/arm64, linux/amd64]}}
registries:
  gcr: {{prefix: '{}/dir', list: gcr.json, list_key: '{{name}}'}}
  acr: {{prefix: '{}/other/dir', list: acr.json, list_key: '{{name}}'}}
",
            self.proxy.host, self.acr.host
        );
        let dockerfile = "FROM scratch\nCOPY there /there\nENV ARCH=?\n";
        let dockerfile = dockerfile.replace('?', architecture);
        for (path, text) in [
            ("seatrial.yaml", catalogue.as_str()),
            ("Dockerfile", &dockerfile),
            ("there", "x"),
            ("gcr.json", "{}\n"),
            ("acr.json", "{}\n"),
            (
                "test-specs/both.yaml",
                &format!(
                    "images: [{one}, {two}]\nchecks:\n  - {{name: it is there, file: /there, content: x}}\n  \
                     - {{name: its platform, config: {{architecture: {{contains: 'a'}}}}}}\n"
                ),
            ),
        ] {
            project.write(path, text.as_bytes());
        }
        docker_config(project.root(), "nowhere.example", "x", "x");
        let machine = Machine {
            project,
            architecture,
        };
        for name in &self.names {
            self.build(&machine, &format!("{name}-{architecture}:1"));
        }
        machine
    }

    /// Builds what the machine's Dockerfile says now.
    pub(crate) fn build(&self, machine: &Machine, reference: &str) {
        let root = machine.project.root().display().to_string();
        let platform = format!("linux/{}", machine.architecture);
        docker(&[
            "build",
            "--quiet",
            // The classic builder takes steps of other platforms for the same.
            "--no-cache",
            "--platform",
            &platform,
            "--tag",
            reference,
            &root,
        ]);
        self.made.borrow_mut().push(Made(reference.to_owned()));
        let format = "{{.Os}}/{{.Architecture}}";
        let made = docker(&["inspect", "--format", format, reference]);
        assert_eq!(made, platform, "the engine can't build for {platform}");
    }

    /// The image is another one from now on.
    pub(crate) fn change(&self, machine: &Machine, line: &str) {
        let text = format!("FROM scratch\nCOPY there /there\nENV {line}\n");
        machine.project.write("Dockerfile", text.as_bytes());
        let reference = format!("{}-{}:1", self.names[0], machine.architecture);
        // Or it would stay without a name.
        docker(&["rmi", &reference]);
        self.build(machine, &reference);
    }

    pub(crate) fn repositories(&self, image: &str) -> [String; 2] {
        let (gcr, acr) = (&self.gcr.host, &self.acr.host);
        [
            format!("{gcr}/dir/{image}"),
            format!("{acr}/other/dir/{image}"),
        ]
    }

    /// What stands under a tag in both registries; nothing if nothing does.
    pub(crate) fn raw(&self, image: &str, tag: &str) -> [Option<Vec<u8>>; 2] {
        self.repositories(image).map(|place| {
            let output = Command::new("skopeo")
                .args(["inspect", "--raw", NO_TLS])
                .arg(format!("docker://{place}:{tag}"))
                .output()
                .unwrap();
            output.status.success().then_some(output.stdout)
        })
    }

    #[track_caller]
    pub(crate) fn has_no(&self, image: &str, tag: &str) {
        assert_eq!(self.raw(image, tag), [None, None], "{image}:{tag}");
    }

    /// The index under a tag, which must be the same in both registries.
    #[track_caller]
    pub(crate) fn index(&self, image: &str, tag: &str) -> Value {
        let [one, other] = self.raw(image, tag).map(Option::unwrap);
        assert_eq!(one, other, "{image}:{tag} is the same everywhere");
        serde_json::from_slice(&one).unwrap()
    }
}

/// Puts what is at `from`, as skopeo names it, at `to` in a registry.
pub(crate) fn copy(from: &str, to: &str) {
    let to = format!("docker://{to}");
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    run(&[&["skopeo", "copy", "--quiet"], &tls[..], &[from, &to]].concat());
}

impl Machine {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.seatrial(args);
        command
            .env("DOCKER_CONFIG", self.project.root())
            .env("XDG_CACHE_HOME", self.project.path("cache"))
            .env("XDG_STATE_HOME", self.project.path("state"))
            .env_remove("SEATRIAL_RESULTS_KEY")
            .env_remove("SEATRIAL_FRESH")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_RUN_ID")
            .env_remove("CI_JOB_URL");
        command
    }

    pub(crate) fn seatrial(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(args))
    }

    pub(crate) fn publish(&self, args: &[&str]) -> Ended {
        self.seatrial(&[&["publish", "--quiet", "--engine", "docker"], args].concat())
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(&[&["publish", "--quiet", "--engine", "docker"], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn lists(&self) -> [Value; 2] {
        ["gcr.json", "acr.json"].map(|name| {
            let text = std::fs::read(self.project.path(name)).unwrap();
            serde_json::from_slice(&text).unwrap()
        })
    }

    pub(crate) fn id(&self, image: &str) -> String {
        let reference = format!("{image}-{}:1", self.architecture);
        docker(&["inspect", "--format", "{{.Id}}", &reference])
    }

    /// Edits the project file.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.project.path("seatrial.yaml")).unwrap();
        assert!(text.contains(from), "{text}");
        let text = text.replace(from, to);
        self.project.write("seatrial.yaml", text.as_bytes());
    }
}

/// Whoever else may write to a registry.
pub(crate) struct Desk {
    _runtime: tokio::runtime::Runtime,
    _stop: tokio::sync::watch::Sender<bool>,
    registries: Registries,
}

impl Desk {
    pub(crate) fn new(folder: &std::path::Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let folder = folder.display().to_string();
        let env = move |name: &str| (name == "DOCKER_CONFIG").then(|| folder.clone());
        Self {
            registries: Registries::new(runtime.handle().clone(), stopped, env),
            _runtime: runtime,
            _stop: stop,
        }
    }

    pub(crate) fn repository(&self, place: &str) -> Repository {
        let name = RepositoryName::parse(place).unwrap();
        self.registries.repository(&name).unwrap()
    }

    /// An entry of an index that says that what stands under a tag is for this architecture.
    pub(crate) fn descriptor(
        &self,
        repository: &Repository,
        tag: &str,
        architecture: &str,
    ) -> Descriptor {
        let manifest = repository.manifest(&Version::tag(tag).unwrap());
        Descriptor {
            platform: Some(PlatformEntry {
                os: "linux".to_owned(),
                architecture: architecture.to_owned(),
                variant: None,
            }),
            ..manifest.unwrap().unwrap().descriptor()
        }
    }
}
