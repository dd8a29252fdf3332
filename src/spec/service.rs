//! Checks that start the image as the service it is, and ask it things.

use std::time::Duration;

use regex::bytes::Regex;
use serde_json::{Value, json};

use super::check::CheckKind;
use super::codes::{Port, Signal, Statuses};
use super::command::Command;
use super::exit::ExitExpectation;
use super::http::{self, HttpCheck, HttpRequest};
use super::kind::{CheckType, one, with_settings};
use super::run::{RunSettings, Stdin};
use super::text::{Pattern, TextExpectation};
use crate::diagnostic::Diagnostic;
use crate::engine::{Isolation, Network};
use crate::source::{Located, Place};
use crate::yaml::{
    Context, Decode, Definitions, Describe, Entries, Key, Keys, Kind, Node, OneOrMany, Pairs,
    object, object_schema,
};

/// `service`
pub(super) const TYPE: CheckType = CheckType {
    key: "service",
    what: "a service check",
    read: |entries, defaults, context| {
        let before = context.count();
        let service = ServiceCheck::take(entries, context);
        let own = RunSettings::take(entries, context);
        let (service, own) = (service?, own?);
        if context.count() > before {
            // A key that is misspelt may be all that is missing.
            return None;
        }
        own.validate(context);
        service.validate(&own, &defaults.settings, context);
        if context.count() > before {
            return None;
        }
        let settings = own.or(&defaults.settings);
        Some(one(CheckKind::Service(
            Box::new(service),
            Box::new(settings),
        )))
    },
    keys: |definitions| with_settings(ServiceCheck::keys(definitions), definitions),
};

object! {
    /// Starts the image and looks at it while it runs. Never expects nothing.
    pub struct ServiceCheck: "a service check" {
        /// What is started, and what is expected of it.
        required service: Located<Service>,
    }
}

object! {
    /// A service and what is expected of it.
    pub struct Service: "a service" {
        /// The arguments after the entrypoint, instead of the image's.
        optional command: Located<Command>,
        /// How it shows that it is up.
        optional ready: Located<Ready>,
        /// What it is asked when it is up, in this order.
        optional checks: Located<Vec<ServicePart>>,
        /// What it must have written when it has ended.
        optional logs: Located<Logs>,
        /// How it must end.
        optional stop: Located<Stop>,
    }
}

object! {
    /// How a service shows that it is up: all that is said must hold.
    pub struct Ready: "the readiness of a service" {
        /// It has written this.
        optional log: OneOrMany<Located<LogPattern>>,
        /// It listens on this port.
        optional port: OneOrMany<Located<Port>>,
        /// It answers this.
        optional http: OneOrMany<Located<ReadyHttp>>,
        /// The image's own health check succeeds.
        optional healthcheck: Located<bool>,
        /// How long all of it may take; 30 s unless said otherwise.
        optional within: Duration,
    }
}

object! {
    /// A request that is repeated until it is answered well.
    pub struct ReadyHttp: "a request" {
        /// Where it goes.
        required port: Located<Port>,
        /// The path; `/` unless said otherwise.
        optional path: Located<http::Path>,
        /// The status of the answer; 200 unless said otherwise.
        optional status: Located<Statuses>,
    }
}

object! {
    /// What a service must have written.
    pub struct Logs: "the logs of a service" {
        /// On its standard output.
        optional stdout: TextExpectation,
        /// On its standard error.
        optional stderr: TextExpectation,
    }
}

object! {
    /// How a service must end when it is told to.
    pub struct Stop: "the stop of a service" {
        /// What it is told with; the image's stop signal unless said otherwise.
        optional signal: Located<Signal>,
        /// How long it may take; 10 s unless said otherwise.
        optional within: Located<Duration>,
        /// What it must exit with; 0 unless said otherwise.
        optional exit: Located<ExitExpectation>,
    }
}

/// What a service writes when it is up, within one line.
#[derive(Debug, Clone)]
pub enum LogPattern {
    /// This text.
    Text(String),
    /// Something that this matches.
    Matches(Regex),
}

/// One thing that a service is asked.
#[derive(Debug, Clone)]
pub struct ServicePart {
    /// What messages call it.
    pub name: String,
    /// The question.
    pub question: Question,
}

/// What a service is asked.
#[derive(Debug, Clone)]
pub enum Question {
    /// An HTTP request.
    Http(Box<HttpCheck>),
    /// A command in its container.
    Exec(Box<ExecCheck>),
}

