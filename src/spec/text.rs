//! What a text must be: the matchers that outputs, files and variables share.

use std::path::PathBuf;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::digest::Sha256Digest;
use super::json::{JsonExpectation, JsonRule};
use super::lines::Lines;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::version::VersionRequirement;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, OneOrMany, object};

/// All of these must hold for one text. Never empty.
#[derive(Debug, Clone)]
pub struct TextExpectation(pub Vec<Located<TextMatcher>>);

/// One thing that a text must be or must not be.
#[derive(Debug, Clone)]
pub enum TextMatcher {
    /// Exactly this, one final newline on either side aside.
    Equals(String),
    /// Exactly what this file of the project holds, one final newline on either side aside.
    EqualsFile(Located<PathBuf>),
    /// This stands somewhere in it.
    Contains(String),
    /// This stands nowhere in it.
    NotContains(String),
    /// The regular expression matches somewhere in it.
    Matches(Regex),
    /// The regular expression matches nowhere in it.
    NotMatches(Regex),
    /// What its lines are.
    Lines(Lines),
    /// Its bytes, with a final newline if there is one, have this digest.
    Sha256(Sha256Digest),
    /// It is JSON, and jq filters hold.
    Json(JsonExpectation),
    /// The first version in it fulfils this.
    Version(VersionRequirement),
    /// Whether it is empty.
    Empty(bool),
}

impl TextMatcher {
    /// Its key; a bare string is the same as `equals`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::EqualsFile(_) => "equals_file",
            Self::Contains(_) => "contains",
            Self::NotContains(_) => "not_contains",
            Self::Matches(_) => "matches",
            Self::NotMatches(_) => "not_matches",
            Self::Lines(_) => "lines",
            Self::Sha256(_) => "sha256",
            Self::Json(_) => "json",
            Self::Version(_) => "version",
            Self::Empty(_) => "empty",
        }
    }
}

impl TextExpectation {
    /// The files of the project that it is compared with, wherever in it they stand.
    pub fn host_files(&self) -> impl Iterator<Item = &Located<PathBuf>> {
        let mut files = Vec::new();
        self.collect_host_files(&mut files);
        files.into_iter()
    }

