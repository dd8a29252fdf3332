//! Tools that are asked what they are.

use super::perform::Observation;
use super::process::process;
use super::reproduce;
use super::run::hint;
use crate::engine::{Captured, Ended, Engine, Image, Outcome, Process};
use crate::plan::Case;
use crate::source::Located;
use crate::spec::{HelpCheck, RunSettings, Tool, VersionCheck};
use crate::verdict::{Finding, Problem, Verdict};
use crate::version::{Version, find_version};

/// What tools take for "which version are you?"; some tell it in the help that they give of
/// themselves when they are called with nothing.
const VERSION: [&[&str]; 6] = [
    &["--version"],
    &["-version"],
    &["version"],
    &["-V"],
    &["-v"],
    &[],
];

/// What tools take for "how are you used?".
const HELP: [&[&str]; 4] = [&["--help"], &["-h"], &["help"], &[]];

/// The lines of an answer that are shown with a finding.
const SHOWN_LINES: usize = 3;

/// Asks a tool for its version.
pub(super) fn version(
    case: &Case,
    check: &VersionCheck,
    settings: &RunSettings,
    engine: &dyn Engine,
    image: &Image,
) -> Observation {
    let mut asking = Asking::new(case, &check.tool, settings, engine, image);
    let mut by_the_way = None;
    for args in asking.questions(&VERSION) {
        let answer = match asking.ask(args) {
            Ok(answer) => answer,
            Err(observation) => return *observation,
        };
        if answer.code == 0 {
            if let Some(version) = answer.version() {
                return asking.end(judge_version(check, &version, &answer), answer);
            }
        } else if by_the_way.is_none()
            && let Some(version) = answer.announced()
        {
            // Tools that end with 1 after they explained themselves; a better answer may follow.
            by_the_way = Some((version, answer.clone()));
        }
        asking.last = Some(answer);
    }
    match by_the_way {
        Some((version, answer)) => asking.end(judge_version(check, &version, &answer), answer),
        None => {
            let message = format!("{} told no version", check.tool.name.value);
            asking.give_up(&check.tool.name, "version", message)
        }
    }
}

fn judge_version(check: &VersionCheck, version: &Version, answer: &Answer) -> Verdict {
    let Some(pin) = check.pin.as_ref().filter(|pin| !pin.value.allows(version)) else {
        return Verdict::Passed;
    };
    let message = format!(
        "{} has version {version}, which is not {}",
        check.tool.name.value, pin.value
    );
    let mut finding = Finding::new(&pin.place, "version", message);
    finding.detail = Some(answer.shown());
    Verdict::Failed(vec![finding])
}

/// Asks a tool how it is used.
pub(super) fn help(
    case: &Case,
    check: &HelpCheck,
    settings: &RunSettings,
    engine: &dyn Engine,
    image: &Image,
) -> Observation {
    let mut asking = Asking::new(case, &check.tool, settings, engine, image);
    for args in asking.questions(&HELP) {
        let answer = match asking.ask(args) {
            Ok(answer) => answer,
            Err(observation) => return *observation,
        };
        if answer.explains() {
            return asking.end(Verdict::Passed, answer);
        }
        asking.last = Some(answer);
    }
    let message = format!("{} does not explain itself", check.tool.name.value);
    asking.give_up(&check.tool.name, "help", message)
}

/// A conversation with one tool.
struct Asking<'a> {
    case: &'a Case,
    tool: &'a Tool,
    settings: &'a RunSettings,
    engine: &'a dyn Engine,
    image: &'a Image,
    /// The questions that were asked.
    asked: Vec<String>,
    last: Option<Answer>,
}

/// What a tool said.
#[derive(Clone)]
struct Answer {
    code: i64,
    question: String,
    stdout: Captured,
    stderr: Captured,
    reproduce: String,
}

impl<'a> Asking<'a> {
    fn new(
        case: &'a Case,
        tool: &'a Tool,
        settings: &'a RunSettings,
        engine: &'a dyn Engine,
        image: &'a Image,
    ) -> Self {
        Self {
            case,
            tool,
            settings,
            engine,
            image,
            asked: Vec::new(),
            last: None,
        }
    }

    /// The arguments to try: those of the spec, or the usual ones.
    fn questions(&self, usual: &[&[&str]]) -> Vec<Vec<String>> {
        let usual = usual
            .iter()
            .map(|args| args.iter().map(ToString::to_string).collect());
        match &self.tool.args {
            Some(args) => vec![args.clone()],
            None => usual.collect(),
        }
    }