object! {
    /// Runs a command in the container of a service.
    pub struct ExecCheck: "a run check of a service" {
        /// The command.
        required run: Located<Command>,
        /// What it reads on its standard input.
        optional stdin: Located<Stdin>,
        /// What it must exit with; 0 unless said otherwise.
        optional exit: Located<ExitExpectation>,
        /// What it must write on its standard output.
        optional stdout: TextExpectation,
        /// What it must write on its standard error.
        optional stderr: TextExpectation,
        /// Variables in addition to the service's.
        optional env: Pairs<String>,
        /// User, and group after a colon, instead of the service's.
        optional user: String,
        /// Working directory instead of the service's.
        optional workdir: Located<String>,
        /// The time after which it has failed; 10 s unless said otherwise.
        optional timeout: Duration,
    }
}

impl ServiceCheck {
    /// Records what can't be, or proves nothing.
    pub(super) fn validate(
        &self,
        own: &RunSettings,
        defaults: &RunSettings,
        context: &mut Context,
    ) {
        let service = &self.service;
        service.refuse_empty_parts(context);
        let has_checks = service.checks.is_some();
        if service.ready.is_none() && !has_checks {
            let (message, help) = match &service.stop {
                Some(_) => (
                    "a signal that comes before the service is up proves nothing",
                    "say with `ready` when it is up",
                ),
                None => (
                    "this expects nothing of the service",
                    "say with `ready` when it is up, and with `checks` what it must answer",
                ),
            };
            let place = service
                .stop
                .as_ref()
                .map_or(&service.place, |stop| &stop.place);
            context.report(Diagnostic::new(&first_line(place), message).help(help));
        }
        if own.isolation == Some(Isolation::Shared) {
            let message = "a service has a container of its own";
            let place = first_line(&service.place);
            context.report(Diagnostic::new(&place, message).help("leave out `isolation: shared`"));
        }
        if own.network.or(defaults.network) == Some(Network::None)
            && let Some(port) = self.asked_ports().next()
        {
            context.report(
                Diagnostic::new(&port.place, "without a network no port can be reached")
                    .help("say `network: bridge` in this check"),
            );
        }
        for part in service.checks.iter().flat_map(|checks| &checks.value) {
            if let Question::Exec(exec) = &part.question {
                exec.validate(context);
            }
        }
    }

    /// The ports that are asked.
    fn asked_ports(&self) -> impl Iterator<Item = &Located<Port>> {
        let ready = self.service.ready.as_ref();
        let listens = ready.and_then(|ready| ready.port.as_ref());
        let answers = ready.and_then(|ready| ready.http.as_ref());
        let answers = answers.into_iter().flat_map(|many| &many.0);
        listens
            .into_iter()
            .flat_map(|many| &many.0)
            .chain(answers.map(|request| &request.port))
            .chain(self.requests().map(|request| &request.port))
    }

    /// The requests of the checks.
    pub fn requests(&self) -> impl Iterator<Item = &Located<HttpRequest>> {
        let checks = self.service.checks.iter().flat_map(|checks| &checks.value);
        checks.filter_map(|part| match &part.question {
            Question::Http(http) => Some(&http.http),
            Question::Exec(_) => None,
        })
    }

    /// All ports that must be reachable from here, each once, in order.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.asked_ports().map(|port| port.value.0).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What is expected of texts.
    pub(super) fn texts(&self) -> Vec<&TextExpectation> {
        let checks = self.service.checks.iter().flat_map(|checks| &checks.value);
        let mut texts = Vec::new();
        for part in checks {
            match &part.question {
                Question::Http(http) => {
                    let headers = http.headers.iter().flat_map(|pairs| &pairs.value.0);
                    texts.extend(headers.map(|(_, text)| text).chain(&http.body));
                }
                Question::Exec(exec) => texts.extend(exec.stdout.iter().chain(&exec.stderr)),
            }
        }
        let logs = self.service.logs.iter();
        texts.extend(logs.flat_map(|logs| logs.value.stdout.iter().chain(&logs.value.stderr)));
        texts
    }

    /// The inputs of commands in its container.
    pub fn stdins(&self) -> impl Iterator<Item = &Located<Stdin>> {
        let checks = self.service.checks.iter().flat_map(|checks| &checks.value);
        checks.filter_map(|part| match &part.question {
            Question::Exec(exec) => exec.stdin.as_ref(),
            Question::Http(_) => None,
        })
    }
}

impl Service {
    /// Records the parts that are there and say nothing.
    fn refuse_empty_parts(&self, context: &mut Context) {
        if let Some(ready) = &self.ready {
            let never = ready.healthcheck.as_ref().filter(|health| !health.value);
            if let Some(health) = never {
                expects_nothing(&health.place, "leave it out", context);
            }
            let says_when = ready.log.is_some()
                || ready.port.is_some()
                || ready.http.is_some()
                || ready.healthcheck.is_some();
            if !says_when {
                expects_nothing(
                    &ready.place,
                    "a service is ready by `log`, `port`, `http` or `healthcheck`",
                    context,
                );
            }
        }
        if let Some(checks) = self.checks.as_ref().filter(|checks| checks.is_empty()) {
            expects_nothing(&checks.place, "leave it out", context);
        }
        for part in self.checks.iter().flat_map(|checks| &checks.value) {
            if let Question::Http(http) = &part.question
                && let Some(headers) = &http.headers
            {
                if headers.0.is_empty() {
                    expects_nothing(&headers.place, "leave it out", context);
                }
                http::validate_names(headers, context);
            }
        }
        if let Some(logs) = &self.logs
            && logs.stdout.is_none()
            && logs.stderr.is_none()
        {
            expects_nothing(&logs.place, "say `stdout`, `stderr` or both", context);
        }
    }
}

