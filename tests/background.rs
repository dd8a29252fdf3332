//! Containers in the background, on a real engine.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seatrial::engine::docker::{DockerEngine, connect};
use seatrial::engine::{
    Ended, Engine, EngineError, Image, Network, Process, Stream, Tap, Waited, holder,
};
use tokio::runtime::Runtime;
use tokio::sync::watch;

const IMAGE: &str = "debian:bookworm-slim";
/// Longer than anything here takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    engine: DockerEngine,
    image: Image,
    stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let mut connection = connect(&|name| std::env::var(name).ok()).unwrap();
        let info = runtime.block_on(connection.identify()).unwrap();
        let (stop, receiver) = watch::channel(false);
        let handle = runtime.handle().clone();
        let engine = DockerEngine::new(connection, info, handle, receiver).unwrap();
        let image = engine.image(IMAGE).unwrap();
        Self {
            engine,
            image,
            stop,
            _runtime: runtime,
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let left = self.engine.close().unwrap();
        assert!(std::thread::panicking() || left == 0, "{left} left behind");
    }
}

fn process(argv: &[&str]) -> Process {
    let argv = argv.iter().map(ToString::to_string).collect();
    Process::new("background", argv, LONG)
}

fn sh(line: &str) -> Process {
    process(&["/bin/sh", "-c", line])
}

fn exited(code: i64) -> Ended {
    Ended::Exited {
        code,
        out_of_memory: false,
    }
}

