//! Thousands of checks: nothing grows in the run and in its helper.

use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::stage::{command, debian, groups, helpers, is_root, processes};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Resident memory in KiB.
    memory: u64,
    files: usize,
    mounts: usize,
    threads: u64,
    zombies: usize,
    groups: usize,
}

fn number(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let value = line.and_then(|line| line.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn sample(pid: u32, run: u32) -> Sample {
    let place = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(place.join("status")).unwrap_or_default();
    let lines = |file: &str| {
        std::fs::read_to_string(place.join(file)).map_or(0, |text| text.lines().count())
    };
    let is_zombie_of = |text: &str| {
        let after = text.rsplit_once(')').map_or("", |(_, after)| after);
        let mut fields = after.split_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(pid.to_string().as_str())
    };
    Sample {
        memory: number(&status, "VmRSS:"),
        files: place.join("fd").read_dir().map_or(0, Iterator::count),
        mounts: lines("mountinfo"),
        threads: number(&status, "Threads:"),
        zombies: processes("stat", is_zombie_of).len(),
        groups: groups(run).len(),
    }
}

/// `SEATRIAL_MANY` says how many checks there are.
#[test]
fn nothing_grows_with_the_number_of_checks() {
    if !is_root() {
        return;
    }
    let many = std::env::var("SEATRIAL_MANY").map_or(2000, |text| text.parse().unwrap());
    let numbers: Vec<String> = (0..many).map(|number: usize| number.to_string()).collect();
    let numbers = numbers.join(", ");
    let project = debian(&format!(
        "  - {{name: 'c${{{{ n }}}}', each: {{n: [{numbers}]}}, run: 'echo ${{{{ n }}}} >/tmp/x; cat /tmp/x', stdout: '${{{{ n }}}}'}}\n"
    ));
    let mut child = command(&project, &[]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let step = many / 10;
    let mut samples = Vec::new();
    let mut passed = 0;
    for line in lines.map_while(Result::ok) {
        if !line.starts_with("  ok ") {
            continue;
        }
        passed += 1;
        if passed % step == 0 && passed < many {
            let run = child.id();
            let helper = *helpers(run).last().unwrap();
            samples.push([sample(run, run), sample(helper, run)]);
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(passed, many);
    // Those that the run itself sees are the host's.
    assert!(
        samples
            .iter()
            .all(|[_, helper]| helper.mounts <= samples[0][1].mounts + 4)
    );
    let (early, late) = (samples[1], *samples.last().unwrap());
    for (before, after) in early.iter().zip(late) {
        let shown = format!("{samples:#?}");
        // Verdicts are kept, a few hundred bytes each.
        assert!(
            after.memory < before.memory + 8 * 1024 + many as u64 * 4,
            "{shown}"
        );
        assert!(after.files <= before.files + 16, "{shown}");
        assert!(after.threads <= before.threads + 2, "{shown}");
        assert!(
            after.groups <= before.groups && after.zombies <= 8,
            "{shown}"
        );
    }
}
