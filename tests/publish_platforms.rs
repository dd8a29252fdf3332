//! `seatrial publish` of images for several platforms, a run for each of them: the last one makes the index.

mod support;

#[path = "publish_platforms/places.rs"]
mod places;

use std::process::Command;

use seatrial::registry::{Descriptor, Digest, Manifest, Repository, Version, index};
use serde_json::Value;

use crate::places::{Desk, Machine, NO_TLS, Places, copy};
use crate::support::Ended;
use crate::support::registry::{Fault, count, run};

#[test]
fn the_run_that_comes_last_makes_the_index() {
    let places = Places::new("last");
    let (amd, arm) = (places.machine("amd64"), places.machine("arm64"));
    let one = &places.names[0];
    let place = format!("{}/dir/{one}", places.proxy.host);

    let ended = amd.publish(&["--tag", "v1", "--dry-run", one]);
    ended.expect(0).says(&[
        &format!("→ {place}:v1-linux-amd64\n"),
        "and, when all of linux/amd64 and linux/arm64 are there, their index",
        &format!("→ {place}:v1\n"),
        "nothing is pushed: this is a dry run",
    ]);
    assert!(places.proxy.take().is_empty(), "no registry is asked");

    let summary = amd.project.path("summary.md");
    let mut command = amd.command(&["publish", "--quiet", "--tag", "v1", one]);
    let ended = Ended::of(command.env("GITHUB_STEP_SUMMARY", &summary));
    ended.expect(0).says(&[
        "WAITING",
        &format!("waits for linux/arm64: there is no {place}:v1-linux-arm64"),
        &format!(
            "nothing is published yet: {one} waits for linux/arm64; `seatrial publish --tag v1 {one}` on \
             linux/arm64 completes it"
        ),
    ]);
    assert!(!ended.stdout.contains("published\n"), "{}", ended.stdout);
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains("waits for linux/arm64"), "{summary}");
    places.has_no(one, "v1");
    assert_eq!(amd.lists(), ["", ""].map(|_| serde_json::json!({})));
    // Once more sends nothing and still waits.
    places.proxy.take();
    amd.publish(&["--tag", "v1", one])
        .expect(0)
        .says(&["WAITING"]);
    let sent = places.proxy.take();
    assert_eq!(count(&sent, "POST"), 0, "{sent:?}");

    let ended = arm.publish(&["--tag", "v1", one]);
    ended.expect(0).says(&[
        "PASSED",
        "and the index of linux/amd64 and linux/arm64  digest sha256:",
        "1 image is published\n",
    ]);
    let index = places.index(one, "v1");
    assert_eq!(
        index["mediaType"],
        "application/vnd.oci.image.index.v1+json"
    );
    let list = index["manifests"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    for (entry, machine) in list.iter().zip([&amd, &arm]) {
        let architecture = machine.architecture;
        assert_eq!(entry["platform"]["architecture"], architecture);
        assert_eq!(entry["platform"]["os"], "linux");
        let [manifest, other] = places.raw(one, &format!("v1-linux-{architecture}"));
        let manifest = manifest.unwrap();
        assert_eq!(manifest, other.unwrap());
        assert_eq!(entry["digest"], Digest::of(&manifest).as_str());
        assert_eq!(entry["size"], manifest.len());
        let read: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(read["config"]["digest"], machine.id(one), "what was tested");
        // Somebody else who pulls it gets that of the platform.
        let override_arch = format!("--override-arch={architecture}");
        let reference = format!("docker://{}:v1", places.repositories(one)[1]);
        let inspect = [
            "skopeo",
            "inspect",
            "--config",
            NO_TLS,
            &override_arch,
            &reference,
        ];
        let config: Value = serde_json::from_str(&run(&inspect)).unwrap();
        assert_eq!(config["architecture"], architecture);
    }
    let expected = format!("{}/other/dir/{one}:v1", places.acr.host);
    assert_eq!(arm.lists()[1][one], expected);

    let ended = arm.seatrial(&["verify", one]);
    ended
        .expect(0)
        .says(&["linux/arm64 sha256:", "all registries have what was tested"]);
    let ended = arm.seatrial(&["verify", "--json", one]);
    let verified: Value = serde_json::from_str(&ended.expect(0).stdout).unwrap();
    let entry = &verified["entries"][0];
    assert_eq!(
        (&entry["result"], &verified["good"]),
        (&"PASSED".into(), &true.into())
    );
    assert_eq!(entry["platforms"][1]["platform"], "linux/arm64");
    assert_eq!(entry["platforms"][1]["digest"], list[1]["digest"]);
    // The other machine comes once more: its lists are brought up to date, too.
    places.proxy.take();
    amd.publish(&["--tag", "v1", one])
        .expect(0)
        .says(&["1 image is published"]);
    let sent = places.proxy.take();
    assert!(
        !sent
            .iter()
            .any(|it| it.path.ends_with("manifests/v1") && it.method == "PUT")
    );
    assert_eq!(amd.lists(), arm.lists());
    assert_eq!(places.index(one, "v1"), index);

    // An image for another machine is refused.
    arm.edit(
        "platforms: [linux/amd64, linux/arm64]",
        "platforms: [linux/amd64, linux/s390x]",
    );
    let ended = arm.publish(&["--tag", "v1", one]);
    ended
        .expect(1)
        .says(&["the project makes it for linux/amd64 or linux/s390x, and it is for linux/arm64"]);
    // And so is what the index is to lose.
    amd.edit(
        "platforms: [linux/amd64, linux/arm64]",
        "platforms: [linux/amd64, linux/s390x]",
    );
    let ended = amd.publish(&["--tag", "v1", one]);
    ended
        .expect(1)
        .says(&["is no index of these platforms", "--move-tags"]);
    amd.publish(&["--tag", &"x".repeat(120), one])
        .expect(2)
        .says(&["a tag has at most 128"]);
}

