//! The same specs on every engine: what containers see and what checks come to must be the same.
//!
//! The specs are in `specs/`. Most of their checks print what there is to see; the reports of the
//! engines are compared with Docker's, and what may differ is listed in `differences.rs` with its
//! reason. A container of Podman takes so long that it gets every third check only, unless
//! `SEATRIAL_CONFORMANCE` names the engines to compare: `embedded`, `rootless`,
//! `rootless with users`, `podman`.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod differences;
mod engines;
mod images;
mod podman;
mod report;
mod rootless;

use compare::compare;
use engines::{Engine, Project};
use images::Images;
use report::Report;

fn specs() -> Vec<(&'static str, &'static str)> {
    macro_rules! specs {
        ($($name:literal)*) => {
            vec![$(($name, include_str!(concat!("specs/", $name, ".yaml")))),*]
        };
    }
    specs!("busybox" "entry" "folders" "identity" "kernel" "limits" "network" "odd" "programs"
        "rights" "scratch" "service" "shared" "user" "verdicts" "volumes")
}

#[test]
fn every_engine_says_the_same() {
    let images = Images::make();
    // A part of them may be asked for by name.
    let asked = std::env::var("SEATRIAL_CONFORMANCE").ok();
    let is_asked = |name: &str| {
        asked
            .as_ref()
            .is_none_or(|asked| asked.split(',').any(|one| one == name))
    };
    let podman = is_asked("podman").then(|| podman::start(&images)).flatten();
    let mut engines = vec![Engine::embedded(&images)];
    engines.extend(rootless::engines(&images));
    engines.extend(podman.as_ref().map(podman::Podman::engine));
    engines.retain(|engine| is_asked(engine.name));
    let reference = report_of(&Engine::docker(&images));
    assert!(reference.checks.len() >= 120, "{}", reference.checks.len());
    let wrong: Vec<String> = engines
        .iter()
        .flat_map(|engine| {
            let report = report_of(engine);
            // A part of the checks is enough for a slow engine.
            assert!(report.checks.len() * engine.part >= reference.checks.len());
            compare(engine.name, &reference, &report)
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn report_of(engine: &Engine) -> Report {
    let project = Project::of(engine, &specs());
    let begun = std::time::Instant::now();
    let report = project.run(engine);
    eprintln!(
        "{}: {} checks in {:.1} s",
        engine.name,
        report.checks.len(),
        begun.elapsed().as_secs_f64()
    );
    report
}
