//! `seatrial publish` and `seatrial verify`, with two real registries: what was tested is what is pushed, and
//! both registries hold it.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use regex::Regex;
use seatrial::registry::{Artifact, Registries, RepositoryName, Version};
use serde_json::{Value, json};
use support::images::Made;
use support::registry::{Fault, FaultProxy, Registry, docker_config, run};
use support::{Ended, Project, docker};

const USER: &str = "pusher";
const PASSWORD: &str = "secret";

/// Two images, one built on the other, a registry in the clear and one with TLS and a password.
struct Family {
    project: Project,
    /// The names of both images.
    names: [String; 2],
    proxy: FaultProxy,
    gcr: Registry,
    acr: Registry,
    _made: [Made; 2],
}

/// Where the certificate of the guarded registry is believed.
fn certificates(host: &str) -> String {
    format!("/etc/docker/certs.d/{host}")
}

impl Drop for Family {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(certificates(&self.acr.host));
    }
}

impl Family {
    fn new(test: &str) -> Self {
        let gcr = Registry::open();
        let acr = Registry::guarded(USER, PASSWORD);
        let proxy = FaultProxy::new(&gcr.host);
        let folder = certificates(&acr.host);
        run(&["mkdir", "-p", &folder]);
        let certificate = acr.folder.path().join("a.crt");
        run(&["cp", &certificate.display().to_string(), &folder]);

        let names = ["base", "tools"].map(|it| format!("pub-{test}-{}-{it}", std::process::id()));
        let [base, tools] = &names;
        let project = Project::new(&[]);
        let catalogue = format!(
            "images:
  {base}: {{dockerfile: base/Dockerfile}}
  {tools}: {{dockerfile: tools/Dockerfile, args: {{BASE: '${{{{ image.{base} }}}}'}}}}
registries:
  gcr: {{prefix: '{}/project/dir', list: inputs/gcr.json, list_keys: {{{tools}: [tools_docker, old_tools]}}}}
  acr: {{prefix: '{}/dir', list: inputs/acr.json, list_key: '{{name}}'}}
",
            proxy.host, acr.host
        );
        let list = "{\n    \"name\": \"dockers\",\n    \"tools_docker\" : \"old\",\n    \"linux\": \"debian:12\"\n}\n";
        for (path, text) in [
            ("seatrial.yaml", catalogue.as_str()),
            ("base/Dockerfile", "FROM scratch\nCOPY Dockerfile /base\n"),
            (
                "tools/Dockerfile",
                "ARG BASE\nFROM ${BASE}\nCOPY Dockerfile /tools\nENV VERSION=1\n",
            ),
            ("inputs/gcr.json", list),
            ("inputs/acr.json", "{}\n"),
            (
                "test-specs/base.yaml",
                &format!("image: {base}\nchecks:\n  - {{name: base is there, file: /base}}\n"),
            ),
            (
                "test-specs/tools.yaml",
                &format!(
                    "image: {tools}\ninherit: [{base}]\nchecks:\n  - {{name: tools are there, file: /tools}}\n  \
                     - {{name: the version, config: {{env: {{VERSION: '1'}}}}}}\n"
                ),
            ),
        ] {
            project.write(path, text.as_bytes());
        }
        docker_config(project.root(), &acr.host, USER, PASSWORD);
        let made = names.clone().map(|name| Made(format!("{name}:latest")));
        let family = Self {
            project,
            names,
            proxy,
            gcr,
            acr,
            _made: made,
        };
        family.seatrial(&["build", "--quiet"]).expect(0);
        family
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.seatrial(args);
        command
            .env("DOCKER_CONFIG", self.project.root())
            .env("XDG_CACHE_HOME", self.project.path("cache"))
            .env("XDG_STATE_HOME", self.project.path("state"))
            .env_remove("SEATRIAL_RESULTS_KEY")
            .env_remove("SEATRIAL_FRESH")
            .env_remove("GITHUB_RUN_ID")
            .env_remove("CI_JOB_URL");
        command
    }

