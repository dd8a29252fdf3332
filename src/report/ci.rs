//! What CI systems make of lines in a log: marks beside the code, and parts that fold.
//!
//! Only what is made here acts on them. All other text is broken in `text.rs`, so that no image
//! and no spec can give a command.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::ledger::Ledger;
use super::text::{one_line, terminal_text};
use crate::event::{CaseResult, RunEnd};
use crate::source::Place;
use crate::verdict::Verdict;

/// GitHub shows ten errors of a step and drops the others without a word.
const MOST: usize = 9;

/// The most characters of a message. GitHub takes 4 kB.
const LONGEST: usize = 3_000;

/// A system whose logs know more than text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions: errors beside the lines of a change.
    Github,
    /// GitLab CI: parts of the log that fold.
    Gitlab,
    /// Azure Pipelines: errors at the top of the job.
    Azure,
}

impl Ci {
    /// The system that this environment says it is.
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let says = |name: &str| env(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        match () {
            () if says("GITHUB_ACTIONS") => Some(Self::Github),
            () if says("GITLAB_CI") => Some(Self::Gitlab),
            () if says("TF_BUILD") => Some(Self::Azure),
            () => None,
        }
    }

    /// The failures of an image, as a part of the log that folds where there is such a thing.
    /// `number` tells the parts apart.
    pub(super) fn section(
        self,
        number: usize,
        image: &str,
        time: SystemTime,
        text: &str,
    ) -> String {
        if self != Self::Gitlab {
            return text.to_owned();
        }
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let time = since.unwrap_or_default().as_secs();
        let name = format!("seatrial_{number}");
        let title = one_line(image);
        format!(
            "\x1b[0Ksection_start:{time}:{name}\r\x1b[0Kwhat did not pass of {title}\n{text}\n\x1b[0Ksection_end:{time}:{name}\r\x1b[0K\n"
        )
    }

    /// A line for each check that did not pass, up to so many as are shown.
    pub(super) fn annotations(self, ledger: &Ledger, end: &RunEnd) -> String {
        if self == Self::Gitlab {
            return String::new();
        }
        let folder = ledger
            .start()
            .map(|start| start.folder.clone())
            .unwrap_or_default();
        let missing = end.missing.iter().map(|missing| self.line(None, missing));
        let bad = ledger.by_image();
        let bad = bad.iter().flat_map(|(_, results)| results);
        let mut lines: Vec<String> = missing
            .chain(bad.map(|it| self.annotation(it, &folder)))
            .collect();
        let more = lines.len().saturating_sub(MOST);
        if more > 0 {
            lines.truncate(MOST);
            let message =
                format!("{more} more did not pass; the log and the reports have them all");
            lines.push(self.line(None, &message));
        }
        lines.concat()
    }

    fn annotation(self, result: &CaseResult, folder: &Path) -> String {
        let mut place = &result.case.place;
        let mut message = String::new();
        match &result.verdict {
            Verdict::Failed(findings) => {
                if let Some(first) = findings.first() {
                    place = &first.place;
                }
                for finding in findings {
                    let _ = writeln!(message, "{}", finding.message);
                    if let Some(detail) = &finding.detail {
                        let _ = writeln!(message, "{}", detail.trim_end());
                    }
                }
            }
            Verdict::Error(problem) => message.push_str(&problem.message),
            Verdict::Passed | Verdict::Skipped(_) => {}
        }
        let path = folder.join(place.source().path());
        let file = one_line(path.to_string_lossy().as_bytes());
        self.line(
            Some((place, &file, &result.case.name())),
            message.trim_end(),
        )
    }

    /// One command. `about` is the place of a check, its file in the repository, and its name.
    fn line(self, about: Option<(&Place, &str, &str)>, message: &str) -> String {
        let message: String = terminal_text(message).chars().take(LONGEST).collect();
        match (self, about) {
            (Self::Azure, Some((place, file, name))) => format!(
                "##vso[task.logissue type=error;sourcepath={};linenumber={};columnnumber={}]{}\n",
                azure(file),
                place.line(),
                place.column(),
                azure(&format!("{}: {message}", one_line(name))),
            ),
            (Self::Azure, None) => format!("##vso[task.logissue type=error]{}\n", azure(&message)),
            (_, Some((place, file, name))) => format!(
                "::error file={},line={},col={},title={}::{}\n",
                github_property(file),
                place.line(),
                place.column(),
                github_property(&one_line(name)),
                github(&message),
            ),
            (_, None) => format!("::error title=seatrial::{}\n", github(&message)),
        }
    }
}

/// How long a part of the log stands for.
pub(super) fn end_of(started: Option<SystemTime>, duration: Duration) -> SystemTime {
    let started = started.unwrap_or(SystemTime::UNIX_EPOCH);
    started.checked_add(duration).unwrap_or(started)
}

fn github(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github(text).replace(':', "%3A").replace(',', "%2C")
}

