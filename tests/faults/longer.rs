//! The same of what goes on for longer: containers that several commands run in, services, and the
//! whole run from its first request to its last.

use crate::answers::{BUSY, FIRST_FRAME, GARBAGE, NO_IMAGE, NO_PIDS, RUN};
use crate::proxy::{Act, always, once, times};
use crate::row::Came::{Error, Failed, Passed};
use crate::row::{Row, all, docker, refuses, row, seconds};

#[test]
fn commands_in_containers() {
    const SHARED: &str = "    run: printf one; sleep 0.6; printf two\n    isolation: shared\n    stdout: {equals: onetwo}";
    const SETUP: &str = "    setup: touch /ready\n    run: printf one; sleep 0.6; test -e /ready && printf two\n    stdout: {equals: onetwo}";
    let mut rows: Vec<Row> = Vec::new();
    for target in [SHARED, SETUP] {
        rows.extend([
            row(
                "exec: create: 500",
                target,
                vec![once("-2/exec", refuses(500, BUSY))],
                Passed,
            ),
            row(
                "exec: create: reset",
                target,
                vec![once("-2/exec", Act::ResetBefore)],
                Passed,
            ),
            row(
                "exec: start: reset",
                target,
                vec![once("/exec/.*/start", Act::ResetBefore)],
                Passed,
            ),
            row(
                "exec: inspect: 500",
                target,
                vec![once("/exec/.*/json", refuses(500, BUSY))],
                Passed,
            ),
            row(
                "exec: inspect: garbage",
                target,
                vec![once("/exec/.*/json", Act::Raw(GARBAGE))],
                Passed,
            ),
            row(
                "holder: start: 500",
                target,
                vec![once("-2/start", refuses(500, NO_PIDS))],
                Passed,
            ),
            row(
                "holder: killed",
                target,
                vec![once("/exec/.*/start", Act::After(docker(&["kill"])))],
                Passed,
            ),
        ]);
    }
    rows.extend([
        row(
            "the stream ends early",
            SHARED,
            vec![once("/exec/.*/start", Act::Cut(FIRST_FRAME))],
            Passed,
        ),
        row(
            "the stream ends in a frame",
            SHARED,
            vec![once("/exec/.*/start", Act::Cut(FIRST_FRAME - 1))],
            Passed,
        ),
        row(
            "killed by itself",
            "    run: kill -9 $$\n    isolation: shared",
            vec![once("/exec/.*/json", Act::Delay(seconds(0)))],
            Failed("exit", "got 137"),
        ),
    ]);
    all(rows);
}

#[test]
fn services() {
    const LOG: &str = "    service:\n      command: [sh, -c, 'echo up; exec sleep 60']\n      ready: {log: up}\n      checks: [{run: 'sleep 0.5; echo asked', stdout: asked}]";
    const HTTP: &str = r#"    service:
      command:
        - perl
        - -MIO::Socket::INET
        - -e
        - |
          my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 5) or die;
          for (;;) {
            my $client = $server->accept or next;
            while (<$client> =~ /\S/) {}
            print $client "HTTP/1.1 200 OK\r\n\r\nAhoy";
          }
      ready: {port: 8080}
      checks: [{http: {port: 8080}, body: Ahoy}]"#;
    all(vec![
        row(
            "create: reset",
            LOG,
            vec![once("create.*-2\\b", Act::ResetAfter)],
            Passed,
        ),
        row(
            "start: 500",
            LOG,
            vec![once("-2/start", refuses(500, NO_PIDS))],
            Passed,
        ),
        row(
            "the stream ends early",
            LOG,
            vec![once("-2/attach", Act::Cut(8 + 3))],
            Passed,
        ),
        row(
            "the stream ends at once",
            LOG,
            vec![once("-2/attach", Act::Cut(0))],
            Passed,
        ),
        row(
            "the stream ends in a frame",
            LOG,
            vec![once("-2/attach", Act::Cut(8 + 1))],
            Passed,
        ),
        row(
            "killed",
            LOG,
            vec![once("-2/start", Act::After(docker(&["kill"])))],
            Passed,
        ),
        row(
            "removed",
            LOG,
            vec![once("-2/start", Act::After(docker(&["rm", "-f"])))],
            Passed,
        ),
        row(
            "always killed",
            LOG,
            vec![always("-[234]/start", Act::After(docker(&["kill"])))],
            Error("engine", "(tried 3 times)"),
        ),
        row(
            "exec: killed meanwhile",
            LOG,
            vec![once("-2/exec", Act::After(docker(&["kill"])))],
            Passed,
        ),
        row(
            "exec: reset",
            LOG,
            vec![once("/exec/.*/start", Act::ResetBefore)],
            Passed,
        ),
        row(
            "http: 500 where it is",
            HTTP,
            vec![once("-2/json", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "http: reset where it is",
            HTTP,
            vec![once("-2/json", Act::ResetBefore)],
            Passed,
        ),
        row(
            "http: killed before it is asked",
            HTTP,
            vec![once("-2/json", Act::After(docker(&["kill"])))],
            Passed,
        ),
    ]);
}

#[test]
fn images_and_ends() {
    let gone = |name, after, fault| Row {
        after,
        ..row(name, RUN, vec![fault], after)
    };
    let lost = "did not answer again";
    all(vec![
        row(
            "image: 500 twice",
            RUN,
            vec![times(2, "GET /images/", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "image: reset",
            RUN,
            vec![once("GET /images/", Act::ResetBefore)],
            Passed,
        ),
        row(
            "image: garbage",
            RUN,
            vec![once("GET /images/", Act::Raw(GARBAGE))],
            Passed,
        ),
        gone(
            "image: never",
            Error("engine", "the engine is busy"),
            always("GET /images/", refuses(500, BUSY)),
        ),
        gone(
            "image: none",
            Error("image", "no image"),
            always("GET /images/", refuses(404, NO_IMAGE)),
        ),
        row(
            "history: 500",
            "    layers: {max: 9}",
            vec![once("GET /images/", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "the last list: 500",
            RUN,
            vec![once("GET /containers/json", refuses(500, BUSY))],
            Passed,
        ),
        Row {
            code: Some(3),
            ..row(
                "the last list: never",
                RUN,
                vec![always("GET /containers/json", refuses(500, BUSY))],
                Passed,
            )
        },
        row(
            "away for two seconds",
            RUN,
            vec![once("-2/start", Act::Gone(seconds(2)))],
            Passed,
        ),
        row(
            "away while it runs",
            RUN,
            vec![once("GET .*-2/json", Act::Gone(seconds(2)))],
            Passed,
        ),
        Row {
            after: Error("engine", lost),
            ..row(
                "gone",
                RUN,
                vec![once("-2/start", Act::Gone(seconds(600)))],
                Error("engine", lost),
            )
        },
    ]);
}