    fn seatrial(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(args))
    }

    fn publish(&self, args: &[&str]) -> Ended {
        self.seatrial(&[&["publish", "--quiet"], args].concat())
    }

    fn list(&self, registry: &str) -> String {
        std::fs::read_to_string(self.project.path(&format!("inputs/{registry}.json"))).unwrap()
    }

    /// Both lists, to see whether they stay.
    fn lists(&self) -> [String; 2] {
        ["gcr", "acr"].map(|it| self.list(it))
    }

    /// Where an image is in both registries.
    fn places(&self, image: &str) -> [String; 2] {
        let (gcr, acr) = (&self.gcr.host, &self.acr.host);
        [
            format!("{gcr}/project/dir/{image}"),
            format!("{acr}/dir/{image}"),
        ]
    }

    /// The manifest of an image in both registries; none if there is none.
    fn manifests(&self, image: &str, tag: &str) -> [Option<Vec<u8>>; 2] {
        self.places(image).map(|place| {
            let output = Command::new("skopeo")
                .args(["inspect", "--raw", "--tls-verify=false"])
                .args(["--creds", &format!("{USER}:{PASSWORD}")])
                .arg(format!("docker://{place}:{tag}"))
                .output()
                .unwrap();
            output.status.success().then_some(output.stdout)
        })
    }

    /// Nothing is tagged and no list is changed.
    #[track_caller]
    fn is_untouched(&self, lists: &[String; 2], tag: &str) {
        assert_eq!(&self.lists(), lists);
        for name in &self.names {
            assert_eq!(self.manifests(name, tag), [None, None], "{name}");
        }
    }

    /// Puts another image where one is published.
    fn replace(&self, place: &str, from: &str) {
        let creds = format!("{USER}:{PASSWORD}");
        run(&[
            "skopeo",
            "copy",
            "--quiet",
            "--dest-tls-verify=false",
            "--dest-creds",
            &creds,
            &format!("docker-daemon:{from}"),
            &format!("docker://{place}"),
        ]);
    }

    fn results(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.project.path("results.json")).unwrap()).unwrap()
    }
}

