//! A run that holds one of everything, for the tests of all reports.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::engine::{Capture, Captured, EngineInfo, Image, ImageConfig};
use crate::event::{
    CaseInfo, CaseResult, Event, ImageInfo, RunEnd, RunStart, Selection, SpecFile, Stopped,
};
use crate::report::record::{Collector, Record};
use crate::source::{Place, Source};
use crate::verdict::{Finding, Problem, Verdict};

/// How many checks the run selects.
pub(super) const SELECTED: usize = 9;

const SPEC: &str = "\
image: samtools-cloud
checks:
  - name: samtools reports the pinned version
    run: samtools --version
    stdout:
      version: '>=1.16, <2'
  - name: the reference is indexed
    run: [samtools, faidx, /ref.fa]
    exit: 0
    stdout: |
      chr1 248956422
      chr2 242193529
    stderr: {empty: true}
  - name: conda is there
    run: conda --version
  - name: keeps hostile output harmless
    run: cat /evil
    stdout: fine
  - name: größe μ 测试 <&\"'> ]]>
    run: 'true'
  - name: tells a long story
    run: seq 1 40000
    stdout: {lines: 1}
";

fn image(name: &str, known: bool) -> ImageInfo {
    let reference = format!("ghcr.io/example/{name}:2026-10-01");
    ImageInfo {
        name: name.into(),
        reference: reference.clone(),
        image: known.then(|| Image {
            reference,
            id: format!("sha256:{}", "3f".repeat(32)),
            repo_digests: vec![format!("ghcr.io/example/{name}@sha256:{}", "a1".repeat(32))],
            size: Some(123_456_789),
            layers: Some(3),
            author: String::new(),
            config: ImageConfig {
                os: "linux".into(),
                architecture: "amd64".into(),
                ..ImageConfig::default()
            },
        }),
    }
}

fn start(results: &[Arc<CaseResult>]) -> RunStart {
    RunStart {
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
        engine: Some(EngineInfo {
            kind: "docker".into(),
            version: "28.3.3".into(),
            platform: "linux/amd64".into(),
            beside: None,
        }),
        images: vec![
            image("sv-base-mini", true),
            image("samtools-cloud", true),
            image("sv-pipeline", false),
        ],
        checks: results
            .iter()
            .map(|result| Arc::clone(&result.case))
            .collect(),
        selection: Selection::default(),
        filtered: 3,
        threads: 4,
        folder: std::path::PathBuf::new(),
        specs: vec![SpecFile {
            path: "test-specs/all.yaml".into(),
            sha256: "5e".repeat(32),
        }],
    }
}

fn end(millis: u64) -> Event {
    Event::RunFinished(Arc::new(RunEnd {
        duration: Duration::from_millis(millis),
        stopped: None,
        left_behind: None,
        missing: Vec::new(),
    }))
}

struct Run {
    spec: Arc<Source>,
    results: Vec<CaseResult>,
}

impl Run {
    fn place(&self, needle: &str) -> Place {
        let start = SPEC.find(needle).unwrap();
        Place::new(&self.spec, start..start + needle.len())
    }

    fn finding(&self, needle: &str, kind: &'static str, message: &str, detail: &str) -> Finding {
        Finding {
            place: self.place(needle),
            kind,
            message: message.into(),
            detail: (!detail.is_empty()).then(|| detail.into()),
            matcher: None,
        }
    }

    fn check(
        &mut self,
        image: &str,
        check: &str,
        place: &str,
        verdict: Verdict,
    ) -> &mut CaseResult {
        let index = self.results.len();
        let case = CaseInfo {
            index,
            image: image.into(),
            check: check.into(),
            place: self.place(place),
            inherited_from: None,
            kind: "run",
            tags: Vec::new(),
            xfail: None,
            fingerprint: None,
        };
        self.results.push(CaseResult {
            case: Arc::new(case),
            verdict,
            xfailed: false,
            worker: Some(index % 4),
            offset: Duration::from_millis(40 * index as u64),
            duration: Duration::from_micros(210_400 + 7_000 * index as u64),
            stdout: None,
            stderr: None,
            reproduce: None,
            cached: None,
            earlier: Vec::new(),
        });
        self.results.last_mut().unwrap()
    }
}

fn reproduce(rest: &str) -> String {
    let image = "ghcr.io/example/samtools-cloud:2026-10-01";
    format!(
        "docker run --rm --network none {}",
        rest.replace("IMAGE", image)
    )
}