#[test]
fn runs_at_once_and_runs_that_broke_off_come_to_the_same() {
    let places = Places::new("once");
    let (amd, arm) = (places.machine("amd64"), places.machine("arm64"));
    let children = [&arm, &amd].map(|machine| machine.start(&["--tag", "v1"]));
    let ended = children.map(Ended::wait);
    let both: Vec<bool> = ended
        .iter()
        .map(|it| it.expect(0).stdout.contains("2 images are published"))
        .collect();
    assert!(
        both.contains(&true),
        "whoever comes last makes the index: {ended:?}"
    );
    for name in &places.names {
        assert_eq!(
            places.index(name, "v1")["manifests"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
    // In the order of the project.
    let two = places.index(&places.names[1], "v1");
    assert_eq!(two["manifests"][0]["platform"]["architecture"], "arm64");

    // A registry that fails at the index of the second image.
    let lists = amd.lists();
    arm.publish(&["--tag", "v2"]).expect(0).says(&["WAITING"]);
    let refuse = Fault::Answer(403, String::new());
    let name = places.names[1].clone();
    for path in ["manifests/v2-linux-amd64", "manifests/v2"] {
        let part = format!("{name}/{path}");
        let fault = refuse.clone();
        places.proxy.rule(
            move |seen| match seen.method == "PUT" && seen.path.ends_with(&part) {
                true => fault.clone(),
                false => Fault::None,
            },
        );
        amd.publish(&["--tag", "v2"]).expect(3);
        assert_eq!(amd.lists(), lists, "{path}");
        assert_eq!(places.raw(&places.names[1], "v2")[0], None, "{path}");
    }
    places.proxy.rule(|_| Fault::None);
    amd.publish(&["--tag", "v2"])
        .expect(0)
        .says(&["2 images are published"]);
    amd.seatrial(&["verify"]).expect(0);
}

#[test]
fn a_platform_counts_only_if_it_was_tested_and_is_the_same_everywhere() {
    let places = Places::new("counts");
    let (amd, arm) = (places.machine("amd64"), places.machine("arm64"));
    let one = &places.names[0];
    let [gcr, acr] = places.repositories(one);
    let waits = |tag: &str, message: &str| {
        let ended = arm.publish(&["--tag", tag, one]);
        ended.expect(0).says(&[
            "waits for linux/amd64: ",
            message,
            "nothing is published yet",
        ]);
        places.has_no(one, tag);
        assert_eq!(arm.lists()[0], serde_json::json!({}));
    };
    // Nobody has tested this.
    for place in [&gcr, &acr] {
        copy(
            &format!("docker-daemon:{one}-amd64:1"),
            &format!("{place}:a-linux-amd64"),
        );
    }
    waits("a", "no test result is attached to it");

    // It is in one registry only.
    amd.publish(&["--tag", "b", one])
        .expect(0)
        .says(&["WAITING"]);
    let data = places
        .acr
        .folder
        .path()
        .join("data/docker/registry/v2/repositories");
    let tags = data.join(format!("other/dir/{one}/_manifests/tags"));
    run(&[
        "rm",
        "-r",
        &tags.join("b-linux-amd64").display().to_string(),
    ]);
    waits("b", &format!("there is no {acr}:b-linux-amd64"));

    // In one registry it is another one, which was tested as well.
    amd.publish(&["--tag", "c", one])
        .expect(0)
        .says(&["WAITING"]);
    places.change(&amd, "X=1");
    amd.publish(&["--tag", "c2", one])
        .expect(0)
        .says(&["WAITING"]);
    copy(
        &format!("docker://{acr}:c2-linux-amd64"),
        &format!("{acr}:c-linux-amd64"),
    );
    waits("c", "in the other registry");

    // It is for another platform.
    for place in [&gcr, &acr] {
        copy(
            &format!("docker://{place}:a-linux-arm64"),
            &format!("{place}:d-linux-amd64"),
        );
    }
    waits("d", "it is for linux/arm64");

    // The tag stands for something else already, in one registry.
    copy(
        &format!("docker://{acr}:a-linux-arm64"),
        &format!("{acr}:e"),
    );
    for machine in [&amd, &arm] {
        let ended = machine.publish(&["--tag", "e", one]);
        ended
            .expect(1)
            .says(&["is no index of these platforms", "1 of 1 images refused"]);
    }
    assert_eq!(
        places.raw(one, "e-linux-amd64"),
        [None, None],
        "nothing was sent"
    );
    // Or for an index whose other platform is another image.
    let desk = Desk::new(arm.project.root());
    let [there, _] = places
        .repositories(one)
        .map(|place| desk.repository(&place));
    let descriptor = |tag: &str, architecture: &str| desk.descriptor(&there, tag, architecture);
    let foreign = [
        descriptor("c-linux-amd64", "amd64"),
        descriptor("a-linux-arm64", "arm64"),
    ];
    there
        .put_manifest(&Version::tag("f").unwrap(), &index(&foreign).unwrap())
        .unwrap();
    arm.publish(&["--tag", "f", one])
        .expect(0)
        .says(&["WAITING"]);
    let ended = amd.publish(&["--tag", "f", one]);
    ended.expect(1).says(&["is no index of these platforms"]);
    amd.publish(&["--tag", "f", "--move-tags", one])
        .expect(0)
        .says(&["1 image is published"]);
    places.index(one, "f");

    // That one is there when the last platform comes: only the whole index tells.
    there
        .put_manifest(&Version::tag("f").unwrap(), &index(&foreign).unwrap())
        .unwrap();
    let lists = arm.lists();
    let ended = arm.publish(&["--tag", "f", one]);
    ended
        .expect(1)
        .says(&["is there with another digest", "nothing is published"]);
    assert_eq!(arm.lists(), lists);

    // By specs that one of them had not. What was tested before by both sorts would count.
    places.change(&arm, "Y=1");
    let more = format!("image: {one}\nchecks:\n  - {{name: more, file: /there}}\n");
    arm.project.write("test-specs/more.yaml", more.as_bytes());
    waits("g", "there is no");
    amd.publish(&["--tag", "g", one])
        .expect(0)
        .says(&["it was tested by other specs"]);
    amd.project.write("test-specs/more.yaml", more.as_bytes());
    amd.publish(&["--tag", "g", one])
        .expect(0)
        .says(&["1 image is published"]);

    // With warnings that this run does not take: there a check is left out that passes here.
    let text = more.replace("/there", "/there, only: {platform: linux/amd64}");
    for machine in [&amd, &arm] {
        let path = "test-specs/more.yaml";
        machine.project.write(path, text.as_bytes());
    }
    arm.publish(&["--tag", "h", one])
        .expect(0)
        .says(&["WAITING", "more: not for linux/arm64"]);
    let ended = amd.publish(&["--tag", "h", "--deny-warnings", one]);
    ended.expect(0).says(&[
        "waits for linux/arm64",
        "passed with warnings, and --deny-warnings",
    ]);
    places.has_no(one, "h");
    amd.publish(&["--tag", "h", one])
        .expect(0)
        .says(&["1 image is published"]);
    amd.seatrial(&["verify", one])
        .expect(0)
        .says(&["WARNED", "all registries have what was tested"]);
}

#[test]
fn an_index_that_is_not_of_the_tested_platforms_is_found() {
    let places = Places::new("found");
    let (amd, arm) = (places.machine("amd64"), places.machine("arm64"));
    let one = &places.names[0];
    for machine in [&amd, &arm] {
        machine.publish(&["--tag", "v1", one]).expect(0);
    }
    arm.seatrial(&["verify", one]).expect(0);
    let desk = Desk::new(arm.project.root());
    let both = places
        .repositories(one)
        .map(|place| desk.repository(&place));
    let tag = Version::tag("v1").unwrap();
    let good = both[0].manifest(&tag).unwrap().unwrap();
    let entry = |tag: &str, architecture: &str| desk.descriptor(&both[0], tag, architecture);
    let (x, y) = (
        entry("v1-linux-amd64", "amd64"),
        entry("v1-linux-arm64", "arm64"),
    );
    for place in places.repositories(one) {
        copy(
            &format!("docker-daemon:{one}-amd64:1"),
            &format!("{place}:untested"),
        );
    }
    let short = Descriptor {
        size: x.size - 1,
        ..x.clone()
    };
    let table: Vec<(Vec<Descriptor>, &str)> = vec![
        (vec![x.clone()], "linux/arm64: the index lacks it"),
        (
            vec![
                entry("v1-linux-arm64", "amd64"),
                entry("v1-linux-amd64", "arm64"),
            ],
            "linux/amd64: it is for linux/arm64",
        ),
        (
            vec![x.clone(), y.clone(), entry("v1-linux-amd64", "s390x")],
            "linux/s390x: the index has it, and the project does not list it",
        ),
        (
            vec![entry("untested", "amd64"), y.clone()],
            "linux/amd64: no test result is attached to it",
        ),
        (
            vec![short, y.clone()],
            "linux/amd64: the index says that its manifest has",
        ),
    ];
    let put = |repository: &Repository, manifest: &Manifest| {
        repository.put_manifest(&tag, manifest).unwrap();
    };
    for (list, message) in table {
        let bad = index(&list).unwrap();
        both.iter().for_each(|it| put(it, &bad));
        let ended = arm.seatrial(&["verify", one]);
        ended
            .expect(1)
            .says(&["WRONG", message, "2 of 2 entries are wrong"]);
        // Whoever publishes it does not take it for good, either.
        let ended = arm.publish(&["--tag", "v1", one]);
        ended.expect(1).says(&["--move-tags"]);
    }
    let ended = arm.seatrial(&["verify", "--json", one]);
    let verified: Value = serde_json::from_str(&ended.expect(1).stdout).unwrap();
    let platforms = &verified["entries"][0]["platforms"];
    assert_eq!(
        platforms[0]["problems"].as_array().unwrap().len(),
        1,
        "{platforms}"
    );
    assert_eq!(platforms[1]["result"], "PASSED", "{platforms}");

    both.iter().for_each(|it| put(it, &good));
    arm.seatrial(&["verify", one]).expect(0);
    // One registry has another order of the same.
    put(&both[1], &index(&[y, x]).unwrap());
    arm.seatrial(&["verify", one])
        .expect(1)
        .says(&["it is not the image of gcr"]);
    // One platform alone, in both.
    for (place, repository) in places.repositories(one).iter().zip(&both) {
        copy(
            &format!("docker://{place}:v1-linux-amd64"),
            &format!("{place}:v1"),
        );
        assert!(repository.manifest(&tag).unwrap().is_some());
    }
    arm.seatrial(&["verify", one]).expect(1).says(&[
        "it is one image, and no index of platforms; the project makes it for linux/amd64 and linux/arm64",
    ]);
    arm.publish(&["--tag", "v1", "--move-tags", one])
        .expect(0)
        .says(&["1 image is published"]);
    arm.seatrial(&["verify", one]).expect(0);
}

#[test]
fn platforms_of_different_commits_are_not_put_together() {
    let places = Places::new("commits");
    let machines = [places.machine("amd64"), places.machine("arm64")];
    let one = &places.names[0];
    let commit = |machine: &Machine, message: &str| {
        let root = machine.project.root().display().to_string();
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
            let mut command = Command::new("git");
            command.args(["-C", &root]).args(who).args(args);
            let date = "2024-10-24T23:30:00Z";
            command
                .env("GIT_AUTHOR_DATE", date)
                .env("GIT_COMMITTER_DATE", date);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        git(&["init", "--quiet"]);
        git(&["add", "there"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    };
    let [amd, arm] = &machines;
    for machine in &machines {
        commit(machine, "first");
    }
    amd.publish(&["--tag", "latest", one])
        .expect(0)
        .says(&["WAITING"]);
    arm.publish(&["--tag", "latest", one])
        .expect(0)
        .says(&["1 image is published"]);
    let first = places.index(one, "latest");

    // The next commit under the same tag: the other platform is still that of the first.
    commit(amd, "second");
    places.change(amd, "SECOND=1");
    let ended = amd.publish(&["--tag", "latest", "--move-tags", one]);
    ended.expect(0).says(&[
        "waits for linux/arm64: it was made from commit ",
        ", and this is commit ",
    ]);
    assert_eq!(places.index(one, "latest"), first);
    commit(arm, "second");
    let ended = arm.publish(&["--tag", "latest", "--move-tags", one]);
    ended.expect(0).says(&["1 image is published"]);
    let second = places.index(one, "latest");
    // These bytes are of both commits.
    assert_eq!(first["manifests"][1], second["manifests"][1]);
    assert_ne!(first["manifests"][0], second["manifests"][0]);
    arm.seatrial(&["verify", one]).expect(0);

    // At a later commit nothing of that is worse.
    commit(arm, "third");
    arm.publish(&["--tag", "latest", one])
        .expect(0)
        .says(&["1 image is published"]);
    assert_eq!(places.index(one, "latest"), second);
}

#[test]
fn images_for_the_same_platforms_appear_together() {
    let places = Places::new("together");
    let (amd, arm) = (places.machine("amd64"), places.machine("arm64"));
    let [one, two] = &places.names;
    arm.publish(&["--tag", "v1", one])
        .expect(0)
        .says(&["WAITING"]);
    let ended = amd.publish(&["--tag", "v1"]);
    ended.expect(0).says(&[
        &format!("complete, and waits together with {two}"),
        &format!("nothing is published yet: {one}, {two} wait for linux/arm64"),
        &format!("`seatrial publish --tag v1 {one} {two}` on linux/arm64 completes them"),
    ]);
    places.has_no(one, "v1");
    arm.publish(&["--tag", "v1"])
        .expect(0)
        .says(&["2 images are published"]);

    // What is made for one platform alone does not wait for others, and keeps its tag.
    amd.edit(
        "platforms: [linux/arm64, linux/amd64]",
        "platforms: [linux/amd64]",
    );
    let ended = amd.publish(&["--tag", "v2"]);
    ended.expect(0).says(&[&format!(
        "1 image is published, and others not yet: {one} waits"
    )]);
    places.has_no(one, "v2");
    places.has_no(two, "v2-linux-amd64");
    let manifest = places.index(two, "v2");
    assert_eq!(manifest["config"]["digest"], amd.id(two));
    let [list, _] = amd.lists();
    assert!(list[two].as_str().unwrap().ends_with(":v2"), "{list}");
    assert!(list.get(one).is_none(), "{list}");
}