fn azure(text: &str) -> String {
    let text = text.replace('%', "%AZP25").replace(';', "%3B");
    let text = text.replace('\r', "%0D").replace('\n', "%0A");
    text.replace(']', "%5D")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Event, Listener};
    use crate::report::text::nasty_bytes;
    use crate::report::{Console, ConsoleOptions, golden};

    fn log(ci: Ci, events: &[Event]) -> String {
        let options = ConsoleOptions {
            ci: Some(ci),
            ..ConsoleOptions::default()
        };
        let console = Console::new(Vec::new(), options);
        events.iter().for_each(|event| console.on(event));
        String::from_utf8(console.into_inner()).unwrap()
    }

    fn plain(events: &[Event]) -> String {
        let console = Console::new(Vec::new(), ConsoleOptions::default());
        events.iter().for_each(|event| console.on(event));
        String::from_utf8(console.into_inner()).unwrap()
    }

    #[test]
    fn github_and_azure_get_their_lines_after_everything_else() {
        let plain = plain(&golden::events());
        for (name, ci) in [("github", Ci::Github), ("azure", Ci::Azure)] {
            let log = log(ci, &golden::events());
            let lines = log.strip_prefix(&plain).unwrap();
            assert_eq!(lines.lines().count(), 6);
            assert_snapshot!(format!("annotations_{name}"), lines);
        }
    }

    #[test]
    fn a_log_of_gitlab_folds_by_image() {
        let log = log(Ci::Gitlab, &golden::events());
        let marks: Vec<String> = log
            .lines()
            .filter(|line| line.contains("section_"))
            .map(|line| line.escape_debug().to_string())
            .collect();
        assert_eq!(
            marks,
            [
                r"\u{1b}[0Ksection_start:1790000001:seatrial_0\r\u{1b}[0Kwhat did not pass of samtools-cloud",
                r"\u{1b}[0Ksection_end:1790000001:seatrial_0\r\u{1b}[0K",
                r"\u{1b}[0Ksection_start:1790000001:seatrial_1\r\u{1b}[0Kwhat did not pass of sv-pipeline",
                r"\u{1b}[0Ksection_end:1790000001:seatrial_1\r\u{1b}[0K",
            ]
        );
    }

    #[test]
    fn what_means_something_in_a_command_is_escaped() {
        assert_eq!(github("50%\r\na:b,c"), "50%25%0D%0Aa:b,c");
        assert_eq!(github_property("50%\na:b,c"), "50%25%0Aa%3Ab%2Cc");
        assert_eq!(azure("50%;a]\r\nb"), "50%AZP25%3Ba%5D%0D%0Ab");
    }

    #[test]
    fn no_more_than_are_shown() {
        let mut ledger = Ledger::new(super::super::ledger::Keep::Bad);
        for number in 0..12 {
            for event in golden::events() {
                let Event::CheckFinished(result) = event else {
                    continue;
                };
                if number == 0 || result.verdict.is_bad() {
                    ledger.take(&Event::CheckFinished(result));
                }
            }
        }
        let end = RunEnd {
            duration: Duration::ZERO,
            stopped: None,
            left_behind: None,
            missing: vec!["shard 2 is missing".into()],
        };
        for ci in [Ci::Github, Ci::Azure] {
            let lines = ci.annotations(&ledger, &end);
            assert_eq!(lines.lines().count(), 10);
            assert!(
                lines
                    .lines()
                    .next()
                    .unwrap()
                    .ends_with("shard 2 is missing")
            );
            let last = lines.lines().last().unwrap();
            assert!(last.contains("64 more did not pass"), "{last}");
        }
    }

    #[test]
    fn the_system_is_the_one_that_says_so() {
        for (name, value, found) in [
            ("GITHUB_ACTIONS", "true", Some(Ci::Github)),
            ("GITLAB_CI", "true", Some(Ci::Gitlab)),
            ("TF_BUILD", "True", Some(Ci::Azure)),
            ("GITHUB_ACTIONS", "", None),
            ("CI", "true", None),
        ] {
            let env = |asked: &str| (asked == name).then(|| value.to_owned());
            assert_eq!(Ci::detect(&env), found, "{name}={value}");
        }
    }

    proptest! {
        #[test]
        fn only_our_own_commands_are_in_a_log(bytes in nasty_bytes()) {
            let mut events = golden::events();
            for event in &mut events {
                if let Event::CheckFinished(result) = event {
                    let case = &result.case;
                    let case = crate::event::CaseInfo {
                        index: case.index,
                        image: case.image.clone(),
                        check: String::from_utf8_lossy(&bytes).into_owned(),
                        place: case.place.clone(),
                        inherited_from: None,
                        kind: case.kind,
                        tags: Vec::new(),
                        xfail: None,
                        fingerprint: None,
                    };
                    *result = std::sync::Arc::new(CaseResult {
                        case: std::sync::Arc::new(case),
                        verdict: Verdict::Error(crate::verdict::Problem {
                            kind: "engine",
                            message: String::from_utf8_lossy(&bytes).into_owned(),
                        }),
                        xfailed: false,
                        worker: None,
                        offset: Duration::ZERO,
                        duration: Duration::ZERO,
                        stdout: Some(crate::engine::Captured::whole(bytes.clone())),
                        stderr: None,
                        reproduce: None,
                        cached: None,
                        earlier: Vec::new(),
                    });
                }
            }
            for (ci, start) in [(Ci::Github, "::error "), (Ci::Azure, "##vso[task.logissue type=error")] {
                let log = log(ci, &events);
                let (ours, others): (Vec<&str>, Vec<&str>) =
                    log.split('\n').partition(|line| line.starts_with(start));
                prop_assert_eq!(ours.len(), 9);
                for line in others {
                    prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
                }
                prop_assert!(!log.contains("##["), "{log}");
                let azure = if ci == Ci::Azure { 9 } else { 0 };
                prop_assert_eq!(log.matches("##vso[").count(), azure, "{}", log);
                prop_assert!(!log.contains('\r'));
            }
        }
    }
}
