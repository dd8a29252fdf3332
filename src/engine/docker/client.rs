//! Docker's own command line, for what the Engine API alone can't do: the client serves secrets, keys
//! and caches to BuildKit while it builds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::endpoint::{Endpoint, Origin, Transport};
use crate::build::{Bounds, Job, follow, programs};
use crate::project::Secret;

/// For a question that it answers by itself.
const LIMIT: Duration = Duration::from_secs(30);

/// Older clients do not end when they are told to. The engine ends a build whose client is gone.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// The first version whose own BuildKit is gone: it needs buildx.
const FIRST_WITHOUT_BUILDKIT: u32 = 23;

/// A client that can serve BuildKit.
#[derive(Debug, Clone)]
pub(super) struct Client {
    program: PathBuf,
    is_buildx: bool,
}

impl Client {
    /// The first one in `path` that has buildx, or else one with a BuildKit of its own.
    pub(super) fn find(path: &std::ffi::OsStr, is_stopped: &dyn Fn() -> bool) -> Option<Self> {
        let programs: Vec<PathBuf> = programs("docker", path).collect();
        let has = |args: &[&str], is_fit: fn(&str) -> bool, is_buildx| {
            let mut programs = programs.iter();
            let fit =
                |program: &&PathBuf| ask(program, args, is_stopped).is_some_and(|it| is_fit(&it));
            programs.find(fit).map(|program| Self {
                program: program.clone(),
                is_buildx,
            })
        };
        has(&["buildx", "version"], |_| true, true)
            .or_else(|| has(&["--version"], has_own_buildkit, false))
    }

    /// Whether it knows all of BuildKit's caches.
    pub(super) fn is_buildx(&self) -> bool {
        self.is_buildx
    }

    /// What builds `job` at `endpoint` from a context at its standard input, and writes the image's id
    /// to `id_file`.
    pub(super) fn build(
        &self,
        job: &Job,
        dockerfile: &Path,
        endpoint: &Endpoint,
        id_file: &Path,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("DOCKER_BUILDKIT", "1")
            // An index with a provenance beside the image would have another digest each time.
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
            .env("DOCKER_CLI_HINTS", "false");
        if let (Origin::Default, Transport::Unix(socket)) = (&endpoint.origin, &endpoint.transport)
        {
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        }
        if self.is_buildx {
            command.args(["buildx", "build", "--load"]);
        } else {
            command.arg("build");
        }
        command
            .args(["--progress", "plain", "--tag", &job.reference])
            .arg("--file")
            .arg(dockerfile)
            .arg("--iidfile")
            .arg(id_file);
        let inputs = &job.inputs;
        let args = job
            .args
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        // The older way to say it, which all know.
        let inline = inputs.keeps_inline();
        let inline = inline.then(|| "BUILDKIT_INLINE_CACHE=1".to_owned());
        let flags = [
            ("--build-arg", args.chain(inline).collect()),
            ("--target", job.target.iter().cloned().collect()),
            ("--platform", inputs.platform.iter().cloned().collect()),
            (
                "--secret",
                inputs.secrets.iter().map(Secret::flag).collect(),
            ),
            ("--ssh", inputs.ssh.clone()),
            ("--cache-from", inputs.cache_from.clone()),
            ("--cache-to", inputs.typed_cache_to()),
        ];
        for (flag, values) in flags {
            let values: Vec<String> = values;
            for value in values {
                command.arg(flag).arg(value);
            }
        }
        command.arg("-");
        command
    }
}

/// `Docker version 20.10.24+dfsg1, build 297e128`.
fn has_own_buildkit(said: &str) -> bool {
    let version = said.trim().strip_prefix("Docker version ");
    let major = version.and_then(|version| version.split('.').next());
    let major = major.and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| (19..FIRST_WITHOUT_BUILDKIT).contains(&major))
}

