//! Asks a service what the spec wants to know of it.

use std::time::Duration;

use hyper::header::HeaderMap;

use super::attempt::{Attempt, Broken};
use super::http::{Answer, Failure, Request};
use crate::check::{process as processes, run};
use crate::engine::{Captured, Ended, Outcome, Process, Waited};
use crate::expect::{Subject, judge as judge_text};
use crate::spec::{
    ExecCheck, ExitExpectation, HttpCheck, Question, ServicePart, Statuses, TextExpectation,
};
use crate::verdict::Finding;

/// What an answer or a command may take when the spec says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much is shown of the body of an answer that is not the expected one.
const EXCERPT_LINES: usize = 5;
const EXCERPT_WIDTH: usize = 200;

impl Attempt<'_> {
    /// Asks everything, in order, for as long as the service is there.
    pub(super) fn ask(&mut self) -> Result<(), Broken> {
        let check = self.check;
        for part in check.service.checks.iter().flat_map(|parts| &parts.value) {
            self.in_time(&format!("`{}`", part.name))?;
            match &part.question {
                Question::Http(http) => self.request(part, http)?,
                Question::Exec(exec) => self.exec(part, exec)?,
            }
        }
        let found = self.findings.len();
        let place = &check.service.place;
        self.still_there(place, "while it was to go on", false, found)
    }

    fn request(&mut self, part: &ServicePart, check: &HttpCheck) -> Result<(), Broken> {
        let name = &part.name;
        let port = check.http.port.value.0;
        let ok = Statuses::ok();
        let (statuses, status_place) = match &check.status {
            Some(statuses) => (&statuses.value, &statuses.place),
            None => (&ok, &check.http.place),
        };
        let request = Request {
            address: self.running.address(port)?,
            port,
            method: check.http.method(),
            path: check.http.path(),
            headers: check
                .http
                .headers
                .as_ref()
                .map_or(&[], |headers| &headers.0),
            body: check.http.body.as_deref().unwrap_or_default(),
            statuses,
            wants_body: check.body.is_some(),
        };
        let (until, limit) = self.limit(check.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let mut answer = None;
        let work = async { answer = Some(request.send().await) };
        let waited = self.running.during(until, Box::pin(work))?;
        let mut place = &check.http.place;
        let message = match (waited, answer) {
            (Waited::Done, Some(Ok(answer))) if answer.is_expected => {
                self.judge_answer(name, check, &answer);
                return Ok(());
            }
            (Waited::Done, Some(Ok(answer))) => {
                let (expected, status) = (statuses.describe(), answer.status);
                // Its headers and body belong to another answer than the expected one.
                self.findings.push(Finding {
                    place: status_place.clone(),
                    kind: "http.status",
                    message: format!("{name}: status must be {expected}, it is {status}"),
                    detail: excerpt(&answer.body),
                    matcher: None,
                });
                return Ok(());
            }
            (Waited::Done, Some(Err(Failure::NotListening))) => {
                place = &check.http.port.place;
                format!("{name}: nothing listens on port {port}")
            }
            (Waited::Done, Some(Err(Failure::Broken(reason)))) => {
                format!("{name}: no answer: {reason}")
            }
            (Waited::TimedOut, _) => {
                let message = format!("{name}: no whole answer within {limit}");
                self.find(&check.http.place, "timeout", message);
                return Ok(());
            }
            (Waited::Ended(_) | Waited::Done, _) => format!("{name}: no answer"),
        };
        let before = self.findings.len();
        self.find(place, "http", message);
        self.still_there(place, &format!("when it was asked `{name}`"), true, before)
    }

    fn judge_answer(&mut self, name: &str, check: &HttpCheck, answer: &Answer) {
        for (header, expected) in check.headers.iter().flat_map(|pairs| &pairs.0) {
            let subject = format!("{name}: the header `{}`", header.value);
            match value(&answer.headers, &header.value) {
                Some(value) => self.text("http.headers", &subject, expected, &value),
                None => {
                    self.find(
                        &header.place,
                        "http.headers",
                        format!("{subject} is not there"),
                    );
                }
            }
        }
        if let Some(expected) = &check.body {
            let subject = format!("{name}: the body");
            self.text("http.body", &subject, expected, &answer.body);
        }
    }

    fn exec(&mut self, part: &ServicePart, check: &ExecCheck) -> Result<(), Broken> {
        let name = &part.name;
        let left = self
            .deadline
            .saturating_duration_since(std::time::Instant::now());
        let (_, limit) = self.limit(check.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let env = check.env.iter().flat_map(|pairs| &pairs.0);
        let process = Process {
            argv: check.run.value.argv(),
            env: env
                .map(|(name, value)| (name.value.clone(), value.clone()))
                .collect(),
            user: check.user.clone(),
            workdir: check.workdir.as_ref().map(|folder| folder.value.clone()),
            stdin: processes::stdin(self.case, check.stdin.as_ref())?,
            timeout: check.timeout.unwrap_or(DEFAULT_TIMEOUT).min(left),
            ..self.process.clone()
        };
        let outcome = match self.running.exec(&process) {
            Ok(outcome) => outcome,
            Err(error) => {
                // No command can be run in what has ended.
                let (place, found) = (&check.run.place, self.findings.len());
                let when = format!("before or while `{name}` ran");
                self.still_there(place, &when, true, found)?;
                return Err(error.into());
            }
        };
        if outcome.ended == Ended::TimedOut {
            let message = format!("{name}: did not end within {limit} and was killed");
            self.find(&check.run.place, "timeout", message);
            // The command goes with the container, and no other way.
            return Err(Broken::Found);
        }
        let before = self.findings.len();
        self.judge_outcome(name, check, &outcome);
        if self.findings.len() > before {
            let was_killed = matches!(outcome.ended, Ended::Exited { code: 137, .. });
            let when = format!("while `{name}` ran");
            self.still_there(&check.run.place, &when, was_killed, before)?;
        }
        Ok(())
    }

    fn judge_outcome(&mut self, name: &str, check: &ExecCheck, outcome: &Outcome) {
        let zero = ExitExpectation::Codes(vec![0]);
        let (expected, place) = match &check.exit {
            Some(codes) => (&codes.value, &codes.place),
            None => (&zero, &check.run.place),
        };
        if let Some(message) = run::wrong_exit(expected, &outcome.ended) {
            self.find(place, "exit", format!("{name}: {message}"));
        }
        let streams = [
            ("stdout", &check.stdout, &outcome.stdout),
            ("stderr", &check.stderr, &outcome.stderr),
        ];
        for (stream, expected, actual) in streams {
            if let Some(expected) = expected {
                self.text(stream, &format!("{name}: {stream}"), expected, actual);
            }
        }
    }

    /// Judges a text and records what comes of it.
    pub(super) fn text(
        &mut self,
        kind: &'static str,
        name: &str,
        expected: &TextExpectation,
        actual: &Captured,
    ) {
        let subject = Subject {
            kind,
            name,
            root: &self.case.root,
        };
        match judge_text(subject, expected, actual) {
            Ok(findings) => self.findings.extend(findings),
            Err(problem) => self.undecided = self.undecided.take().or(Some(problem)),
        }
    }
}

/// A header of an answer; one that comes several times is joined as HTTP says (RFC 9110, 5.2).
fn value(headers: &HeaderMap, name: &str) -> Option<Captured> {
    let mut values = headers.get_all(name).iter();
    let mut whole = values.next()?.as_bytes().to_vec();
    for value in values {
        whole.extend_from_slice(b", ");
        whole.extend_from_slice(value.as_bytes());
    }
    Some(Captured::whole(whole))
}

/// The first lines of an answer, for people.
fn excerpt(body: &Captured) -> Option<String> {
    let text = String::from_utf8_lossy(body.kept());
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.take(EXCERPT_LINES).map(|line| {
        let start: String = line.trim_end().chars().take(EXCERPT_WIDTH).collect();
        format!("| {start}")
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("its body begins:\n{}", lines.join("\n")))
}