    fn collect_host_files<'a>(&'a self, files: &mut Vec<&'a Located<PathBuf>>) {
        for matcher in &self.0 {
            match &matcher.value {
                TextMatcher::EqualsFile(path) => files.push(path),
                TextMatcher::Lines(Lines(lines)) => {
                    for inner in [&lines.each, &lines.first, &lines.last] {
                        inner
                            .iter()
                            .for_each(|inner| inner.collect_host_files(files));
                    }
                }
                TextMatcher::Json(JsonExpectation(rules)) => {
                    for rule in rules {
                        if let JsonRule::Gives(_, inner) = rule {
                            inner.collect_host_files(files);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

const MATCHERS: &str = "say what the text must be: `equals`, `equals_file`, `contains`, \
                        `not_contains`, `matches`, `not_matches`, `lines`, `sha256`, `json`, \
                        `version` or `empty`";

impl Decode for TextExpectation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { .. } => {
                let text = String::decode(node, context)?;
                let matcher = TextMatcher::Equals(text);
                Some(Self(vec![Located::new(matcher, node.place.clone())]))
            }
            Kind::Mapping(_) => matchers(node, context).map(Self),
            Kind::Sequence(items) if items.is_empty() => {
                let message = "an empty list expects nothing";
                context.report(
                    Diagnostic::new(&node.place, message)
                        .help("say `{empty: true}` for a text that must be empty"),
                );
                None
            }
            Kind::Sequence(items) => {
                let all: Vec<_> = items
                    .iter()
                    .map(|item| Self::decode(item, context))
                    .collect();
                let all: Vec<Self> = all.into_iter().collect::<Option<_>>()?;
                Some(Self(all.into_iter().flat_map(|one| one.0).collect()))
            }
        }
    }
}

object! {
    /// What a text must be. Of several matchers all must hold, and of several values of one too.
    pub struct TextMatchers: "a text expectation" {
        /// Exactly this, one final newline on either side aside.
        optional equals: OneOrMany<Located<String>>,
        /// Exactly what this file of the project holds, one final newline on either side aside.
        optional equals_file: OneOrMany<Located<String>>,
        /// This stands somewhere in it.
        optional contains: OneOrMany<Located<String>>,
        /// This stands nowhere in it.
        optional not_contains: OneOrMany<Located<String>>,
        /// The regular expression matches somewhere in it; `^` and `$` are the borders of lines.
        optional matches: OneOrMany<Located<Pattern>>,
        /// The regular expression matches nowhere in it.
        optional not_matches: OneOrMany<Located<Pattern>>,
        /// What its lines are: how many, these very ones in order, or more in a map.
        optional lines: Located<Lines>,
        /// The SHA-256 digest of its bytes, with a final newline if there is one.
        optional sha256: Located<Sha256Digest>,
        /// It is JSON, and these jq filters hold for it.
        optional json: Located<JsonExpectation>,
        /// What the first version in it must be, such as `>=1.16, <2`.
        optional version: OneOrMany<Located<VersionRequirement>>,
        /// Whether it is empty.
        optional empty: Located<bool>,
    }
}

fn matchers(node: &Node, context: &mut Context) -> Option<Vec<Located<TextMatcher>>> {
    let before = context.count();
    let keys = TextMatchers::decode(node, context)?;
    let mut found = Vec::new();
    let mut add = |place: Place, matcher| found.push(Located::new(matcher, place));

    for text in all(keys.equals) {
        add(text.place, TextMatcher::Equals(text.value));
    }
    for text in all(keys.equals_file) {
        if text.value.is_empty() {
            context.report(Diagnostic::new(&text.place, "this names no file"));
        }
        let path = Located::new(PathBuf::from(text.value), text.place.clone());
        add(text.place, TextMatcher::EqualsFile(path));
    }
    for text in all(keys.contains) {
        refuse_empty(&text, context);
        add(text.place, TextMatcher::Contains(text.value));
    }
    for text in all(keys.not_contains) {
        refuse_empty(&text, context);
        add(text.place, TextMatcher::NotContains(text.value));
    }
    for pattern in all(keys.matches) {
        refuse_any(&pattern, context);
        add(pattern.place, TextMatcher::Matches(pattern.value.0));
    }
    for pattern in all(keys.not_matches) {
        refuse_any(&pattern, context);
        add(pattern.place, TextMatcher::NotMatches(pattern.value.0));
    }
    if let Some(lines) = keys.lines {
        add(lines.place, TextMatcher::Lines(lines.value));
    }
    if let Some(digest) = keys.sha256 {
        add(digest.place, TextMatcher::Sha256(digest.value));
    }
    if let Some(json) = keys.json {
        add(json.place, TextMatcher::Json(json.value));
    }
    for requirement in all(keys.version) {
        add(requirement.place, TextMatcher::Version(requirement.value));
    }
    if let Some(empty) = keys.empty {
        add(empty.place, TextMatcher::Empty(empty.value));
    }
    if found.is_empty() && context.count() == before {
        context.report(Diagnostic::new(&node.place, "this expects nothing").help(MATCHERS));
    }
    refuse_contradictions(&found, context);
    (context.count() == before).then_some(found)
}

fn all<T>(many: Option<OneOrMany<T>>) -> Vec<T> {
    many.map(|many| many.0).unwrap_or_default()
}

/// Every text contains the empty text: such an expectation can't fail, or can't hold.
fn refuse_empty(text: &Located<String>, context: &mut Context) {
    if text.value.is_empty() {
        context.report(
            Diagnostic::new(&text.place, "every text contains the empty text")
                .help("say `empty: true` or `empty: false`"),
        );
    }
}

/// The same of regular expressions: one that matches nothing at all, one long line of all signs and
/// each of these by itself leaves out no text that people think of.
fn refuse_any(pattern: &Located<Pattern>, context: &mut Context) {
    let signs = || (' '..='~').chain(['é', '€', '😀']);
    let line: String = std::iter::repeat_n((), 100)
        .flat_map(|()| signs())
        .collect();
    let is_match = |text: &str| pattern.0.is_match(text.as_bytes());
    if is_match("")
        && is_match(&line)
        && signs().all(|sign| is_match(sign.encode_utf8(&mut [0; 4])))
    {
        let message = "this regular expression matches every text";
        context.report(
            Diagnostic::new(&pattern.place, message).help("say `empty: true` or `empty: false`"),
        );
    }
}

/// Matchers of which only one can hold.
fn refuse_contradictions(found: &[Located<TextMatcher>], context: &mut Context) {
    let mut equals = found.iter().filter_map(|matcher| match &matcher.value {
        TextMatcher::Equals(text) => Some((text.strip_suffix('\n').unwrap_or(text), matcher)),
        _ => None,
    });
    if let Some((first, _)) = equals.next()
        && let Some((_, other)) = equals.find(|(text, _)| *text != first)
    {
        let message = "a text can't equal both of two texts";
        let help = "`contains` wants several texts in one";
        context.report(Diagnostic::new(&other.place, message).help(help));
    }
    for matcher in found {
        match &matcher.value {
            TextMatcher::NotContains(unwanted) => {
                let both = |other: &&Located<TextMatcher>| matches!(&other.value, TextMatcher::Contains(wanted) if wanted.contains(unwanted));
                if let Some(other) = found.iter().find(both) {
                    let message = "`contains` wants what `not_contains` refuses";
                    context.report(
                        Diagnostic::new(&matcher.place, message)
                            .related(&other.place, "wanted here"),
                    );
                }
            }
            TextMatcher::Empty(true) if found.len() > 1 => {
                let message = "`empty: true` leaves nothing to other matchers";
                context.report(Diagnostic::new(&matcher.place, message));
            }
            _ => {}
        }
    }
}

/// A regular expression. `^` and `$` stand for the borders of lines, as in grep; the rest is the
/// regex crate's default.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl Decode for Pattern {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let pattern = String::decode(node, context)?;
        match RegexBuilder::new(&pattern).multi_line(true).build() {
            Ok(regex) => Some(Self(regex)),
            Err(error) => {
                let reason = error.to_string();
                let last = reason.lines().last().unwrap_or("").trim();
                let last = last.strip_prefix("error: ").unwrap_or(last);
                context.report(
                    Diagnostic::new(&node.place, format!("not a regular expression: {last}"))
                        .help("for a literal text use `contains` instead"),
                );
                None
            }
        }
    }
}

impl Describe for Pattern {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": ["string", "number"]})
    }
}

impl Describe for TextExpectation {
    fn schema(definitions: &mut Definitions) -> Value {
        definitions.refer("TextExpectation", |definitions| {
            let text = String::schema(definitions);
            let mut map = TextMatchers::schema(definitions);
            map["minProperties"] = json!(1);
            json!({
                "description": "What a text must be: exactly this text, matchers, or a list of \
                    both that must all hold.",
                "examples": ["exactly this", {"contains": "PASS"}, {"version": ">=1.16, <2"}],
                "anyOf": [text, map, {
                    "type": "array",
                    "minItems": 1,
                    "items": {"$ref": "#/$defs/TextExpectation"},
                }],
            })
        })
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