/// What it says; nothing if it can't.
fn ask(program: &Path, args: &[&str], is_stopped: &dyn Fn() -> bool) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args);
    let bounds = Bounds {
        is_stopped,
        until: Instant::now() + LIMIT,
        grace: GRACE,
    };
    let mut said = Vec::new();
    let status = follow(command, None, &bounds, &mut |chunk| {
        said.extend_from_slice(chunk);
    });
    let text = String::from_utf8_lossy(&said).into_owned();
    status.ok()?.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Inputs, SecretSource};

    #[test]
    fn the_clients_that_have_buildkit_themselves() {
        let table = [
            ("Docker version 20.10.24+dfsg1, build 297e128\n", true),
            ("Docker version 19.03.15, build 99e3ed8919", true),
            ("Docker version 28.2.2, build e6534b4", false),
            ("Docker version 18.06.3-ce, build d7080c1", false),
            ("podman version 4.3.1", false),
            ("", false),
        ];
        for (said, expected) in table {
            assert_eq!(has_own_buildkit(said), expected, "{said}");
        }
    }

    /// A folder with a `docker` that says `said` when it is asked for `what`.
    fn client(what: &str, said: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("#!/bin/sh\n[ \"$*\" = '{what}' ] && echo '{said}'\n");
        let file = folder.path().join("docker");
        let mut made = std::fs::File::create(&file).unwrap();
        std::io::Write::write_all(&mut made, script.as_bytes()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        made.set_permissions(mode).unwrap();
        folder
    }

    #[test]
    fn buildx_comes_first_wherever_it_is() {
        let old = client("--version", "Docker version 20.10.24, build 1");
        let buildx = client("buildx version", "github.com/docker/buildx v0.17.1");
        let useless = client("--version", "Docker version 28.2.2, build 2");
        let find = |folders: &[&tempfile::TempDir]| {
            let path = std::env::join_paths(folders.iter().map(|it| it.path())).unwrap();
            let found = Client::find(&path, &|| false)?;
            Some((found.program.parent()?.to_owned(), found.is_buildx))
        };
        let place = |folder: &tempfile::TempDir| folder.path().to_owned();
        assert_eq!(
            find(&[&useless, &old, &buildx]),
            Some((place(&buildx), true))
        );
        assert_eq!(find(&[&useless, &old]), Some((place(&old), false)));
        assert_eq!(find(&[&useless]), None);
    }

    #[test]
    fn what_buildx_is_asked_for() {
        let client = Client {
            program: "docker".into(),
            is_buildx: true,
        };
        let secret = |id: &str, source| Secret {
            id: id.to_owned(),
            source,
        };
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let job = Job {
            name: "app".to_owned(),
            reference: "app:1".to_owned(),
            context: "/p".into(),
            dockerfile: "/p/Dockerfile".into(),
            args: vec![("A".to_owned(), "b c".to_owned())],
            target: Some("last".to_owned()),
            inputs: Inputs {
                secrets: vec![
                    secret("one", SecretSource::Env("ONE".to_owned())),
                    secret("two", SecretSource::File("/two".into())),
                ],
                ssh: texts(&["default"]),
                cache_from: texts(&["app:cache", "type=gha"]),
                cache_to: texts(&["inline", "type=gha,mode=max"]),
                platform: Some("linux/arm64".to_owned()),
            },
        };
        let endpoint = Endpoint {
            transport: Transport::Unix("/run/other.sock".into()),
            origin: Origin::Default,
        };
        let command = client.build(&job, Path::new("Dockerfile"), &endpoint, Path::new("/id"));
        let args: Vec<_> = command.get_args().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(
            args.join("|"),
            "buildx|build|--load|--progress|plain|--tag|app:1|--file|Dockerfile|--iidfile|/id|\
             --build-arg|A=b c|--build-arg|BUILDKIT_INLINE_CACHE=1|--target|last|--platform|linux/arm64|\
             --secret|id=one,env=ONE|--secret|id=two,src=/two|--ssh|default|\
             --cache-from|app:cache|--cache-from|type=gha|--cache-to|type=gha,mode=max|-"
        );
        let host = command.get_envs().find(|(name, _)| *name == "DOCKER_HOST");
        assert_eq!(host.unwrap().1.unwrap(), "unix:///run/other.sock");
    }
}