#[test]
fn processes_run_in_a_container_that_is_held() {
    let bench = Bench::new();
    let held = Process {
        env: vec![("FROM".into(), "container".into())],
        ..holder(&process(&[]))
    };
    let running = bench.engine.start(&bench.image, &held, None).unwrap();
    let said = |process: &Process| {
        let outcome = running.exec(process).unwrap();
        (
            outcome.ended,
            String::from_utf8(outcome.stdout.kept().to_vec()).unwrap(),
        )
    };
    assert_eq!(
        said(&sh("echo $FROM; touch /kept; exit 3")),
        (exited(3), "container\n".into())
    );
    let input = Process {
        stdin: Some(b"line".to_vec()),
        env: vec![("FROM".into(), "exec".into())],
        user: Some("1234:5678".into()),
        workdir: Some("/tmp".into()),
        ..sh("cat; echo; echo $FROM; id -u; id -g; pwd; ls /kept; echo err >&2")
    };
    let text = "line\nexec\n1234\n5678\n/tmp\n/kept\n";
    assert_eq!(said(&input), (exited(0), text.into()));
    for (argv, expected) in [(["no-such-tool"], 127), (["/etc/passwd"], 126)] {
        match said(&process(&argv)).0 {
            Ended::NotStarted { code, reason } => {
                assert_eq!(code, expected);
                assert!(reason.starts_with("exec: "), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    // A process can say what it likes: it did begin.
    assert_eq!(
        said(&sh("echo OCI runtime exec failed; exit 126")).0,
        exited(126)
    );
    for process in [
        Process {
            user: Some("nobody-at-all".into()),
            ..sh("true")
        },
        Process {
            workdir: Some("/nowhere".into()),
            ..sh("true")
        },
    ] {
        let error = running.exec(&process).unwrap_err();
        assert!(matches!(error, EngineError::Failed { .. }), "{error}");
    }
    let long = Process {
        timeout: Duration::from_millis(200),
        ..sh("echo begun; sleep 1000")
    };
    assert_eq!(said(&long), (Ended::TimedOut, "begun\n".into()));
    let file = running.files().stat("/kept").unwrap();
    assert_eq!(file.unwrap().size, 0);
    assert_eq!(running.ended().unwrap(), None);
    running.kill().unwrap();
    assert_eq!(running.ended().unwrap(), Some(exited(137)));
    assert!(running.exec(&sh("true")).is_err());
    running.remove().unwrap();
}

#[test]
fn all_that_is_written_is_seen_and_the_end_ends_every_wait() {
    let bench = Bench::new();
    let counts: Arc<Mutex<[usize; 2]>> = Arc::default();
    let tap: Tap = {
        let counts = Arc::clone(&counts);
        Box::new(move |stream, bytes| {
            counts.lock().unwrap()[usize::from(stream == Stream::Stderr)] += bytes.len();
        })
    };
    let process = Process {
        output_limit: 100,
        ..sh("yes 0123456 | head -n 100000; echo bad >&2; exit 4")
    };
    let running = bench
        .engine
        .start(&bench.image, &process, Some(tap))
        .unwrap();
    let waited = running.during(Instant::now() + LONG, Box::pin(std::future::pending()));
    assert_eq!(waited.unwrap(), Waited::Ended(exited(4)));
    let (stdout, stderr) = running.logs();
    assert_eq!((stdout.total(), stdout.kept().len()), (800_000, 200));
    assert_eq!(stderr.kept(), b"bad\n");
    assert_eq!(*counts.lock().unwrap(), [800_000, 4]);
    // A signal that comes too late changes nothing.
    assert_eq!(running.stop(None, LONG).unwrap(), exited(4));
}

#[test]
fn a_program_that_is_not_there_never_began() {
    let bench = Bench::new();
    let running = bench
        .engine
        .start(&bench.image, &process(&["no-such-tool"]), None)
        .unwrap();
    assert!(matches!(
        running.ended().unwrap(),
        Some(Ended::NotStarted { code: 127, .. })
    ));
}

#[test]
fn a_process_is_stopped_by_a_signal_or_killed() {
    let bench = Bench::new();
    let start = |line: &str| bench.engine.start(&bench.image, &sh(line), None).unwrap();
    let until_it_says_ready = |running: &dyn seatrial::engine::Running| {
        while running.logs().0.is_empty() {
            let pause = Instant::now() + Duration::from_millis(10);
            running
                .during(pause, Box::pin(std::future::pending()))
                .unwrap();
        }
    };
    let polite = start("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    until_it_says_ready(polite.as_ref());
    assert_eq!(polite.stop(None, LONG).unwrap(), exited(7));
    let choosy =
        start("trap 'exit 8' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done");
    until_it_says_ready(choosy.as_ref());
    let short = Duration::from_millis(300);
    assert_eq!(choosy.stop(Some("SIGUSR1"), LONG).unwrap(), exited(8));
    let deaf = start("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    until_it_says_ready(deaf.as_ref());
    assert_eq!(deaf.stop(None, short).unwrap(), Ended::TimedOut);
    assert_eq!(deaf.ended().unwrap(), Some(exited(137)));
}

#[test]
fn a_port_is_open_only_when_something_listens() {
    let bench = Bench::new();
    let start = |network, ports: &[u16]| {
        let process = Process {
            network,
            ports: ports.to_vec(),
            ..holder(&process(&[]))
        };
        bench.engine.start(&bench.image, &process, None).unwrap()
    };
    let running = start(Network::Bridge, &[80]);
    let address = running.address(80).unwrap();
    assert!(
        address.is_direct,
        "{address:?}: this engine is on this machine"
    );
    let error = TcpStream::connect(address.socket).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(start(Network::None, &[]).address(80).is_err());
}

#[test]
fn a_stopped_run_ends_every_wait_and_leaves_nothing() {
    let bench = Bench::new();
    let running = bench
        .engine
        .start(&bench.image, &holder(&process(&[])), None)
        .unwrap();
    let until = Instant::now() + LONG;
    std::thread::scope(|scope| {
        let waits = [
            scope.spawn(|| running.exec(&sh("sleep 1000")).map(drop)),
            scope.spawn(|| {
                running
                    .during(until, Box::pin(std::future::pending()))
                    .map(drop)
            }),
            scope.spawn(|| running.stop(Some("SIGURG"), LONG).map(drop)),
        ];
        bench.stop.send_replace(true);
        for wait in waits {
            assert!(matches!(
                wait.join().unwrap(),
                Err(EngineError::Interrupted)
            ));
        }
    });
    running.remove().unwrap();
}
