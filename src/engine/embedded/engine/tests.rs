use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::engine::ImageConfig;

fn layers(image: &str) -> Vec<PathBuf> {
    let format = "{{.GraphDriver.Data.LowerDir}}:{{.GraphDriver.Data.UpperDir}}";
    let out = Command::new("docker")
        .args(["inspect", "-f", format, image])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let (lower, upper) = text.trim().rsplit_once(':').unwrap();
    let mut all: Vec<PathBuf> = vec![upper.into()];
    if lower != "<no value>" {
        all.extend(lower.split(':').map(PathBuf::from));
    }
    all.reverse();
    all
}

#[test]
fn speed() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (_sender, stop) = watch::channel(false);
    let store = tempfile::tempdir().unwrap();
    let program = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .join("seatrial");
    let settings = Settings {
        store: store.path().to_owned(),
        scratch: 1 << 30,
        name: "seatrial-test".to_owned(),
        rootless: std::env::var("ROOTLESS").is_ok(),
    };
    let engine =
        EmbeddedEngine::start(&program, &settings, runtime.handle().clone(), stop).unwrap();
    engine.learn("x", layers("debian:bookworm-slim")).unwrap();
    let image = Image {
        reference: "debian".into(),
        id: "x".into(),
        repo_digests: vec![],
        size: None,
        layers: None,
        author: String::new(),
        config: ImageConfig::default(),
    };
    let command = std::env::var("CMD").unwrap_or("echo hi; id; cat /proc/self/mounts".into());
    let process = Process::new(
        "c",
        ["sh", "-c", &command].map(str::to_owned).to_vec(),
        Duration::from_secs(5),
    );
    let outcome = engine.run_fresh(&image, &process, None).unwrap();
    println!(
        "{:?} {}\n{}",
        outcome.ended,
        String::from_utf8_lossy(outcome.stdout.kept()),
        String::from_utf8_lossy(outcome.stderr.kept())
    );
    let process = Process::new(
        "c",
        ["true"].map(str::to_owned).to_vec(),
        Duration::from_secs(5),
    );
    for threads in [1, 2, 4, 8] {
        let began = Instant::now();
        let each = 400 / threads;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..each {
                        let outcome = engine.run_fresh(&image, &process, None).unwrap();
                        assert!(
                            matches!(outcome.ended, crate::engine::Ended::Exited { code: 0, .. }),
                            "{outcome:?}"
                        );
                    }
                });
            }
        });
        let per = began.elapsed().as_secs_f64() * 1000.0 / (threads * each) as f64;
        println!("{threads}: {per:.3} ms/check {:.0}/s", 1000.0 / per);
    }
}
