//! Libraries, packages and hygiene of real images.

mod support;

use std::process::Command;

use support::{Ended, Project, Report};

/// An image built for one test, removed in the end.
struct Built(String);

impl Built {
    fn new(name: &str, dockerfile: &str) -> Self {
        let built = Self(format!("seatrial-test-{name}-{}:1", std::process::id()));
        let project = Project::new(&[("Dockerfile", dockerfile)]);
        let build = Command::new("docker")
            .args([
                "build",
                "--quiet",
                "--network",
                "none",
                "--tag",
                &built.0,
                ".",
            ])
            .current_dir(project.root())
            .output()
            .unwrap();
        assert!(build.status.success(), "{build:?}");
        built
    }

    fn test(&self, checks: &str) -> (Ended, Report) {
        let spec = format!("image: {}\nchecks:\n{checks}", self.0);
        let project = Project::new(&[("test-specs/a.yaml", &spec)]);
        let ended = project.test(&["--junit", "junit.xml"]);
        assert_ne!(ended.code, Some(78), "{}", ended.stderr);
        let report = project.junit();
        report.agrees();
        (ended, report)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // A test that fails has more important things to say.
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

#[track_caller]
fn fails(report: &Report, name: &str, words: &str) {
    let case = report.case(name);
    assert_eq!(case.verdict, "failure", "{case:?}");
    assert!(case.message.contains(words), "{case:?}");
}

#[test]
fn libraries_are_found_where_the_loader_finds_them() {
    let image = Built::new(
        "libraries",
        r#"FROM debian:bookworm-slim
RUN mkdir -p /app/lib /app/bin /opt/conf && cd /usr/lib/x86_64-linux-gnu \
 && mv libselinux.so.1 /opt/conf/ && echo /opt/conf > /etc/ld.so.conf.d/conf.conf && ldconfig \
 && cp /bin/ls /app/bin/ls && cp /usr/bin/perl /app/bin/perl \
 && rm libcrypt.so.1* \
 && printf '#!/usr/bin/env python3\n' > /app/bin/script && printf '#!/bin/sh\n' > /app/bin/good \
 && printf 'text' > /app/text && chmod +x /app/bin/* && ln -s /app/bin/good /app/link \
 && mv libpcre2-8.so.0* /usr/local/lib/
"#,
    );
    // The loader itself is the witness: a program that lacks a library ends with 127.
    let (ended, report) = image.test(
        r#"
  - {name: witness of ls, run: [/app/bin/ls, --version], exit: 127, stderr: {contains: libpcre2-8.so.0}}
  - {name: witness of perl, run: [/app/bin/perl, -v], exit: 127, stderr: {contains: libcrypt.so.1}}
  - {name: witness of bash, run: [/bin/bash, --version]}
  - libraries: [/app/bin/ls, /app/bin/perl, /bin/bash, /app/bin/script, /app/bin/good, /app/link, /app/text, /no]
  - name: folder
    libraries: ["/app/bin/*", "/app/*"]
"#,
    );
    ended.expect(1);
    for name in ["witness of ls", "witness of perl", "witness of bash"] {
        assert_eq!(report.case(name).verdict, "passed", "{}", ended.stdout);
    }
    for path in ["/bin/bash", "/app/bin/good", "/app/link"] {
        let name = format!("libraries of {path}");
        assert_eq!(report.case(&name).verdict, "passed", "{}", ended.stdout);
    }
    fails(
        &report,
        "libraries of /app/bin/ls",
        "libpcre2-8.so.0 => not found, needed by /opt/conf/libselinux.so.1; \
         it is in /usr/local/lib, but not in /etc/ld.so.cache: run ldconfig",
    );
    fails(
        &report,
        "libraries of /app/bin/perl",
        "libcrypt.so.1 => not found, needed by /app/bin/perl",
    );
    fails(
        &report,
        "libraries of /app/bin/script",
        "`python3`, which runs /app/bin/script, is not in PATH",
    );
    fails(
        &report,
        "libraries of /app/text",
        "neither a program nor a library",
    );
    fails(&report, "libraries of /no", "/no does not exist");
    fails(&report, "folder: /app/bin/*", "not found");
    assert_eq!(
        report.case("folder: /app/*").verdict,
        "passed",
        "{}",
        ended.stdout
    );
}

#[test]
fn variables_of_the_image_lead_to_libraries() {
    let image = Built::new(
        "library-path",
        "FROM debian:bookworm-slim\nRUN mkdir /x && cp -a /usr/lib/x86_64-linux-gnu/libselinux.so.1 /x/ \
         && rm /usr/lib/x86_64-linux-gnu/libselinux.so.1\nENV LD_LIBRARY_PATH=/x\n",
    );
    let (ended, _) = image.test("  - {run: [ls, /]}\n  - libraries: /bin/ls\n");
    ended.expect(0);
}

#[test]
fn packages_of_an_image() {
    let image = Built::new(
        "packages",
        r#"FROM debian:bookworm-slim
RUN set -e; site=/opt/venv/lib/python3.11/site-packages; mkdir -p $site/py_sam-0.22.0.dist-info $site/x/_vendor/hidden-1.dist-info \
 && printf 'Name: Py.Sam\nVersion: 0.22.0\n\ntext\n' > $site/py_sam-0.22.0.dist-info/METADATA \
 && printf 'Name: hidden\nVersion: 1\n' > $site/x/_vendor/hidden-1.dist-info/METADATA \
 && for v in 1.2.3 2.0.0; do e=/opt/conda/envs/v$v; mkdir -p $e/conda-meta; \
    printf '{"name": "numpy", "version": "%s"}' $v > $e/conda-meta/numpy-$v-py_0.json; done \
 && printf '{"name": "linked", "version": "3"}' > /opt/conda/envs/v1.2.3/conda-meta/linked-3-0.json \
 && ln /opt/conda/envs/v1.2.3/conda-meta/linked-3-0.json /opt/conda/envs/v2.0.0/conda-meta/linked-3-0.json \
 && printf '{' > /opt/conda/envs/v2.0.0/conda-meta/broken-1-0.json \
 && mkdir -p /usr/lib/R/library/base && printf 'Package: base\nVersion: 4.2.2\nBuilt: R 4.2.2\n' > /usr/lib/R/library/base/DESCRIPTION
"#,
    );
    let (ended, report) = image.test(
        r#"
  - packages:
      dpkg: {bash: ">=5, <6", coreutils: any, gcc: absent, bsh: any, tar: absent, dpkg: ">=99"}
      pip:
        py-sam: "=0.22.0"
        hidden: absent
      conda:
        numpy: ">=2"
        broken: ">=1"
      r: [base, DNAcopy]
      apk: {musl: absent}
      rpm: [bash]
  - name: the new environment
    packages:
      conda:
        numpy: {version: ">=2", in: /opt/conda/envs/v2.0.0}
        linked: {version: "=3", in: /opt/conda/envs/v2.0.0}
  - name: no environment
    packages: {pip: {py-sam: {version: absent, in: /opt/nothing}}}
"#,
    );
    ended.expect(1);
    for name in [
        "dpkg package bash",
        "dpkg package coreutils",
        "no dpkg package gcc",
        "pip package py-sam",
        "no pip package hidden",
        "r package base",
        "the new environment: conda numpy in /opt/conda/envs/v2.0.0",
        "the new environment: conda linked in /opt/conda/envs/v2.0.0",
    ] {
        assert_eq!(
            report.case(name).verdict,
            "passed",
            "{name}: {}",
            ended.stdout
        );
    }
    fails(
        &report,
        "dpkg package bsh",
        "is not installed; did you mean `bash`?",
    );
    fails(
        &report,
        "no dpkg package tar",
        "is installed (/var/lib/dpkg/status), which it must not be",
    );
    fails(&report, "dpkg package dpkg", "must be >=99, it is 1.");
    fails(
        &report,
        "conda package numpy",
        "must be >=2, it is 1.2.3 (/opt/conda/envs/v1.2.3)",
    );
    fails(&report, "r package DNAcopy", "is not installed");
    fails(
        &report,
        "no apk package musl",
        "the image has no apk database",
    );
    fails(&report, "rpm package bash", "the image has no rpm database");
    fails(&report, "no environment", "there are no pip packages");
    // What is broken can't be decided.
    let broken = report.case("conda package broken");
    assert_eq!(
        (broken.verdict.as_str(), broken.kind.as_str()),
        ("error", "seatrial.packages")
    );
}

#[test]
fn a_base_image_is_clean_and_a_careless_one_is_not() {
    let clean = Built::new("clean", "FROM debian:bookworm-slim\nRUN ldconfig\n");
    let (ended, report) = clean.test("  - hygiene: true\n");
    ended.expect(0);
    assert_eq!(report.tests, 8);

    let careless = Built::new(
        "careless",
        r#"FROM debian:bookworm-slim
RUN cp /bin/ls /usr/bin/rootls && chmod 4755 /usr/bin/rootls && touch /etc/open && chmod 666 /etc/open \
 && mkdir -m 777 /srv/open && mkdir -p /root/.aws /usr/lib/python3/dist-packages/x/tests \
 && printf -- '-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END RSA PRIVATE KEY-----\n' > /root/id \
 && cp /root/id /usr/lib/python3/dist-packages/x/tests/key.pem && ln /root/id /etc/second \
 && echo 'aws_secret_access_key = x' > /root/.aws/credentials \
 && echo x > /var/lib/apt/lists/x_Packages && echo x > /tmp/left && ln -s nothing /usr/local/bin/broken
ENV API_TOKEN=very-secret-value
"#,
    );
    let (ended, report) = careless.test(
        r#"
  - hygiene: true
  - name: allowed
    hygiene:
      setuid: {allow: [/usr/bin/rootls]}
      world_writable: {allow: [/etc/open, "/srv/**"]}
      private_keys: {allow: ["/root/*", /etc/second]}
      credentials: {allow: "/root/.aws/*"}
      package_lists: false
      env: {allow: "*_TOKEN"}
      temporary: {allow: /tmp/left}
      path: {allow: /usr/local/bin/broken}
"#,
    );
    ended.expect(1);
    fails(
        &report,
        "hygiene: no setuid files",
        "found /usr/bin/rootls (4755)",
    );
    fails(
        &report,
        "hygiene: nothing world-writable",
        "found /etc/open (0666) and 1 more",
    );
    fails(
        &report,
        "hygiene: no private keys",
        "found /etc/second and 1 more",
    );
    fails(
        &report,
        "hygiene: no credentials",
        "found /root/.aws/credentials",
    );
    fails(
        &report,
        "hygiene: no package lists",
        "found /var/lib/apt/lists/x_Packages",
    );
    fails(
        &report,
        "hygiene: no secrets in variables",
        "found API_TOKEN",
    );
    fails(&report, "hygiene: no temporary files", "found /tmp/left");
    fails(
        &report,
        "hygiene: a sound PATH",
        "found /usr/local/bin/broken (a link to /usr/local/bin/nothing",
    );
    assert!(
        !ended.stdout.contains("very-secret-value"),
        "{}",
        ended.stdout
    );
    assert_eq!(
        (report.tests, report.count("passed")),
        (15, 7),
        "{}",
        ended.stdout
    );
}

#[test]
fn mistakes_in_presets() {
    let table = [
        ("libraries: bin/ls", "needs an absolute path"),
        ("libraries: []", "an empty list says nothing"),
        ("libraries: ['/x/[']", "not a valid glob"),
        (
            "libraries: [/a, /a]",
            "duplicate check name `libraries of /a`",
        ),
        ("packages: {}", "this expects nothing"),
        ("packages: {dpgk: [a]}", "did you mean `dpkg`?"),
        ("packages: {dpkg: []}", "this expects nothing"),
        (
            "packages: {dpkg: {a: }}",
            "expected a version such as `>=1.16`, `any` or `absent`",
        ),
        ("packages: {dpkg: {a: {}}}", "this expects nothing"),
        (
            "packages: {dpkg: {a: {in: /x}}}",
            "an image has one set of dpkg packages",
        ),
        ("packages: {pip: {a: {in: x}}}", "is an absolute path"),
        ("packages: {rpm: ['-a']}", "not the name of a package"),
        ("hygiene: false", "this expects nothing"),
        ("hygiene: {setuids: true}", "did you mean `setuid`?"),
        (
            "hygiene: {setuid: {allow: []}}",
            "an empty list says nothing",
        ),
        ("hygiene: yes", "expected `true` or `false`"),
        (
            "hygiene: true\n    libraries: [/a]",
            "this check is both `libraries` and `hygiene`",
        ),
        ("librarys: [/a]", "did you mean `libraries`?"),
    ];
    for (check, words) in table {
        let spec = format!("image: img:1\nchecks:\n  - {check}\n");
        let project = Project::scripted(&spec, r#"{"images": ["img:1"]}"#);
        project.fake(&[]).expect(78).says(&[words]);
    }
}

#[test]
fn each_item_of_a_preset_has_its_name() {
    let spec = "image: img:1\nchecks:\n  - libraries: [/bin/a, /bin/b]\n  - name: tools\n    \
                libraries: /bin/a\n  - packages: {dpkg: {a: any}, r: {b: absent}}\n  - name: clean\n    \
                hygiene: {path: true, env: false, temporary: false, credentials: false, \
                private_keys: false, package_lists: false, world_writable: false}\n";
    let project = Project::scripted(spec, r#"{"images": ["img:1"]}"#);
    project.fake(&["--list"]).expect(0).says(&[
        "img:1::libraries of /bin/a",
        "img:1::libraries of /bin/b",
        "img:1::tools: test",
        "img:1::dpkg package a",
        "img:1::no r package b",
        "img:1::clean: no setuid files",
        "img:1::clean: a sound PATH",
    ]);
}

#[test]
fn rpm_is_asked_itself() {
    let spec = "image: img:1\nchecks:\n  - packages:\n      rpm: {bash: '>=5', zip: any, gcc: absent, \
                glibc: '>=3', kernel: any, mute: any}\n";
    let script = r#"{"images": ["img:1"], "files": {"/var/lib/rpm": ""}, "runs": [
        {"when": "-- bash", "stdout": "5.1.8\n"},
        {"when": "-- zip", "exit": 1, "stdout": "package zip is not installed\n"},
        {"when": "-- gcc", "exit": 1, "stdout": "package gcc is not installed\n"},
        {"when": "-- glibc", "stdout": "2.34\n2.34\n"},
        {"when": "-- kernel", "exit": 1, "stderr": "error: cannot open Packages database"},
        {"when": "-- mute"}]}"#;
    let project = Project::scripted(spec, script);
    project.fake(&["--junit", "junit.xml"]).expect(1);
    let report = project.junit();
    report.agrees();
    assert_eq!(report.case("rpm package bash").verdict, "passed");
    assert_eq!(report.case("no rpm package gcc").verdict, "passed");
    fails(&report, "rpm package zip", "is not installed");
    fails(&report, "rpm package glibc", "must be >=3, it is 2.34");
    assert_eq!(report.case("rpm package kernel").verdict, "error");
    assert_eq!(report.case("rpm package mute").verdict, "error");
}