/// What a manifest says its configuration is.
fn config_of(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_tested_is_what_both_registries_hold() {
    let family = Family::new("all");
    let ended = family.publish(&[
        "--tag",
        "v1",
        "--attestations",
        "said",
        "--url",
        "https://ci/1",
    ]);
    ended.expect(0).says(&["2 images are published", "PASSED"]);

    let [base, tools] = &family.names;
    let (gcr, acr) = (&family.proxy.host, &family.acr.host);
    assert_eq!(
        family.list("gcr"),
        format!(
            "{{\n    \"name\": \"dockers\",\n    \"tools_docker\" : \"{gcr}/project/dir/{tools}:v1\",\n    \
             \"linux\": \"debian:12\",\n    \"{}_docker\": \"{gcr}/project/dir/{base}:v1\",\n    \
             \"old_tools\": \"{gcr}/project/dir/{tools}:v1\"\n}}\n",
            base.replace('-', "_")
        )
    );
    let list: BTreeMap<String, String> = serde_json::from_str(&family.list("acr")).unwrap();
    assert_eq!(list[base], format!("{acr}/dir/{base}:v1"));

    for name in &family.names {
        let [one, other] = family.manifests(name, "v1").map(Option::unwrap);
        assert_eq!(one, other, "{name} is the same everywhere");
        let id = docker(&["inspect", "--format", "{{.Id}}", &format!("{name}:latest")]);
        assert_eq!(config_of(&one), id, "{name} is what was tested");

        // What is to be signed says so, too.
        let path = format!("said/{name}.intoto.json");
        let said: Value =
            serde_json::from_slice(&std::fs::read(family.project.path(&path)).unwrap()).unwrap();
        let digest = run_with_input("sha256sum", &one);
        assert_eq!(said["subject"][1]["digest"]["sha256"], digest[..64]);
        assert_eq!(said["subject"][1]["name"], format!("{acr}/dir/{name}"));
        assert_eq!(said["predicate"]["result"], "PASSED");
        assert_eq!(said["predicate"]["url"], "https://ci/1");
        let predicate = format!("said/{name}.predicate.json");
        let predicate = std::fs::read(family.project.path(&predicate)).unwrap();
        let predicate: Value = serde_json::from_slice(&predicate).unwrap();
        assert_eq!(predicate, said["predicate"]);
    }

    // The specs hold for what is pulled.
    let place = &family.places(tools)[1];
    let spec =
        format!("image: 'docker://{place}:v1'\nchecks:\n  - file: /tools\n  - file: /base\n");
    family.project.write("pulled.yaml", spec.as_bytes());
    let pulled = ["test", "--engine", "embedded", "--spec", "pulled.yaml"];
    family.seatrial(&pulled).expect(0).says(&["2 passed"]);

    let ended = family.seatrial(&["verify"]);
    ended
        .expect(0)
        .says(&["all registries have what was tested"]);
    let ended = family.seatrial(&["verify", "--json", tools]);
    let verified: Value = serde_json::from_str(&ended.expect(0).stdout).unwrap();
    assert_eq!(verified["good"], true);
    let entries = verified["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3, "{entries:?}");
    assert!(entries.iter().all(|it| it["result"] == "PASSED"));
    assert_eq!(entries[0]["digest"], entries[2]["digest"]);

    // Once more changes nothing.
    let lists = family.lists();
    family.publish(&["--tag", "v1"]).expect(0);
    assert_eq!(family.lists(), lists);
    assert_eq!(
        family.manifests(tools, "v1")[0],
        family.manifests(tools, "v1")[1]
    );
}

fn run_with_input(program: &str, input: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_dry_run_shows_what_would_be_pushed_and_pushes_nothing() {
    let family = Family::new("dry");
    let lists = family.lists();
    let ended = family.publish(&["--tag", "v1", "--dry-run"]);
    ended.expect(0).says(&[
        "nothing is pushed: this is a dry run",
        &format!("→ {}/dir/{}:v1", family.acr.host, family.names[1]),
        "inputs/gcr.json: tools_docker is",
        "(was old)",
    ]);
    assert!(family.proxy.take().is_empty(), "no registry is asked");
    family.is_untouched(&lists, "v1");
}

#[test]
fn one_image_that_fails_holds_all_back() {
    let family = Family::new("bad");
    let lists = family.lists();
    let [base, tools] = &family.names;
    let spec = format!("image: {tools}\nchecks:\n  - {{name: wrong, file: /nowhere}}\n");
    family
        .project
        .write("test-specs/more.yaml", spec.as_bytes());
    let ended = family.publish(&["--tag", "v1"]);
    ended.expect(1).says(&[
        "1 of 2 images refused: nothing is published",
        &format!("failed: `{tools}::wrong`"),
    ]);
    assert!(family.proxy.take().is_empty(), "no registry is asked");
    family.is_untouched(&lists, "v1");
    // The other one alone may go.
    family.publish(&["--tag", "v1", base]).expect(0);

    // So may it when the bad one is not for others.
    let text = std::fs::read_to_string(family.project.path("seatrial.yaml")).unwrap();
    let private = text.replace("{dockerfile: tools", "{public: false, dockerfile: tools");
    family.project.write("seatrial.yaml", private.as_bytes());
    family
        .publish(&["--tag", "v1"])
        .expect(0)
        .says(&["1 image is published"]);
    family
        .publish(&["--tag", "v1", tools])
        .expect(2)
        .says(&["`public: false`"]);
    family.project.write("seatrial.yaml", text.as_bytes());
    // The project makes the other for another machine.
    let other = text.replace(
        "{dockerfile: base",
        "{platforms: [linux/s390x], dockerfile: base",
    );
    family.project.write("seatrial.yaml", other.as_bytes());
    let ended = family.publish(&["--tag", "v1", base]);
    ended
        .expect(1)
        .says(&["the project makes it for linux/s390x, and it is for linux/amd64"]);
    family.project.write("seatrial.yaml", text.as_bytes());

    // An image that nothing is asked of is refused, too.
    let specs = ["test-specs/more.yaml", "test-specs/tools.yaml"];
    for spec in specs {
        std::fs::remove_file(family.project.path(spec)).unwrap();
    }
    let ended = family.publish(&["--tag", "v2"]);
    ended.expect(1).says(&["no spec has a check of it"]);
}

#[test]
fn a_result_vouches_for_the_image_that_it_is_about() {
    let family = Family::new("rebuilt");
    let [_, tools] = &family.names;
    let test = ["test", "--fresh", "--quiet", "--json", "results.json"];
    family.seatrial(&test).expect(0);
    let lists = family.lists();
    let publish = ["--tag", "v1", "--results", "results.json"];

    // A spec was changed after the test.
    let spec = std::fs::read_to_string(family.project.path("test-specs/base.yaml")).unwrap();
    let changed = spec.replace("file: /base", "file: /base, type: file");
    family
        .project
        .write("test-specs/base.yaml", changed.as_bytes());
    let ended = family.publish(&publish);
    ended.expect(1).says(&[
        "other checks were run than the specs have now",
        "base is there",
    ]);
    family
        .project
        .write("test-specs/base.yaml", spec.as_bytes());

    // The image was built again.
    let dockerfile = "ARG BASE\nFROM ${BASE}\nCOPY Dockerfile /tools\nENV VERSION=1 X=2\n";
    family
        .project
        .write("tools/Dockerfile", dockerfile.as_bytes());
    family.seatrial(&["build", "--quiet"]).expect(0);
    let ended = family.publish(&publish);
    ended
        .expect(1)
        .says(&["another image was tested: sha256:", "1 of 2 images refused"]);
    family.is_untouched(&lists, "v1");

    // A part of the checks is not all of them.
    let part = [&test[..], &["there"]].concat();
    family.seatrial(&part).expect(0);
    let ended = family.publish(&publish);
    ended
        .expect(1)
        .says(&[&format!("the result lacks `{tools}::the version`")]);

    // What was taken from an earlier run was not performed on this machine, perhaps.
    family.seatrial(&["test", "--quiet"]).expect(0);
    family
        .seatrial(&["test", "--quiet", "--json", "results.json"])
        .expect(0);
    family
        .publish(&publish)
        .expect(1)
        .says(&["taken from an earlier run"]);
    family.is_untouched(&lists, "v1");
    family
        .publish(&[&publish[..], &["--allow-cached"]].concat())
        .expect(0);
    assert_ne!(family.lists(), lists);
}

#[test]
fn an_edited_result_vouches_for_nothing() {
    let family = Family::new("edited");
    let [_, tools] = &family.names;
    let lists = family.lists();
    let spec = format!("image: {tools}\nchecks:\n  - {{name: wrong, file: /nowhere}}\n");
    family
        .project
        .write("test-specs/more.yaml", spec.as_bytes());
    let test = ["test", "--fresh", "--quiet", "--json", "results.json"];
    family.seatrial(&test).expect(1);
    let publish = ["--tag", "v1", "--results", "results.json"];
    family.publish(&publish).expect(1).says(&["failed: `"]);

    // A failure that is taken out by hand, with the counts and all.
    let text = std::fs::read_to_string(family.project.path("results.json")).unwrap();
    let mut record = family.results();
    let checks = record["checks"].as_array_mut().unwrap();
    let failed = checks
        .iter_mut()
        .find(|it| it["verdict"] == "failed")
        .unwrap();
    failed["verdict"] = "passed".into();
    record["counts"]["passed"] = 5.into();
    let count = checks_of(&record);
    record["counts"]["passed"] = count.into();
    record["counts"]["failed"] = 0.into();
    let pretty = serde_json::to_string_pretty(&record).unwrap() + "\n";
    let edits: [(&str, String); 4] = [
        (
            "edited or damaged",
            text.replace("\"failed\": 1", "\"failed\":  1"),
        ),
        (
            "its counts are not those",
            text.replace("\"failed\": 1", "\"failed\": 0"),
        ),
        ("no seal at its end", pretty),
        ("cut off", text[..text.len() / 2].to_owned()),
    ];
    for (message, edited) in edits {
        family.project.write("results.json", edited.as_bytes());
        family.publish(&publish).expect(1).says(&[message]);
    }

    // With a seal that anybody can make, it must still make sense.
    let body = serde_json::to_string_pretty(&without_seal(record)).unwrap();
    family
        .project
        .write("results.json", sealed(&body).as_bytes());
    family
        .publish(&publish)
        .expect(1)
        .says(&["has what a check of its verdict can't have"]);

    // A key is needed on both sides, and must be the same.
    std::fs::remove_file(family.project.path("test-specs/more.yaml")).unwrap();
    let with_key =
        |args: &[&str], key: &str| Ended::of(family.command(args).env("SEATRIAL_RESULTS_KEY", key));
    let args = [&["publish", "--quiet"], &publish[..]].concat();
    family.seatrial(&test).expect(0);
    with_key(&args, "k")
        .expect(1)
        .says(&["it was sealed without a key"]);
    with_key(&test, "k").expect(0);
    family
        .publish(&publish)
        .expect(1)
        .says(&["it was sealed with a key"]);
    with_key(&args, "other")
        .expect(1)
        .says(&["edited or damaged"]);
    family.is_untouched(&lists, "v1");
    with_key(&args, "k").expect(0);
}

fn checks_of(record: &Value) -> usize {
    let checks = record["checks"].as_array().unwrap().iter();
    checks.filter(|it| it["verdict"] == "passed").count()
}

fn without_seal(mut record: Value) -> Value {
    record.as_object_mut().unwrap().remove("seal");
    record
}

/// As seatrial seals, without a key.
fn sealed(document: &str) -> String {
    let body = document.strip_suffix("\n}").unwrap();
    let sum = run_with_input("sha256sum", body.as_bytes());
    format!("{body},\n  \"seal\": \"sha256:{}\"\n}}\n", &sum[..64])
}

#[test]
fn tags_are_not_moved_and_what_was_moved_is_found() {
    let family = Family::new("moved");
    let [base, tools] = &family.names;
    family.publish(&["--tag", "v1"]).expect(0);
    let lists = family.lists();

    // Somebody puts another image under the tag, in one registry.
    let place = format!("{}:v1", family.places(tools)[0]);
    family.replace(&place, &format!("{base}:latest"));
    let ended = family.seatrial(&["verify"]);
    ended.expect(1).says(&[
        "no test result is attached to it",
        "it is not the image of gcr",
        "WRONG",
    ]);
    let ended = family.publish(&["--tag", "v1"]);
    ended.expect(1).says(&[
        "is there with another digest",
        "--move-tags",
        "1 of 2 images refused",
    ]);
    assert_eq!(family.lists(), lists);
    family.publish(&["--tag", "v1", "--move-tags"]).expect(0);
    family.seatrial(&["verify"]).expect(0);

    // The same in both: they are alike, but nobody tested that.
    for place in family.places(tools) {
        family.replace(&format!("{place}:v1"), &format!("{base}:latest"));
    }
    family
        .seatrial(&["verify"])
        .expect(1)
        .says(&["no test result is attached"]);
    family.publish(&["--tag", "v1", "--move-tags"]).expect(0);

    // Other specs than those that it was tested by.
    let spec = format!("image: {base}\nchecks:\n  - {{name: more, file: /base}}\n");
    family
        .project
        .write("test-specs/more.yaml", spec.as_bytes());
    let ended = family.seatrial(&["verify"]);
    ended
        .expect(1)
        .says(&["tested by other specs: test-specs/more.yaml has changed"]);
    std::fs::remove_file(family.project.path("test-specs/more.yaml")).unwrap();

    // A list that leads nowhere, or elsewhere, or has no such key.
    let gone = lists[0].replace(&format!("{tools}:v1"), &format!("{tools}:v0"));
    family.project.write("inputs/gcr.json", gone.as_bytes());
    family
        .seatrial(&["verify"])
        .expect(1)
        .says(&["there is no "]);
    family
        .project
        .write("inputs/gcr.json", b"{\"tools_docker\": \"elsewhere/x:1\"}");
    let ended = family.seatrial(&["verify", tools]);
    assert_ne!(ended.code, Some(0));
    family.project.write("inputs/gcr.json", b"{}");
    let ended = family.seatrial(&["verify"]);
    ended
        .expect(1)
        .says(&["the list has no key `tools_docker`"]);
}

#[test]
fn an_attestation_of_another_image_vouches_for_nothing() {
    let family = Family::new("foreign");
    let [base, tools] = &family.names;
    family
        .publish(&["--tag", "v1", "--attestations", "said"])
        .expect(0);
    // The image of the base, with what is said of the tools.
    let said = std::fs::read(family.project.path(&format!("said/{tools}.intoto.json"))).unwrap();
    for place in family.places(tools) {
        family.replace(&format!("{place}:v1"), &format!("{base}:latest"));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let folder = family.project.root().display().to_string();
    let env = move |name: &str| (name == "DOCKER_CONFIG").then(|| folder.clone());
    let registries = Registries::new(runtime.handle().clone(), stopped, env);
    for place in family.places(tools) {
        let name = RepositoryName::parse(&place).unwrap();
        let repository = registries.repository(&name).unwrap();
        let tag = Version::tag("v1").unwrap();
        let manifest = repository.manifest(&tag).unwrap().unwrap();
        let artifact = Artifact {
            artifact_type: "application/vnd.in-toto+json".to_owned(),
            media_type: "application/vnd.in-toto+json".to_owned(),
            payload: said.clone(),
            annotations: BTreeMap::new(),
        };
        repository.attach_referrer(&manifest, &artifact).unwrap();
    }
    let ended = family.seatrial(&["verify"]);
    ended
        .expect(1)
        .says(&["the test result attached to it is about another image"]);
}

#[test]
fn a_registry_that_fails_half_way_leaves_lists_as_they_were() {
    let family = Family::new("fails");
    let lists = family.lists();
    let [base, tools] = &family.names;
    let refuse = Fault::Answer(403, String::new());
    // At the layers, at the manifest of the second image, and at what is said of it.
    let steps = [
        ("POST", format!("{tools}/blobs/uploads")),
        ("PUT", format!("{tools}/manifests/sha256:")),
        ("GET", format!("{tools}/referrers/")),
        ("PUT", format!("{tools}/manifests/v1")),
    ];
    for (method, part) in &steps {
        family.proxy.times(9, method, part, refuse.clone());
        family.publish(&["--tag", "v1"]).expect(3);
        assert_eq!(family.lists(), lists, "{part}");
        assert_eq!(family.manifests(tools, "v1")[0], None, "{part}");
    }
    // All but the last had set no tag at all; what is there is sound, so a rerun finishes.
    family.proxy.rule(|_| Fault::None);
    family.publish(&["--tag", "v1"]).expect(0);
    assert_ne!(family.lists(), lists);
    family.seatrial(&["verify"]).expect(0);
    let [one, other] = family.manifests(base, "v1").map(Option::unwrap);
    assert_eq!(one, other);

    // One that stores something else is found out when it is read back.
    family.proxy.rule(|seen| {
        let is_read = seen.method == "GET" && seen.path.contains("/manifests/sha256:");
        if is_read {
            Fault::Answer(200, String::new())
        } else {
            Fault::None
        }
    });
    let published = family.lists();
    let ended = family.publish(&["--tag", "v2"]);
    ended.expect(3).says(&["must have the digest"]);
    assert_eq!(family.lists(), published);
}

#[test]
fn a_signal_in_the_middle_leaves_lists_as_they_were() {
    let family = Family::new("signal");
    let lists = family.lists();
    let tools = family.names[1].clone();
    let (tell, told) = channel();
    family.proxy.rule(move |seen| {
        if seen.method == "PUT" && seen.path.contains(&format!("{tools}/manifests/")) {
            let _ = tell.send(());
            std::thread::sleep(Duration::from_millis(500));
        }
        Fault::None
    });
    let child = family
        .command(&["publish", "--quiet", "--tag", "v1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    run(&["kill", "-INT", &child.id().to_string()]);
    Ended::wait(child).expect(130);
    family.is_untouched(&lists, "v1");
    family.proxy.rule(|_| Fault::None);
    family.publish(&["--tag", "v1"]).expect(0);
    family.seatrial(&["verify"]).expect(0);
}

#[test]
fn what_a_change_concerns_is_built_and_published() {
    let family = Family::new("changed");
    let [base, tools] = &family.names;
    let folder = family.project.root().display().to_string();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
        run(&[&["git", "-C", &folder], &who[..], args].concat())
    };
    git(&["init", "--quiet"]);
    git(&[
        "add",
        "seatrial.yaml",
        "base",
        "tools",
        "test-specs",
        "inputs",
    ]);
    git(&["commit", "--quiet", "--message", "one"]);
    let dockerfile = "ARG BASE\nFROM ${BASE}\nCOPY Dockerfile /tools\nENV VERSION=1 X=3\n";
    family
        .project
        .write("tools/Dockerfile", dockerfile.as_bytes());
    git(&["commit", "--quiet", "--all", "--message", "two"]);
    let change = ["--build", "--tag", "v1", "--changed"];
    let ended = family.publish(&[&change[..], &["HEAD~1..HEAD"]].concat());
    ended.expect(0).says(&["1 image is published"]);
    assert_eq!(family.manifests(base, "v1"), [None, None]);
    let id = docker(&["inspect", "--format", "{{.Id}}", &format!("{tools}:latest")]);
    assert_eq!(
        config_of(&family.manifests(tools, "v1")[0].clone().unwrap()),
        id
    );
    let ended = family.seatrial(&["publish", "--tag", "v1", "--changed", "HEAD..HEAD"]);
    ended.expect(0).says(&["nothing is published"]);

    // Tags of what git knows: the list that was changed is no part of an image.
    let text = std::fs::read_to_string(family.project.path("seatrial.yaml")).unwrap();
    let tag = "release: r1\ntag: '{release}-{sha8}'\n";
    family
        .project
        .write("seatrial.yaml", format!("{tag}{text}").as_bytes());
    git(&["add", "seatrial.yaml"]);
    git(&[
        "commit",
        "--quiet",
        "--message",
        "three",
        "--",
        "seatrial.yaml",
    ]);
    let folders = "/config.json\n/cache\n/state\n";
    family
        .project
        .write(".git/info/exclude", folders.as_bytes());
    let sha = git(&["rev-parse", "--short=8", "HEAD"]);
    let ended = family.publish(&["--dry-run", tools]);
    ended.expect(0).says(&[&format!("{tools}:r1-{sha}\n")]);
    family.project.write("tools/more", b"x");
    let ended = family.publish(&["--dry-run", tools]);
    ended
        .expect(0)
        .says(&[&format!("{tools}:r1-{sha}-dirty\n")]);
}

#[test]
fn two_at_once_do_not_mix() {
    let family = Family::new("twice");
    let [base, tools] = &family.names;
    let start = |tag: &str, image: &str| {
        family
            .command(&["publish", "--quiet", "--tag", tag, image])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start("v1", base), start("v2", tools)];
    for child in both {
        Ended::wait(child).expect(0);
    }
    let list: BTreeMap<String, String> = serde_json::from_str(&family.list("acr")).unwrap();
    assert!(
        list[base].ends_with(":v1") && list[tools].ends_with(":v2"),
        "{list:?}"
    );
    family.seatrial(&["verify"]).expect(0);
    let left: Vec<_> = family.project.path("inputs").read_dir().unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn what_can_not_be_meant_is_refused_before_anything_is_tested() {
    let family = Family::new("usage");
    let table: [(&[&str], i32, &str); 5] = [
        (&["--tag", "a b"], 2, "tag"),
        (&["--tag", "v1", "nobody"], 2, "no image `nobody`"),
        (
            &["--tag", "v1", "--results", "none.json"],
            1,
            "can't use the result none.json",
        ),
        (&["--tag", "v1", "--engine", "x"], 2, "the engines are"),
        (&[], 2, "there is no tag"),
    ];
    for (args, code, message) in table {
        family.publish(args).expect(code).says(&[message]);
    }
    family
        .project
        .write("inputs/acr.json", b"{\"a\": 1, \"a\": 2}");
    family
        .publish(&["--tag", "v1"])
        .expect(78)
        .says(&["the key `a` is in it twice"]);
    let text = std::fs::read_to_string(family.project.path("seatrial.yaml")).unwrap();
    let end = text.find("registries:").unwrap();
    family
        .project
        .write("seatrial.yaml", &text.as_bytes()[..end]);
    family
        .publish(&["--tag", "v1"])
        .expect(2)
        .says(&["no `registries`"]);
    family.seatrial(&["verify"]).expect(2);
    assert!(family.proxy.take().is_empty());
}

/// Every command line of seatrial in the examples for CI systems.
#[test]
fn the_examples_for_ci_systems_are_what_seatrial_understands() {
    use clap::CommandFactory;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/examples");
    let variable =
        Regex::new(r#""?\$\{\{[^}]*\}\}"?|"?\$\{?[A-Za-z_]+\}?"?|"?\$\([^)]*\)"?"#).unwrap();
    let call = Regex::new(r"\bseatrial ([a-z].*)").unwrap();
    let mut seen = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = seatrial::source::Source::new(&path, text.clone());
        if let Err(mistake) = seatrial::yaml::parse(&source) {
            panic!("{}", mistake.render(false));
        }
        let lines = text.replace("\\\n", " ");
        let code = lines
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        for line in code {
            let Some(found) = call.captures(line) else {
                continue;
            };
            let plain = variable.replace_all(&found[1], "word");
            let end = plain.find([')', '|', ';', '>']).unwrap_or(plain.len());
            let mut words = vec!["seatrial".to_owned()];
            words.extend(plain[..end].split_whitespace().map(str::to_owned));
            let parsed = seatrial::cli::Cli::command().try_get_matches_from(&words);
            if let Err(error) = parsed {
                panic!("{}: {line}\n{error}", path.display());
            }
            seen.push(words[1].clone());
        }
    }
    for command in ["affected", "test", "publish", "verify"] {
        assert!(
            seen.iter().any(|it| it == command),
            "no {command} in {seen:?}"
        );
    }
}

#[test]
fn what_verify_prints_for_programs_has_what_is_promised() {
    let entry = json!({"image": "a", "registry": "r", "key": "k", "problems": []});
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/publishing.md"));
    let text = text.unwrap();
    for key in entry.as_object().unwrap().keys() {
        assert!(
            text.contains(&format!("`{key}`")),
            "docs/publishing.md has no `{key}`"
        );
    }
}