impl ExecCheck {
    fn validate(&self, context: &mut Context) {
        // The same rules as for the settings of a run check.
        RunSettings {
            env: self.env.clone(),
            workdir: self.workdir.clone(),
            ..RunSettings::EMPTY
        }
        .validate(context);
    }
}

impl Decode for ServicePart {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        const WHAT: &str = "a check of a service";
        let mut entries = Entries::new(node, WHAT, context)?;
        let name = entries.optional::<Located<String>>("name", context);
        let (question, what) = match (entries.has("http"), entries.has("run")) {
            (true, false) => {
                let http = HttpCheck::take(&mut entries, context);
                let question = http.map(|http| Question::Http(Box::new(http)));
                (question, "an http check of a service")
            }
            (false, true) => {
                let exec = ExecCheck::take(&mut entries, context);
                let question = exec.map(|exec| Question::Exec(Box::new(exec)));
                (question, "a run check of a service")
            }
            (both, _) => {
                let message = if both {
                    "this check is both `http` and `run`"
                } else {
                    "this check asks nothing of the service"
                };
                context.report(
                    Diagnostic::new(&first_line(&node.place), message)
                        .help("a check of a service has one of the keys http, run"),
                );
                return None;
            }
        };
        entries.finish(what, context);
        let (name, question) = (name?, question?);
        let name = match name {
            Some(name) if name.trim().is_empty() => {
                context.report(Diagnostic::new(&name.place, "a name can't be empty"));
                return None;
            }
            Some(name) => name.value,
            None => question.summary(),
        };
        let printable = name.chars().map(|c| if c.is_control() { ' ' } else { c });
        let name = printable.take(200).collect();
        Some(Self { name, question })
    }
}

impl Describe for ServicePart {
    fn schema(definitions: &mut Definitions) -> Value {
        let part = |about: &str, keys: Vec<Key>, definitions: &mut Definitions| {
            let name = Key {
                name: "name",
                description: "What messages call it.".to_owned(),
                is_required: false,
                schema: String::schema(definitions),
            };
            object_schema(about, &[vec![name], keys].concat())
        };
        let http = HttpCheck::keys(definitions);
        let http = part("An HTTP request and its answer.", http, definitions);
        let exec = ExecCheck::keys(definitions);
        let exec = part(
            "A command in the container of the service.",
            exec,
            definitions,
        );
        json!({"anyOf": [http, exec]})
    }
}

impl Question {
    fn summary(&self) -> String {
        match self {
            Self::Http(http) => http.http.summary(),
            Self::Exec(exec) => exec.run.summary(),
        }
    }
}

object! {
    /// The ways to say what a line of the log holds.
    pub struct LogKeys: "a line of the log" {
        /// This text.
        optional contains: Located<String>,
        /// Something that this regular expression matches.
        optional matches: Located<Pattern>,
    }
}

impl Decode for LogPattern {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = match &node.kind {
            Kind::Scalar { .. } => Located::<String>::decode(node, context)?,
            _ => {
                let before = context.count();
                let keys = LogKeys::decode(node, context)?;
                if context.count() > before {
                    return None;
                }
                match (keys.contains, keys.matches) {
                    (Some(text), None) => text,
                    (None, Some(pattern)) => return Some(Self::Matches(pattern.value.0)),
                    _ => return context.mismatch(node, "one of `contains` and `matches`"),
                }
            }
        };
        let problem = match text.value.as_str() {
            "" => "every text contains the empty text",
            text if text.contains('\n') => "what a service writes is read line by line",
            _ => return Some(Self::Text(text.value)),
        };
        context.report(Diagnostic::new(&text.place, problem));
        None
    }
}

impl Describe for LogPattern {
    fn schema(definitions: &mut Definitions) -> Value {
        let text = String::schema(definitions);
        json!({"anyOf": [text, LogKeys::schema(definitions)], "examples": ["ready to accept"]})
    }
}

fn expects_nothing(place: &Place, help: &str, context: &mut Context) {
    context.report(Diagnostic::new(&first_line(place), "this expects nothing").help(help));
}

fn first_line(place: &Place) -> Place {
    let start = place.range().start;
    let line = place.text().lines().next().unwrap_or("").trim_end();
    Place::new(place.source(), start..start + line.len())
}
