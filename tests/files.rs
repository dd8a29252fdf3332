//! Checks of the files and of the configuration of images, on a real engine.

mod support;

use support::images::{Archive, Made};
use support::{Ended, Project, Report};

fn run(image: &str, checks: &str) -> (Ended, Report) {
    let spec = format!("image: {image}\nchecks:\n{checks}");
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let ended = project.test(&["--junit", "junit.xml"]);
    assert_ne!(ended.code, Some(78), "{}", ended.stderr);
    let report = project.junit();
    report.agrees();
    (ended, report)
}

/// What failed and why, one line each, and the details.
fn messages(ended: &Ended, report: &Report) -> String {
    assert_eq!(report.count("error"), 0, "{report:#?}");
    let stdout = ended.stable().replace(&report.cases[0].suite, "IMAGE");
    // Not the header, which knows the engine, and not the progress, which has any order.
    stdout.splitn(3, "\n\n").last().unwrap().to_owned()
}

const PASSWD: &str = "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n\
                      bob:x:1001:1001::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nann:x:1000:\nbob:x:1001:\ntools:x:2000:carl,bob\n";

fn tree() -> Vec<u8> {
    let mut tar = Archive::new();
    let root = (0, 0);
    tar.file("etc/passwd", 0o644, root, PASSWD.as_bytes());
    tar.file("etc/group", 0o644, root, GROUP.as_bytes());
    tar.folder("usr", 0o755, root);
    tar.folder("usr/lib", 0o755, root);
    tar.file("usr/lib/libone.so.1", 0o644, root, b"one");
    tar.file("usr/lib/libtwo.so.2", 0o755, root, b"two two");
    tar.symlinks(&[
        ("usr/lib/liblink.so.3", "libone.so.1"),
        ("lib", "usr/lib"),
        ("dangling", "/no/such/target"),
        ("circle", "/circle"),
        ("there", "back"),
        ("back", "there"),
        ("usr/up", "../usr/lib/../lib/libone.so.1"),
    ]);
    tar.folder("opt/empty", 0o755, root);
    tar.folder("opt/locked", 0o700, (1000, 1000));
    tar.file("opt/locked/tool", 0o755, root, b"#!/bin/sh\n");
    tar.file("opt/mine", 0o700, (1000, 1000), b"x");
    tar.file("opt/team", 0o750, (0, 2000), b"x");
    tar.file("opt/all", 0o755, root, b"x");
    tar.file("opt/none", 0o644, root, b"x");
    tar.file("opt/su", 0o4755, root, b"x");
    tar.file("odd/a b.txt", 0o644, root, b"space");
    tar.file("odd/ä*[1].txt", 0o644, root, b"signs");
    let long = format!("odd/{}", "long".repeat(50));
    tar.file(&long, 0o644, root, b"long");
    tar.file("odd/far", 0o644, (3_000_000, 4_000_000), b"far");
    tar.link(tar::EntryType::Link, "odd/hard", "odd/a b.txt");
    tar.device(tar::EntryType::Char, "odd/null");
    tar.device(tar::EntryType::Block, "odd/disk");
    tar.device(tar::EntryType::Fifo, "odd/pipe");
    let mut header = Archive::header(tar::EntryType::Regular, 0o600, root);
    header.as_old_mut().name[..11].copy_from_slice(b"odd/bad\xff.bx");
    header.set_size(3);
    header.set_cksum();
    tar.0.append(&header, &b"bad"[..]).unwrap();
    for number in 0..25 {
        let mode = if number == 7 { 0o755 } else { 0o644 };
        tar.file(&format!("many/{number:02}.txt"), mode, root, b"text");
    }
    tar.file("big", 0o644, root, &vec![b'x'; 20 << 20]);
    tar.finish()
}

