//! Service checks through the CLI, with real servers on a real engine.

mod support;

use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use regex::Regex;
use support::{Ended, Project, Report};

/// What has been built; one at a time, for the engine's cache to be of use.
static BUILT: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// Builds `tests/images/NAME.Dockerfile`; after the first time the engine has it in its cache.
fn image(name: &'static str) -> String {
    let tag = format!("seatrial-test-{name}:latest");
    let mut built = BUILT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if !built.contains(&name) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images");
        let output = Command::new("docker")
            .args(["build", "--quiet", "--tag", &tag, "--file"])
            .arg(folder.join(format!("{name}.Dockerfile")))
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        built.push(name);
    }
    tag
}

/// Runs `checks` on one of the images, one after the other.
fn run(name: &'static str, checks: &str) -> (Ended, Report) {
    let spec = format!("image: {}\nchecks:\n{checks}", image(name));
    let project = Project::new(&[
        ("test-specs/a.yaml", &spec),
        ("data/in.txt", "from the host\n"),
    ]);
    let ended = project.test(&["--junit", "junit.xml", "--test-threads", "1"]);
    assert_ne!(ended.code, Some(78), "{}", ended.stderr);
    assert_eq!(containers(ended.pid), "", "left behind");
    let report = project.junit();
    report.agrees();
    (ended, report)
}

