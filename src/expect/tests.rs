//! Matchers as specs say them, against texts: what the tests of each matcher share.

use std::io::Write;

use super::{Subject, judge};
use crate::engine::{Capture, Captured};
use crate::source::Source;
use crate::spec::TextExpectation;
use crate::yaml::{Context, Decode, parse};

/// Judges `text` by `matcher`, YAML; findings and problems come as people read them.
#[track_caller]
pub(super) fn judged(matcher: &str, text: &str) -> Result<(), String> {
    told(matcher, &Captured::whole(text))
}

/// The same with a text of which only the ends were kept: 16 bytes each, 4 of a short one.
#[track_caller]
pub(super) fn cut(matcher: &str, text: &str) -> Result<(), String> {
    let mut capture = Capture::new(if text.len() < 64 { 4 } else { 16 });
    capture.push(text.as_bytes());
    let captured = capture.finish();
    assert!(captured.omitted() > 0, "{text} was kept whole");
    told(matcher, &captured)
}

#[track_caller]
pub(super) fn told(matcher: &str, text: &Captured) -> Result<(), String> {
    let expected = read(matcher).unwrap_or_else(|told| panic!("{told}"));
    let root = tempfile::tempdir().unwrap();
    let mut golden = std::fs::File::create(root.path().join("four.txt")).unwrap();
    golden.write_all(b"4\n").unwrap();
    let subject = Subject {
        kind: "stdout",
        name: "stdout",
        root: root.path(),
    };
    match judge(subject, &expected, text) {
        Ok(findings) if findings.is_empty() => Ok(()),
        Ok(findings) => {
            let lines = findings.into_iter().map(|finding| {
                let detail = finding.detail.map(|detail| format!("\n{detail}"));
                let detail = detail.unwrap_or_default();
                format!("{}: {}{detail}", finding.place, finding.message)
            });
            Err(lines.collect::<Vec<_>>().join("\n"))
        }
        Err(problem) => Err(format!("undecided ({}): {}", problem.kind, problem.message)),
    }
}

/// Reads an expectation, or tells its mistakes.
pub(super) fn read(matcher: &str) -> Result<TextExpectation, String> {
    let source = Source::new("a.yaml", matcher);
    let node = parse(&source).map_err(|mistake| mistake.render(false))?;
    let mut context = Context::default();
    let expected = TextExpectation::decode(&node, &mut context);
    let mistakes = context.into_diagnostics();
    let mistakes: Vec<String> = mistakes
        .iter()
        .map(|mistake| mistake.render(false))
        .collect();
    expected.ok_or_else(|| mistakes.join("\n\n"))
}
