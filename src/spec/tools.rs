//! Presets that ask tools of the image what they are: `version` and `help`.

use serde_json::{Value, json};

use super::check::CheckKind;
use super::kind::{CheckType, Found, preset, with_container, with_settings};
use super::pin::Pin;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, OneOrMany, object};

/// `version`
pub(super) const VERSION_TYPE: CheckType = CheckType {
    key: "version",
    what: "a version check",
    read: |entries, defaults, context| {
        let (versions, settings) =
            with_container::<Versions>("version", entries, defaults, context)?;
        let found = versions.0.into_iter().map(|check| {
            let place = check.tool.name.place.clone();
            Found::at(place, CheckKind::Version(Box::new(check), settings.clone()))
        });
        Some(found.collect())
    },
    keys: |definitions| {
        let about = "Tools that must tell their version, and what that must be: a name, a list, or \
                     a map of names and versions. One check for each tool.";
        let own = preset::<Versions>("version", about, definitions);
        with_settings(vec![own], definitions)
    },
};

/// `help`
pub(super) const HELP_TYPE: CheckType = CheckType {
    key: "help",
    what: "a help check",
    read: |entries, defaults, context| {
        let (helps, settings) = with_container::<Helps>("help", entries, defaults, context)?;
        let found = helps.0.into_iter().map(|check| {
            let place = check.tool.name.place.clone();
            Found::at(place, CheckKind::Help(Box::new(check), settings.clone()))
        });
        Some(found.collect())
    },
    keys: |definitions| {
        let about = "Tools that must explain how they are used: a name, a list, or a map. One check \
                     for each tool.";
        let own = preset::<Helps>("help", about, definitions);
        with_settings(vec![own], definitions)
    },
};

/// A tool must tell its version.
#[derive(Debug, Clone)]
pub struct VersionCheck {
    /// The tool.
    pub tool: Tool,
    /// What the version must be; any will do if nothing is said.
    pub pin: Option<Located<Pin>>,
}

/// A tool must explain itself.
#[derive(Debug, Clone)]
pub struct HelpCheck {
    /// The tool.
    pub tool: Tool,
}

/// A program of the image, and how it is asked.
#[derive(Debug, Clone)]
pub struct Tool {
    /// What it is called.
    pub name: Located<String>,
    /// Program and arguments before those that ask.
    pub command: Vec<String>,
    /// The arguments that ask; the usual ones are tried if nothing is said.
    pub args: Option<Vec<String>>,
}

object! {
    /// How a tool is asked for its version, and what that must be.
    pub struct VersionEntry: "a tool" {
        /// What the version must be.
        optional is: Located<Pin>,
        /// Program and arguments, if that is not the name of the tool alone.
        optional run: Vec<String>,
        /// The arguments that ask for the version.
        optional args: Vec<String>,
    }
}

object! {
    /// How a tool is asked for its help.
    pub struct HelpEntry: "a tool" {
        /// Program and arguments, if that is not the name of the tool alone.
        optional run: Vec<String>,
        /// The arguments that ask for help.
        optional args: Vec<String>,
    }
}

/// The tools of a `version` preset.
#[derive(Debug, Clone)]
pub struct Versions(pub Vec<VersionCheck>);

/// The tools of a `help` preset.
#[derive(Debug, Clone)]
pub struct Helps(pub Vec<HelpCheck>);

impl Decode for Versions {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let checks = tools(node, context, |tool, value, context| {
            let Some(value) = value.filter(|value| !value.is_null()) else {
                return Some(VersionCheck { tool, pin: None });
            };
            match value.kind {
                Kind::Scalar { .. } if value.scalar() == Some("any") => {
                    Some(VersionCheck { tool, pin: None })
                }
                Kind::Scalar { .. } => {
                    let pin = Some(Located::decode(value, context)?);
                    Some(VersionCheck { tool, pin })
                }
                _ => {
                    let entry = VersionEntry::decode(value, context)?;
                    Some(VersionCheck {
                        tool: tool.asked(entry.run, entry.args, value, context)?,
                        pin: entry.is,
                    })
                }
            }
        });
        checks.map(Self)
    }
}

impl Decode for Helps {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let checks = tools(node, context, |tool, value, context| {
            let Some(value) = value.filter(|value| !value.is_null()) else {
                return Some(HelpCheck { tool });
            };
            let entry = HelpEntry::decode(value, context)?;
            let tool = tool.asked(entry.run, entry.args, value, context)?;
            Some(HelpCheck { tool })
        });
        checks.map(Self)
    }
}

/// One name, a list of names, or a map of names and what is said of them. Never empty.
fn tools<T>(
    node: &Node,
    context: &mut Context,
    read: impl Fn(Tool, Option<&Node>, &mut Context) -> Option<T>,
) -> Option<Vec<T>> {
    let pairs: Vec<(&Node, Option<&Node>)> = match &node.kind {
        Kind::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key, Some(value)))
            .collect(),
        Kind::Sequence(items) => items.iter().map(|item| (item, None)).collect(),
        Kind::Scalar { .. } => vec![(node, None)],
    };
    if pairs.is_empty() {
        context.report(Diagnostic::new(&node.place, "there is no tool here"));
        return None;
    }
    let checks: Vec<Option<T>> = pairs
        .into_iter()
        .map(|(name, value)| {
            let name = Located::<String>::decode(name, context)?;
            if name.trim().is_empty() {
                context.report(Diagnostic::new(&name.place, "there is no tool here"));
                return None;
            }
            let has_run = |(key, _): &(Node, Node)| key.scalar() == Some("run");
            let is_command = |value: &Node| match &value.kind {
                Kind::Mapping(entries) => entries.iter().any(has_run),
                _ => false,
            };
            if name.contains(char::is_whitespace) && !value.is_some_and(is_command) {
                let message = format!("`{}` is no name of a program", name.value);
                context.report(Diagnostic::new(&name.place, message).help(
                    "name the program alone; `{NAME: {run: [PROGRAM, …], args: […]}}` says how \
                     to ask it",
                ));
                return None;
            }
            let tool = Tool {
                command: vec![name.value.clone()],
                name,
                args: None,
            };
            read(tool, value, context)
        })
        .collect();
    checks.into_iter().collect()
}

impl Tool {
    fn asked(
        self,
        run: Option<Vec<String>>,
        args: Option<Vec<String>>,
        node: &Node,
        context: &mut Context,
    ) -> Option<Self> {
        let is_nothing =
            |run: &Vec<String>| run.first().is_none_or(|program| program.trim().is_empty());
        if run.as_ref().is_some_and(is_nothing) {
            context.report(Diagnostic::new(&node.place, "there is no command here"));
            return None;
        }
        Some(Self {
            command: run.unwrap_or(self.command),
            args,
            ..self
        })
    }
}

impl Describe for Versions {
    fn schema(definitions: &mut Definitions) -> Value {
        let pin = Pin::schema(definitions);
        let entry = VersionEntry::schema(definitions);
        let map = json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [pin, entry, {"type": "null"}]},
        });
        let names = OneOrMany::<String>::schema(definitions);
        json!({
            "anyOf": [names, map],
            "examples": [{"samtools": ">=1.16", "bwa": "any"}, ["samtools", "bwa"]],
        })
    }
}

impl Describe for Helps {
    fn schema(definitions: &mut Definitions) -> Value {
        let entry = HelpEntry::schema(definitions);
        let map = json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [entry, {"type": "null"}]},
        });
        let names = OneOrMany::<String>::schema(definitions);
        json!({"anyOf": [names, map], "examples": [["samtools", "bwa"]]})
    }
}