/// The containers of the seatrial of this process id.
fn containers(pid: u32) -> String {
    let output = Command::new("docker")
        .args(["ps", "--all", "--filter", "label=seatrial.run"])
        .args(["--filter", &format!("label=seatrial.pid={pid}")])
        .args(["--format", "{{.ID}} {{.Label \"seatrial.for\"}}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What people see, without what differs between engines and runs.
fn seen(ended: &Ended) -> String {
    let engine = Regex::new(r"with \w+ \S+ \(\S+\)").unwrap();
    let access = Regex::new(r"\d+\.\d+\.\d+\.\d+ - - \[[^\]]*\]").unwrap();
    let error = Regex::new(r"\d{4}/\d\d/\d\d .*").unwrap();
    let server = Regex::new(r"nginx/\d[\d.]*").unwrap();
    let bytes = Regex::new(r"it has \d+ bytes").unwrap();
    let text = ended.stable();
    let text = engine.replace_all(&text, "with [ENGINE]");
    let text = access.replace_all(&text, "[WHO AND WHEN]");
    let text = server.replace_all(&text, "nginx/[VERSION]");
    let text = error.replace_all(&text, "[ERROR]");
    bytes.replace_all(&text, "it has [N] bytes").into_owned()
}

#[test]
fn a_web_server_that_serves() {
    run(
        "nginx",
        r#"
  - name: serves
    service:
      ready: {port: 80}
      checks:
        - name: the front page
          http: {port: 80, path: /index.html}
          headers: {content-type: {contains: text/html}, Server: {matches: ^nginx}}
          body: <h1>Ahoy</h1>
        - http: {port: 80, path: /nowhere}
          status: 404
        - name: redirects are not followed
          http: {port: 80, path: /old}
          status: [301, 302]
          headers: {Location: {contains: /index.html}}
        - name: a request in full
          http:
            port: 80
            path: /echo?a=b%20c
            method: POST
            headers: {X-Agent: me, Host: elsewhere}
            body: hello
          headers: {X-Host: elsewhere, X-Agent: me}
          body: POST
        - http: {port: 80, method: HEAD}
          headers: {Content-Length: "14"}
          body: {empty: true}
        - name: the page is in its folder
          run: [cat, index.html]
          workdir: /var/www/html
          stdout: {contains: Ahoy}
        - name: input, user and variables
          run: cat; id -un; echo "$WHO $HOW"
          stdin: {file: data/in.txt}
          user: nobody
          env: {HOW: well}
          stdout: |
            from the host
            nobody
            me well
        - run: [no-such-tool]
          exit: 127
        - run: exit 3
          exit: nonzero
      logs:
        stdout: {contains: [GET /index.html, GET /nowhere]}
        stderr: {contains: No such file}
      stop: {within: 60s}
    env: {WHO: me}
  - name: up when it answers
    service:
      ready: {http: {port: 80, path: /broken, status: 503}}
      stop: {signal: TERM, exit: [0, 143]}
  - name: ports that are asked are waited for
    service: {checks: [{http: {port: 80}}]}
  - name: another command
    service:
      command: [nginx, -g, "daemon off; error_log /dev/stdout notice;"]
      ready: {log: {matches: 'start worker process \d+$'}}
"#,
    )
    .0
    .expect(0);
}

#[test]
fn a_web_server_that_does_not_serve_what_is_expected() {
    let (ended, report) = run(
        "nginx",
        r#"
  - name: serves
    service:
      ready: {port: 80}
      checks:
        - name: the new page
          http: {port: 80, path: /new.html}
        - name: the front page
          http: {port: 80}
          headers: {Content-Type: image/png, X-Version: "2"}
          body: <h1>Hello</h1>
        - name: the moved page
          http: {port: 80, path: /old}
          status: [200, 204]
        - http: {port: 81}
        - name: a tool
          run: [no-such-tool]
        - name: another tool
          run: cat /etc/hostname /nowhere
          exit: [0, 2]
          stderr: {empty: true}
      logs: {stderr: {empty: true}}
      stop: {exit: 143}
"#,
    );
    ended.expect(1);
    insta::assert_snapshot!("nginx_failing", seen(&ended));
    assert_eq!(report.case("serves").verdict, "failure");
}

#[test]
fn a_server_with_a_client_in_its_image() {
    run(
        "redis",
        r#"
  - name: by log
    service:
      ready: {log: Ready to accept connections}
      checks:
        - {run: redis-cli ping, stdout: PONG}
        - {run: redis-cli set ship yes, stdout: OK}
        - {run: [redis-cli, get, ship], stdout: "yes"}
        - {name: who is who, run: "id -un; tr '\\0' ' ' < /proc/1/cmdline", stdout: {contains: [redis, "redis-server *:6379"]}}
      logs: {stdout: {contains: Ready to accept}}
      stop: {exit: 0}
  - name: by port
    service:
      ready: {port: 6379, within: 60s}
  - name: by its health check
    service:
      command: [--port, "6379", --loglevel, debug]
      ready: {healthcheck: true, log: [Ready to accept, {contains: clients connected}], port: 6379}
  - name: another entrypoint
    entrypoint: [redis-server, --port, "7000"]
    service:
      ready: {port: 7000}
      checks: [{run: redis-cli -p 7000 ping, stdout: PONG}]
"#,
    )
    .0
    .expect(0);
}

#[test]
fn two_services_at_once() {
    let spec = format!(
        "image: {}\nchecks:\n{}",
        image("redis"),
        ["a", "b", "c", "d"]
            .map(|name| format!(
                "  - name: {name}\n    service:\n      ready: {{port: 6379}}\n      checks:\n        \
                 - {{run: redis-cli set name {name}, stdout: OK}}\n        \
                 - {{run: redis-cli get name, stdout: {name}}}\n"
            ))
            .concat()
    );
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let ended = project.test(&["--test-threads", "4"]);
    ended.expect(0);
    assert_eq!(containers(ended.pid), "");
}

#[test]
fn services_that_come_to_nothing() {
    let (ended, report) = run(
        "misfits",
        r#"
  - name: dies at once
    service: {command: [dies], ready: {log: ready}}
  - name: dies while nobody looks
    service:
      command: [told]
      ready: {log: ready}
      checks: [{run: touch /tmp/end; sleep 1000}]
  - name: can't be started
    entrypoint: [/no-such-program]
    service: {ready: {log: ready}}
  - name: never listens
    service: {ready: {port: 6379, within: 1s}}
  - name: never answers
    service: {ready: {http: {port: 8080, path: /health}, within: 1s}}
  - name: never says so
    service: {ready: {log: "ready to {accept}", within: 1s}}
  - name: never writes such a line
    service: {command: [polite], ready: {log: {matches: '^Ready$'}, within: 1s}}
  - name: is not healthy
    service: {ready: {healthcheck: true}}
  - name: does not hear the signal
    service: {command: [deaf], ready: {log: ready}, stop: {signal: SIGTERM, within: 1s}}
  - name: ends with another code
    service:
      command: [polite]
      ready: {log: ready}
      logs: {stdout: "ready\ngood bye"}
      stop: {}
  - name: a command that hangs
    service: {command: [polite], ready: {log: ready}, checks: [{run: sleep 1000, timeout: 1s}]}
  - name: takes longer than all of it may
    timeout: 1s
    service: {ready: {port: 80}}
"#,
    );
    ended.expect(1);
    insta::assert_snapshot!("misfits", seen(&ended));
    assert_eq!((report.failures, report.errors), (12, 0));
}

#[test]
fn much_output_is_read_and_kept_in_part() {
    let (ended, report) = run(
        "misfits",
        r#"
  - name: seen at its end
    service: {command: [floods], ready: {log: ready}, logs: {stdout: {contains: one line of many}}}
  - name: not decided
    service: {command: [floods], ready: {log: ready}, logs: {stdout: {not_contains: absent}}}
"#,
    );
    ended.expect(3);
    assert_eq!(report.case("seen at its end").verdict, "passed");
    let case = report.case("not decided");
    assert_eq!(
        (case.verdict.as_str(), case.kind.as_str()),
        ("error", "seatrial.output-limit")
    );
}

#[test]
fn an_interrupted_run_leaves_no_service() {
    let spec = format!(
        "image: {}\nchecks:\n  - name: waits\n    service: {{ready: {{log: never}}}}\n",
        image("misfits")
    );
    let project = Project::new(&[("test-specs/a.yaml", &spec)]);
    let ended = project.interrupt(&["--junit", "junit.xml"], |_, pid| {
        while containers(pid).is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    ended.expect(130);
    assert_eq!(containers(ended.pid), "");
    let case = &project.junit().cases[0];
    assert_eq!(
        (case.verdict.as_str(), case.kind.as_str()),
        ("error", "seatrial.interrupted")
    );
}

/// The engine as one that is reached by TCP: how far it is away can't be known then, so ports are
/// asked where they are published.
fn forwarded() -> String {
    let socket = match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.starts_with("unix://") => return host,
        Ok(host) => host.trim_start_matches("unix://").to_owned(),
        Err(_) => "/var/run/docker.sock".to_owned(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let engine = UnixStream::connect(&socket).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            let (mut from, mut to) = (engine, client);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    format!("tcp://{address}")
}

#[test]
fn published_ports_are_not_taken_for_open_ones() {
    let spec = |name, checks: &str| format!("image: {}\nchecks:\n{checks}", image(name));
    let listens = spec(
        "redis",
        "  - name: listens\n    service:\n      ready: {port: 6379}\n      \
         checks: [{run: redis-cli ping, stdout: PONG}]\n",
    );
    let answers = spec(
        "nginx",
        "  - {name: answers, service: {ready: {port: 80}, checks: [{http: {port: 80}, body: <h1>Ahoy</h1>}]}}\n",
    );
    let neither = spec(
        "misfits",
        "  - {name: silent, service: {ready: {port: 6379, within: 2s}}}\n  \
         - {name: mute, service: {ready: {http: {port: 80}, within: 2s}}}\n  \
         - {name: asked, service: {command: [polite], ready: {log: ready}, checks: [{http: {port: 80}}]}}\n",
    );
    let project = Project::new(&[
        ("test-specs/a.yaml", &listens),
        ("test-specs/b.yaml", &answers),
        ("test-specs/c.yaml", &neither),
    ]);
    let mut command = project.command(&["--junit", "junit.xml"]);
    let ended = Ended::of(command.env("DOCKER_HOST", forwarded()));
    ended.expect(1);
    assert_eq!(containers(ended.pid), "");
    let report = project.junit();
    for (name, words) in [
        ("silent", "nothing listened on port 6379 within 2s"),
        ("mute", "GET / was not answered"),
        ("asked", "GET /: no answer"),
    ] {
        let case = report.case(name);
        assert_eq!(case.verdict, "failure", "{case:?}");
        assert!(case.message.contains(words), "{case:?}");
    }
    assert_eq!(report.count("passed"), 2);
}

#[test]
fn an_image_with_nothing_to_start() {
    let script = r#"{"images": ["img:1"]}"#;
    let spec = "image: img:1\nchecks:\n  - {name: s, service: {ready: {port: 80}}}\n";
    let project = Project::scripted(spec, script);
    project
        .fake(&[])
        .expect(1)
        .says(&["the image has neither an entrypoint nor a command to start"]);
}

/// What an engine can't be made to do.
#[test]
fn an_engine_that_fails_with_a_service() {
    let script = r#"{
        "images": ["img:1"],
        "background": [
            {"when": "serves", "stdout": "ready\n"},
            {"when": "fades", "stdout": "ready\n", "ends_after": 0, "exit": 5},
            {"when": "refused", "error": "no space left on device"}
        ],
        "runs": [
            {"when": "works", "stdout": "fine\n"},
            {"when": "breaks off", "error": "connection reset"}
        ]
    }"#;
    let spec = |command: &str, checks: &str| {
        format!(
            "image: img:1\nchecks:\n  - name: s\n    entrypoint: []\n    service:\n      \
             command: [{command}]\n      ready: {{log: ready}}\n      checks: [{checks}]\n"
        )
    };
    let table = [
        ("serves", "{run: works, stdout: fine}", 0, ""),
        ("serves", "{run: breaks off}", 3, "connection reset"),
        // What is known to be wrong stays so.
        (
            "serves",
            "{run: works, stdout: bad}, {run: breaks off}",
            1,
            "works: stdout is not what was expected",
        ),
        ("refused", "{run: works}", 3, "no space left on device"),
        // It is the service that ended, not the engine that failed.
        (
            "fades",
            "{run: breaks off}",
            1,
            "the service ended with exit code 5 before or while `breaks off` ran",
        ),
        (
            "fades",
            "{run: works}",
            1,
            "the service ended with exit code 5 while it was to go on",
        ),
    ];
    for (command, checks, code, words) in table {
        let project = Project::scripted(&spec(command, checks), script);
        project.fake(&[]).expect(code).says(&[words]);
    }
}

/// The mistakes in the service of this spec, as people see them.
#[track_caller]
fn refused(service: &str) -> String {
    let spec = format!("image: img:1\nchecks:\n  - name: s\n    service: {service}\n");
    let project = Project::scripted(&spec, r#"{"images": ["img:1"]}"#);
    let ended = project.fake(&[]);
    ended.expect(78);
    assert_eq!(ended.stdout, "");
    ended.stderr
}

#[test]
fn mistakes_in_specs() {
    let table = [
        "true",
        "{}",
        "{logs: {stdout: x}}",
        "{stop: {}}",
        "{ready: {}}",
        "{ready: {within: 5s}}",
        "{ready: {healthcheck: false}}",
        "{ready: {log: ''}}",
        "{ready: {log: {matches: '('}}}",
        "{ready: {port: 0}}",
        "{ready: {port: [80, http]}}",
        "{ready: {port: 80}, checks: []}",
        "{ready: {port: 80}, logs: {}}",
        "{ready: {port: 80}, stop: {signal: SIGNONE}}",
        "{ready: {port: 80}, stop: {exit: never}}",
        "{ready: {port: 80}, reday: {}}",
        "{checks: [{name: x}]}",
        "{checks: [{http: {port: 80}, run: x}]}",
        "{checks: [{http: {port: 80}, exit: 0}]}",
        "{checks: [{http: {port: 80, path: index.html}}]}",
        "{checks: [{http: {port: 80, path: /a b}}]}",
        "{checks: [{http: {port: 80, path: /a#b}}]}",
        "{checks: [{http: {port: 80, method: get}}]}",
        "{checks: [{http: {port: 80, headers: {'a b': c}}}]}",
        "{checks: [{http: {path: /}}]}",
        "{checks: [{http: {port: 80}, status: 99}]}",
        "{checks: [{run: x, workdir: tmp}]}",
        "{checks: [{run: x, stdin: {file: nowhere.txt}}]}",
        "{checks: [{http: {port: 80}}]}\n    network: none",
        "{ready: {port: 80}}\n    isolation: shared",
    ];
    let told = table.map(|service| format!("--- service: {service}\n{}", refused(service)));
    insta::assert_snapshot!("mistakes", told.join("\n"));
}