#[test]
fn files_that_are_as_expected() {
    let image = Made::import("files", &tree());
    let (ended, report) = run(&image.0,
        r#"
  - {file: /usr/lib/libone.so.1, sha256: 7692C3AD3540BB803C020B3AEE66CD8887123234EA0C6E7143C0ADD73FF431ED}
  - {name: digest of a large file, file: /big, sha256: d5e5c8f24a9ef4d0e9d6e17e4a8ecd5d1d0b1f0ef9f4b4a3d3a9c2a3c9e8e7f0, size: 20MiB}
  - {name: links, file: /usr/up, link_target: ../usr/lib/../lib/libone.so.1}
  - {name: through links, file: /usr/up, content: one}
  - {name: in the middle, file: /lib/libone.so.1, content: one, size: 3}
  - {name: a link in a circle, file: /circle, type: symlink, link_target: {contains: circle}}
  - {name: below a circle, file: /circle/x, exists: false}
  - {name: below a file, file: /big/x, exists: false}
  - {name: below a link to a file, file: /usr/up/x, exists: false}
  - {name: the root, file: /, type: directory, executable_by: ann}
  - {name: a link to a folder, file: /lib, type: directory}
  - {file: /odd/null, type: char_device, mode: "0600"}
  - {file: /odd/disk, type: block_device}
  - {file: /odd/pipe, type: fifo}
  - {file: /odd/a b.txt, content: space}
  - {file: '/odd/ä\*\[1].txt', content: signs}
  - {file: /odd/far, owner: "3000000", group: "4000000"}
  - {file: /odd/hard, content: space, type: file}
  - {file: /opt/su, mode: "4755"}
  - {name: all libraries, file: /usr/lib/lib*.so.?, count: 3, owner: root}
  - {name: by another way, file: /lib/lib*.so.?, count: {min: 1, max: 3}, type: file, size: {max: 7}}
  - {name: the links, file: '/usr/lib/*.so.3', type: symlink, link_target: libone.so.1}
  - {name: braces, file: '/usr/lib/lib{one,two}*', count: 2, content: {matches: one|two}}
  - {name: everywhere, file: '/**/lib*.so.[12]', count: 2}
  - {name: all below, file: /usr/**, count: 5}
  - {name: names with signs, file: '/odd/*\[1].txt', count: 1, content: signs}
  - {name: long names, file: /odd/longlong*, count: 1, size: 4}
  - {name: names that are not UTF-8, file: /odd/bad*, count: 1, mode: "0600", size: 3}
  - {name: devices, file: '/odd/{null,disk,pipe}', count: 3, mode: "0600"}
  - {name: large ids, file: /odd/fa?, owner: "3000000", group: "4000000"}
  - {name: hard links, file: '/odd/{hard,a b}*', count: 2, size: 5, content: space}
  - {name: special bits, file: /opt/s*, mode: "4755"}
  - {name: no match, file: /usr/lib/*.a, exists: false}
  - {name: no match, count, file: /usr/lib/*.b, count: 0}
  - {name: an empty folder, file: /opt/empty/*, exists: false}
  - {name: no folder, file: /no/such/*, exists: false}
  - {name: a file for a folder, file: /opt/all/*, exists: false}
  - {name: a circle for a folder, file: /circle/*, exists: false}
  - {name: any executable, file: /opt/all, executable_by: [root, owner, group, other, any, ann, "1000", "4711"]}
  - {name: executable by the owner, file: /opt/mine, executable_by: [root, owner, any, ann]}
  - {name: executable by the group, file: /opt/team, executable_by: [root, group, bob]}
  - {name: executable behind a folder, file: /opt/locked/tool, executable_by: [root, ann]}
"#
        .replace("name: no match, count,", "name: no match and count,")
        .replace(
            "d5e5c8f24a9ef4d0e9d6e17e4a8ecd5d1d0b1f0ef9f4b4a3d3a9c2a3c9e8e7f0",
            &sha256(&vec![b'x'; 20 << 20]),
        )
        .as_str(),
    );
    ended.expect(0);
    assert_eq!(report.count("passed"), 42);
}

fn sha256(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn files_that_are_not() {
    let image = Made::import("no-files", &tree());
    let (ended, report) = run(
        &image.0,
        &format!(
            r#"
  - {{name: digest, file: /usr/lib/libone.so.1, sha256: "{}"}}
  - {{name: digest of a folder, file: /usr, sha256: "{}"}}
  - {{name: size of a folder, file: /usr, size: 4096}}
  - {{name: target, file: /lib, link_target: /usr/lib}}
  - {{name: target of a file, file: /big, link_target: x}}
  - {{name: circle, file: /circle}}
  - {{name: circle of two, file: /there, mode: "0644"}}
  - {{name: below a circle, file: /circle/x}}
  - {{name: circle that must not be, file: /circle, exists: false}}
  - {{name: dangling, file: /dangling, type: file}}
  - {{name: type, file: /odd/null, type: block_device}}
  - {{name: through a link, file: /usr/up, mode: "0755"}}
  - {{name: nothing matches, file: /usr/lib/*.a}}
  - {{name: nothing matches where one must, file: /usr/lib/*.a, count: 1}}
  - {{name: too many match, file: /usr/lib/*, count: {{max: 2}}}}
  - {{name: one matches, file: /bi?, exists: false}}
  - {{name: many match, file: /many/*, exists: false}}
  - {{name: many differ, file: /many/*.txt, mode: "0755", size: {{min: 5}}}}
  - {{name: one differs, file: /many/*.txt, mode: "0644"}}
  - {{name: links of a glob, file: '/[dct]*'}}
  - {{name: owner, file: /opt/all, executable_by: nobody}}
  - {{name: bits, file: /opt/none, executable_by: [root, owner, group, other, any, ann]}}
  - {{name: a stranger, file: /opt/mine, executable_by: [other, bob]}}
  - {{name: not of the group, file: /opt/team, executable_by: [ann, "2000"]}}
  - {{name: folder on the way, file: /opt/locked/tool, executable_by: [bob]}}
"#,
            "0".repeat(64),
            "0".repeat(64)
        ),
    );
    ended.expect(1);
    assert_eq!(report.count("failure"), 25, "{report:#?}");
    insta::assert_snapshot!(messages(&ended, &report));
}

#[test]
fn names_that_are_not_utf_8_decide_nothing_about_their_content() {
    let image = Made::import("names", &tree());
    let (ended, report) = run(&image.0, "  - {name: bad, file: /odd/bad*, content: bad}\n");
    ended.expect(3);
    let case = report.case("bad");
    assert_eq!(case.verdict, "error");
    assert!(case.message.contains("its name is not UTF-8"), "{case:?}");
}

const DOCKERFILE: &str = r#"FROM scratch
LABEL org.example.team="genomes" empty=""
ENV GREETING="hello world" EMPTY="" API_TOKEN=secret
EXPOSE 8080 53/udp 443/tcp
VOLUME ["/data", "/cache"]
USER 1000:1000
WORKDIR /work
SHELL ["/bin/bash", "-ec"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s --retries=5 CMD ["/bin/check", "-q"]
STOPSIGNAL SIGINT
ONBUILD COPY . /app
ENTRYPOINT ["/bin/tool", "--color"]
CMD ["serve", "all"]
"#;

#[test]
fn a_configuration_that_is_as_expected() {
    let image = Made::build("config", DOCKERFILE);
    let (ended, report) = run(
        &image.0,
        r#"
  - name: values
    config:
      env: {GREETING: hello world, EMPTY: "", API_TOKEN: {exists: true}, NO: {exists: false}}
      not_env: [AWS_*, "*_PASSWORD"]
      labels: {org.example.team: {matches: ^gen}, empty: {empty: true}, none: {exists: false}}
      not_labels: com.example.*
      entrypoint: [/bin/tool, --color]
      cmd: [serve, all]
      shell: [/bin/bash, -ec]
      user: {not_matches: '^(root|0)?(:|$)', matches: ^1000}
      workdir: /work
      exposed_ports: [443, 8080/tcp, 53/udp]
      volumes: [/data, /cache]
      healthcheck: {test: [CMD, /bin/check, -q], interval: 10s, timeout: 3s, start_period: 2s, retries: 5}
      stop_signal: SIGINT
      onbuild: [COPY . /app]
      author: ""
      architecture: amd64
      variant: ""
      os: linux
  - name: parts
    config:
      entrypoint: {contains: --color, not_contains: [--debug, -v], empty: false}
      cmd: {equals: [serve, all]}
      exposed_ports: {contains: 8080, not_contains: [22, 8080/udp]}
      volumes: {contains: [/data], not_contains: /var}
      healthcheck: {exists: true, test: {contains: -q}}
      onbuild: {empty: false}
"#,
    );
    ended.expect(0);
    assert_eq!(report.count("passed"), 2);
    let (ended, _) = run(
        "debian:bookworm-slim",
        r#"
  - config:
      entrypoint: []
      shell: {empty: true}
      exposed_ports: []
      volumes: {empty: true}
      healthcheck: {exists: false}
      stop_signal: ""
      onbuild: []
      user: ""
  - size: {min: 10MB, max: 600MB}
  - layers: 1
  - {name: layers by size, layers: {max: 3, largest: {max: 500MB}}}
"#,
    );
    ended.expect(0);
}

#[test]
fn a_configuration_that_is_not() {
    let image = Made::build("no-config", DOCKERFILE);
    let (ended, report) = run(
        &image.0,
        r#"
  - name: env
    config:
      env: {GREETING: hello, EMPTY: {empty: false}, API_TOKEN: {exists: false}, NO: x, NONE: {exists: true}}
      not_env: ["*_TOKEN", GREETING, AWS_*]
  - name: labels
    config:
      labels: {org.example.team: trains, none: "", empty: {exists: false}}
      not_labels: org.example.*
  - name: texts
    config: {user: {not_matches: ^1000}, workdir: "", stop_signal: SIGTERM, author: ann, architecture: s390x, variant: v8, os: windows}
  - name: lists
    config:
      entrypoint: [/bin/tool --color]
      cmd: [all, serve]
      shell: []
      exposed_ports: [443, 8080]
      volumes: {contains: /var, not_contains: [/data, /cache]}
      onbuild: {empty: true}
  - name: health check
    config: {healthcheck: {test: /bin/check -q, interval: 30s, timeout: 1m30s, start_period: 500ms, retries: 3}}
  - name: no health check
    config: {healthcheck: {exists: false}}
  - name: more items
    config: {cmd: {empty: true}, entrypoint: {contains: [-v, --color]}, exposed_ports: {not_contains: 8080}}
"#,
    );
    ended.expect(1);
    assert_eq!(report.count("failure"), 7, "{report:#?}");
    insta::assert_snapshot!(messages(&ended, &report));
}

#[test]
fn sizes_and_layers_that_are_not_as_expected() {
    let mut tar = Archive::new();
    tar.file("big", 0o644, (0, 0), &vec![b'x'; 1_234_567]);
    let base = Made::import("base", &tar.finish());
    let image = Made::build(
        "layers",
        &format!(
            "FROM {}\nCOPY Dockerfile /one\nCOPY Dockerfile /two\n",
            base.0
        ),
    );
    let (ended, report) = run(
        &image.0,
        r#"
  - size: {max: 1.2MB}
  - {name: exact size, size: 1MiB}
  - layers: {max: 2}
  - {name: exact number, layers: 1}
  - {name: largest, layers: {largest: {max: 1MB}}}
  - {name: both, layers: {min: 4, largest: {min: 2MB}}}
"#,
    );
    ended.expect(1);
    assert_eq!(report.count("failure"), 6, "{report:#?}");
    let sizes = regex::Regex::new(r"1234\d\d\d|123[45]\d\d\d").unwrap();
    insta::assert_snapshot!(sizes.replace_all(&messages(&ended, &report), "[SIZE]"));
    let (ended, report) = run(
        &image.0,
        "  - layers: 3\n  - size: {min: 1234567, max: 1300kB}\n",
    );
    ended.expect(0);
    assert_eq!(report.count("passed"), 2);
}
