//! What becomes of run and file checks for each fault at each request.

use crate::answers::{
    BUSY, FIRST_FRAME, FULL, GARBAGE, NO_CONTAINER, NO_HTTP, NO_IMAGE, NO_PIDS, NO_RUNTIME,
    NO_SHIM, RUN,
};
use crate::proxy::{Act, always, once, times};
use crate::row::Came::{Error, Failed, Passed};
use crate::row::{all, docker, refuses, row, seconds};

/// Ends too late to end by itself in a row.
const LONG: &str = "    run: if test -t 0; then exit; fi; printf one; sleep 1; printf two\n    stdout: {equals: onetwo}";

#[test]
fn creating() {
    all(vec![
        row(
            "500, then well",
            RUN,
            vec![once("create.*-2\\b", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "503 twice",
            RUN,
            vec![times(2, "create.*-2\\b", refuses(503, BUSY))],
            Passed,
        ),
        row(
            "409, then well",
            RUN,
            vec![once("create.*-2\\b", refuses(409, BUSY))],
            Passed,
        ),
        row(
            "reset before",
            RUN,
            vec![once("create.*-2\\b", Act::ResetBefore)],
            Passed,
        ),
        row(
            "the answer is lost",
            RUN,
            vec![once("create.*-2\\b", Act::ResetAfter)],
            Passed,
        ),
        row(
            "the answer is cut",
            RUN,
            vec![once("create.*-2\\b", Act::Cut(10))],
            Passed,
        ),
        row(
            "garbage",
            RUN,
            vec![once("create.*-2\\b", Act::Raw(GARBAGE))],
            Passed,
        ),
        row(
            "no HTTP",
            RUN,
            vec![once("create.*-2\\b", Act::Raw(NO_HTTP))],
            Passed,
        ),
        row(
            "slow",
            RUN,
            vec![always("create", Act::Delay(seconds(1) / 2))],
            Passed,
        ),
        row(
            "the disk is full",
            RUN,
            vec![always("create.*-[234]\\b", refuses(500, FULL))],
            Error("engine", "no space left on device (tried 3 times)"),
        ),
        row(
            "the disk is full for a while",
            RUN,
            vec![always("create.*-[23]\\b", refuses(500, FULL))],
            Passed,
        ),
        row(
            "refused for good",
            RUN,
            vec![always("create.*-2\\b", refuses(403, BUSY))],
            Error("engine", "could not create a container: the engine is busy"),
        ),
        row(
            "the image was removed",
            RUN,
            vec![always("create.*-2\\b", refuses(404, NO_IMAGE))],
            Error("image", "removed during the run"),
        ),
    ]);
}

#[test]
fn starting() {
    all(vec![
        row(
            "attach: 500",
            RUN,
            vec![once("-2/attach", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "attach: reset",
            RUN,
            vec![once("-2/attach", Act::ResetBefore)],
            Passed,
        ),
        row(
            "attach: it is gone",
            RUN,
            vec![once("-2/attach", refuses(404, NO_CONTAINER))],
            Passed,
        ),
        row(
            "attach: removed",
            RUN,
            vec![once("-2/attach", Act::Before(docker(&["rm", "-f"])))],
            Passed,
        ),
        row(
            "no processes left",
            RUN,
            vec![once("-2/start", refuses(500, NO_PIDS))],
            Passed,
        ),
        row(
            "no processes left at all",
            RUN,
            vec![always("-[234]/start", refuses(500, NO_PIDS))],
            Error("engine", "resource temporarily unavailable (tried 3 times)"),
        ),
        row(
            "the engine has no runtime",
            RUN,
            vec![always("-[234]/start", refuses(500, NO_RUNTIME))],
            Error("engine", "fork/exec /usr/sbin/runc"),
        ),
        row(
            "the engine has no shim, and 127 is expected",
            "    run: [nothing]\n    exit: 127",
            vec![always("-[234]/start", refuses(500, NO_SHIM))],
            Error("engine", "containerd-shim-runc-v2"),
        ),
        row(
            "start: reset before",
            RUN,
            vec![once("-2/start", Act::ResetBefore)],
            Passed,
        ),
        row(
            "start: the answer is lost",
            RUN,
            vec![once("-2/start", Act::ResetAfter)],
            Passed,
        ),
        row(
            "start: garbage",
            RUN,
            vec![once("-2/start", Act::Raw(NO_HTTP))],
            Passed,
        ),
        row(
            "start: removed",
            RUN,
            vec![once("-2/start", Act::Before(docker(&["rm", "-f"])))],
            Passed,
        ),
    ]);
}

#[test]
fn following() {
    let kill = || Act::After(docker(&["kill"]));
    all(vec![
        row(
            "the stream ends early",
            LONG,
            vec![once("-2/attach", Act::Cut(FIRST_FRAME))],
            Passed,
        ),
        row(
            "what is missing is not taken for missing",
            "    run: printf one; sleep 1; printf two\n    stdout: {equals: one}",
            vec![once("-2/attach", Act::Cut(FIRST_FRAME))],
            Failed("stdout", ""),
        ),
        row(
            "the stream ends in a frame",
            LONG,
            vec![once("-2/attach", Act::Cut(FIRST_FRAME - 1))],
            Passed,
        ),
        row(
            "the stream always ends early",
            LONG,
            vec![always("-[234]/attach", Act::Cut(FIRST_FRAME))],
            Error(
                "engine",
                "its output broke off while it went on (tried 3 times)",
            ),
        ),
        row(
            "the stream never ends",
            "    run: printf one; printf two\n    timeout: 2s\n    stdout: {equals: onetwo}",
            vec![once("-2/attach", Act::Stall(2 * FIRST_FRAME))],
            Passed,
        ),
        row(
            "how it ended: 500",
            RUN,
            vec![once("GET .*-2/json", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "how it ended: reset",
            RUN,
            vec![once("GET .*-2/json", Act::ResetBefore)],
            Passed,
        ),
        row(
            "how it ended: cut",
            RUN,
            vec![once("GET .*-2/json", Act::Cut(100))],
            Passed,
        ),
        row(
            "how it ended: garbage",
            RUN,
            vec![once("GET .*-2/json", Act::Raw(GARBAGE))],
            Passed,
        ),
        row(
            "how it ended: nothing",
            RUN,
            vec![once("GET .*-2/json", refuses(200, "{}"))],
            Passed,
        ),
        row("killed", LONG, vec![once("-2/start", kill())], Passed),
        row(
            "stopped",
            LONG,
            vec![once(
                "-2/start",
                Act::After(docker(&["stop", "--time", "1"])),
            )],
            Passed,
        ),
        row(
            "removed",
            LONG,
            vec![once("-2/start", Act::After(docker(&["rm", "-f"])))],
            Passed,
        ),
        row(
            "restarted",
            LONG,
            vec![once(
                "-2/start",
                Act::After(docker(&["restart", "--time", "0"])),
            )],
            Passed,
        ),
        row(
            "paused",
            "    run: printf one; sleep 0.4; printf two\n    timeout: 2s\n    stdout: {equals: onetwo}",
            vec![once("-2/start", Act::After(docker(&["pause"])))],
            Passed,
        ),
        row(
            "always killed, which is expected of the image",
            "    run: sleep 5\n    exit: 137",
            vec![always("-[234]/start", kill())],
            Error(
                "engine",
                "somebody else stopped or killed it (exit code 137) (tried 3 times)",
            ),
        ),
        row(
            "an exit code of its own that looks like it",
            "    run: exit 137",
            vec![once("GET /events", Act::Delay(seconds(0)))],
            Failed("exit", "got 137 (SIGKILL)"),
        ),
        row(
            "no notes are kept",
            "    run: exit 3",
            vec![always("GET /events", refuses(501, BUSY))],
            Failed("exit", "got 3"),
        ),
        row(
            "removing: 500 twice",
            RUN,
            vec![times(2, "DELETE .*-2\\?", refuses(500, BUSY))],
            Passed,
        ),
        row(
            "removing: 409",
            RUN,
            vec![once("DELETE .*-2\\?", refuses(409, BUSY))],
            Passed,
        ),
        row(
            "removing: reset",
            RUN,
            vec![once("DELETE .*-2\\?", Act::ResetBefore)],
            Passed,
        ),
        row(
            "removing: the answer is lost",
            RUN,
            vec![once("DELETE .*-2\\?", Act::ResetAfter)],
            Passed,
        ),
        row(
            "removing: never",
            RUN,
            vec![always("DELETE .*-2\\?", refuses(500, BUSY))],
            Passed,
        ),
    ]);
}

#[test]
fn files() {
    const THERE: &str = "    file: /etc/passwd\n    content: {contains: root}";
    const ABSENT: &str = "    file: /etc/passwd\n    exists: false";
    const GLOB: &str = "    file: /etc/apt/**/*\n    count: {min: 3}";
    let head = "HEAD .*-2/archive";
    let get = "GET .*-2/archive";
    // A walk has a container of its own.
    let walk = "GET .*-3/archive";
    all(vec![
        row(
            "look: 500",
            THERE,
            vec![once(head, refuses(500, ""))],
            Passed,
        ),
        row(
            "look: reset",
            THERE,
            vec![once(head, Act::ResetBefore)],
            Passed,
        ),
        row(
            "look: 404 for nothing",
            THERE,
            vec![once(head, refuses(404, ""))],
            Passed,
        ),
        row(
            "look: 404 for nothing, which is expected of the image",
            ABSENT,
            vec![once(head, refuses(404, ""))],
            Failed("file.exists", ""),
        ),
        row(
            "removed",
            THERE,
            vec![once(head, Act::Before(docker(&["rm"])))],
            Passed,
        ),
        row(
            "removed, and nothing is expected there",
            ABSENT,
            vec![once(head, Act::Before(docker(&["rm"])))],
            Failed("file.exists", ""),
        ),
        row(
            "read: 500",
            THERE,
            vec![once(get, refuses(500, BUSY))],
            Passed,
        ),
        row("read: cut", THERE, vec![once(get, Act::Cut(700))], Passed),
        row(
            "read: garbage",
            THERE,
            vec![once(get, Act::Raw(GARBAGE))],
            Passed,
        ),
        row(
            "read: removed",
            THERE,
            vec![once(get, Act::Before(docker(&["rm"])))],
            Passed,
        ),
        row("walk: cut", GLOB, vec![once(walk, Act::Cut(3000))], Passed),
        row(
            "walk: an archive without an end",
            GLOB,
            vec![once(
                walk,
                Act::Raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            )],
            Passed,
        ),
        row(
            "never",
            THERE,
            vec![always("HEAD", refuses(500, ""))],
            Error("engine", "without a reason"),
        ),
        row(
            "files that a command left: removed",
            "    run: echo x > /left\n    files: {/left: {exists: false}}",
            vec![once("HEAD .*-2/archive", Act::Before(docker(&["rm"])))],
            Failed("file.exists", ""),
        ),
    ]);
}