    /// Asks once. What ends the conversation is an error.
    fn ask(&mut self, args: Vec<String>) -> Result<Answer, Box<Observation>> {
        let mut argv = self.tool.command.clone();
        argv.extend(args);
        let question = argv.join(" ");
        self.asked.push(question.clone());
        let undecided = |problem: Problem| Box::new(Observation::undecided(problem));
        let process = process(self.case, self.settings, argv, None).map_err(undecided)?;
        let kind = &self.engine.info().kind;
        let reproduce = reproduce::run(kind, self.image, &process, None, &self.case.root);
        let outcome = self
            .engine
            .run(self.image, &process, None)
            .map_err(|error| undecided(error.into()))?;
        self.sound(outcome, &process, question, reproduce)
    }

    /// A tool that can't be run, hangs or crashes is asked nothing further.
    fn sound(
        &self,
        outcome: Outcome,
        process: &Process,
        question: String,
        reproduce: String,
    ) -> Result<Answer, Box<Observation>> {
        let (code, what) = match &outcome.ended {
            Ended::NotStarted { code, reason } => (
                *code,
                Some(format!("`{question}` could not be run ({code}): {reason}")),
            ),
            Ended::TimedOut => {
                let limit = process.timeout;
                (
                    -1,
                    Some(format!(
                        "`{question}` did not end within {limit:?} and was killed"
                    )),
                )
            }
            Ended::Exited {
                code,
                out_of_memory,
            } => {
                let what = match code {
                    _ if *out_of_memory => Some("ran out of memory".to_owned()),
                    // 127 is also what the loader says of a library that is not there.
                    126.. => Some(format!("ended with exit code {code}{}", hint(*code))),
                    _ => None,
                };
                (*code, what.map(|what| format!("`{question}` {what}")))
            }
        };
        let answer = Answer {
            code,
            question,
            stdout: outcome.stdout,
            stderr: outcome.stderr,
            reproduce,
        };
        match what {
            None => Ok(answer),
            Some(message) => {
                let finding = Finding::new(&self.tool.name.place, "exit", message);
                Err(Box::new(self.end(Verdict::Failed(vec![finding]), answer)))
            }
        }
    }

    fn end(&self, verdict: Verdict, answer: Answer) -> Observation {
        Observation {
            verdict,
            stdout: Some(answer.stdout),
            stderr: Some(answer.stderr),
            reproduce: Some(answer.reproduce),
        }
    }

    fn give_up(
        mut self,
        tool: &Located<String>,
        kind: &'static str,
        message: String,
    ) -> Observation {
        let mut finding = Finding::new(&tool.place, kind, message);
        let asked: Vec<String> = self.asked.iter().map(|line| format!("`{line}`")).collect();
        finding.detail = Some(format!(
            "asked: {}; `args` says how else to ask",
            asked.join(", ")
        ));
        let verdict = Verdict::Failed(vec![finding]);
        match self.last.take() {
            Some(answer) => self.end(verdict, answer),
            None => Observation {
                verdict,
                stdout: None,
                stderr: None,
                reproduce: None,
            },
        }
    }
}

impl Answer {
    fn texts(&self) -> [String; 2] {
        [&self.stdout, &self.stderr].map(|text| String::from_utf8_lossy(text.kept()).into_owned())
    }

    /// The first version in it, on the standard output before the standard error.
    fn version(&self) -> Option<Version> {
        let texts = self.texts();
        let mut found = texts.iter().filter_map(|text| find_version(text));
        found.next().map(|found| found.version)
    }

    /// The version on the first line that says that it tells one.
    fn announced(&self) -> Option<Version> {
        let texts = self.texts();
        let mut lines = texts.iter().flat_map(|text| text.lines());
        lines.find_map(|line| {
            let says = line.to_ascii_lowercase().contains("version");
            says.then(|| find_version(line))
                .flatten()
                .map(|found| found.version)
        })
    }

    /// Whether it explains how the tool is used, whatever the exit code.
    fn explains(&self) -> bool {
        let texts = self.texts();
        if texts.iter().all(|text| text.trim().is_empty()) {
            return false;
        }
        let speaks_of_use = |text: &String| {
            let text = text.to_ascii_lowercase();
            ["usage", "options", "commands", "synopsis"]
                .iter()
                .any(|word| text.contains(word))
        };
        self.code == 0 || texts.iter().any(speaks_of_use)
    }

    fn shown(&self) -> String {
        let texts = self.texts();
        let lines = texts.iter().flat_map(|text| text.lines());
        let lines: Vec<&str> = lines
            .filter(|line| !line.trim().is_empty())
            .take(SHOWN_LINES)
            .collect();
        format!("`{}` said:\n{}", self.question, lines.join("\n"))
    }
}