fn results() -> Vec<CaseResult> {
    let mut run = Run {
        spec: Source::new("test-specs/samtools-cloud.yaml", SPEC),
        results: Vec::new(),
    };

    let passed = run.check(
        "sv-base-mini",
        "samtools reports the pinned version",
        "name: samtools",
        Verdict::Passed,
    );
    passed.stdout = Some(Captured::whole("samtools 1.16.1\nUsing htslib 1.16\n"));
    passed.stderr = Some(Captured::default());

    let skipped = Verdict::Skipped("needs the embedded engine".into());
    run.check("sv-base-mini", "conda is there", "name: conda", skipped)
        .duration = Duration::ZERO;

    let findings = vec![
        run.finding(
            "0\n    stdout: |",
            "exit",
            "expected exit code 0, got 1",
            "",
        ),
        run.finding(
            "|\n      chr1",
            "stdout",
            "stdout differs from the expected text",
            "- chr1 248956422\n+ chr1 248956421\n  chr2 242193529\n",
        ),
        run.finding(
            "{empty: true}",
            "stderr",
            "expected nothing on stderr, got 2 lines",
            "",
        ),
    ];
    let failed = run.check(
        "samtools-cloud",
        "the reference is indexed",
        "name: the reference",
        Verdict::Failed(findings),
    );
    failed.stdout = Some(Captured::whole("chr1 248956421\nchr2 242193529\n"));
    failed.stderr = Some(Captured::whole(
        "\x1b[33m[W::fai_build_core]\x1b[0m\tThe index is older than the data\n[E::fai_load3] 50%\r100%\n",
    ));
    failed.reproduce = Some(reproduce("--entrypoint samtools IMAGE faidx /ref.fa"));

    let findings = vec![run.finding("run: conda", "exit", "expected exit code 0, got 127", "")];
    let missing = run.check(
        "samtools-cloud",
        "conda is there",
        "name: conda",
        Verdict::Failed(findings),
    );
    missing.stdout = Some(Captured::default());
    missing.stderr = Some(Captured::whole("/bin/sh: 1: conda: not found"));
    missing.reproduce = Some(reproduce("--entrypoint /bin/sh IMAGE -c 'conda --version'"));

    hostile(&mut run);

    run.check(
        "samtools-cloud",
        "größe μ 测试 <&\"'> ]]>",
        "name: größe",
        Verdict::Passed,
    )
    .cached = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_789_999_000));

    let findings = vec![run.finding("{lines: 1}", "stdout", "expected 1 line, got 40000", "")];
    let long = run.check(
        "samtools-cloud",
        "tells a long story",
        "name: tells",
        Verdict::Failed(findings),
    );
    let mut capture = Capture::new(40_000);
    for number in 1..=40_000 {
        capture.push(format!("line {number}\n").as_bytes());
    }
    long.stdout = Some(capture.finish());
    long.stderr = Some(Captured::default());

    let lost = Verdict::Error(Problem {
        kind: "engine",
        message: "the engine could not start the container: connection reset by peer".into(),
    });
    run.check(
        "samtools-cloud",
        "conda is there in good time",
        "name: conda",
        lost,
    );

    let lost = Verdict::Error(Problem {
        kind: "image",
        message: "no image `ghcr.io/example/sv-pipeline:2026-10-01` on the engine\nbuild it with: seatrial build sv-pipeline".into(),
    });
    run.check("sv-pipeline", "conda is there", "name: conda", lost)
        .duration = Duration::ZERO;
    run.results
}

fn hostile(run: &mut Run) {
    let findings = vec![run.finding(
        "fine",
        "stdout",
        "stdout differs from the expected text\n::error::injected by a message",
        "- fine\n+ \x1b[2J\u{202e}evil\r\n ::set-output name=x::y\n",
    )];
    let evil = run.check(
        "samtools-cloud",
        "keeps hostile output harmless",
        "name: keeps",
        Verdict::Failed(findings),
    );
    evil.stdout = Some(Captured::whole(
        &b"\x1b[2J\x1b[31mred\x1b[0m \0 \xff \xef\xbf\xbf\n  ::error file=a::b\n##[group]x ##vso[task.complete]\nsection_start:1:x\r\n]]></system-out><testcase name=\"forged\"/>\n\x1b]0;unterminated\n\n"[..],
    ));
    evil.stderr = Some(Captured::whole("a\tb\x07\u{9b}31m\nPASSED\n</failure>"));
    evil.reproduce = Some(reproduce("--entrypoint cat IMAGE /evil"));
}

/// The whole run; the verdicts come in another order than the plan's.
pub(super) fn events() -> Vec<Event> {
    let results: Vec<Arc<CaseResult>> = results().into_iter().map(Arc::new).collect();
    let started = results
        .iter()
        .map(|result| Event::CheckStarted(Arc::clone(&result.case)));
    let (early, late) = results.split_at(4);
    let finished = late
        .iter()
        .chain(early)
        .map(|result| Event::CheckFinished(Arc::clone(result)));
    std::iter::once(Event::RunStarted(Arc::new(start(&results))))
        .chain(started)
        .chain(finished)
        .chain([end(1_234)])
        .collect()
}

/// A run of three checks: one passes, one never ends, one never begins.
pub(super) fn broken_off() -> Vec<Event> {
    let results: Vec<_> = results().into_iter().map(Arc::new).take(3).collect();
    let (passed, unfinished) = (Arc::clone(&results[0]), &results[1]);
    vec![
        Event::RunStarted(Arc::new(start(&results))),
        Event::CheckStarted(Arc::clone(&passed.case)),
        Event::CheckStarted(Arc::clone(&unfinished.case)),
        Event::CheckFinished(passed),
        Event::RunFinished(Arc::new(RunEnd {
            duration: Duration::from_secs(125),
            stopped: Some(Stopped::Signal(15)),
            left_behind: Some("1 container could not be removed: seatrial clean".into()),
            missing: Vec::new(),
        })),
    ]
}

/// A run whose selection is empty.
pub(super) fn empty() -> Vec<Event> {
    let start = RunStart {
        images: Vec::new(),
        ..start(&[])
    };
    vec![Event::RunStarted(Arc::new(start)), end(0)]
}

/// The record of a run, as if a machine of a known name had done it.
pub(super) fn record(events: &[Event]) -> Record {
    let mut collector = Collector::new();
    for event in events {
        collector.take(event);
    }
    Record {
        hostname: Some("builder-7".into()),
        ..collector.record()
    }
}
