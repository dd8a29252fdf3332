//! The small values of service checks: ports, HTTP statuses, signals.

use serde_json::{Value, json};
use std::time::Duration;

use crate::yaml::{Context, Decode, Definitions, Describe, Node, OneOrMany, or_expression};

/// The HTTP statuses that an answer may have: `200` or `[200, 204]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(pub Vec<u16>);

impl Statuses {
    /// 200 and nothing else.
    pub fn ok() -> Self {
        Self(vec![200])
    }

    /// In words: `200`, `200 or 204`.
    pub fn describe(&self) -> String {
        either(&self.0)
    }
}

impl Decode for Statuses {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let statuses = OneOrMany::<Status>::decode(node, context)?.0;
        Some(Self(statuses.into_iter().map(|status| status.0).collect()))
    }
}

struct Status(u16);

impl Decode for Status {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(status) if (200..=599).contains(&status) => Some(Self(status)),
            _ => context.mismatch(node, "an HTTP status from 200 to 599"),
        }
    }
}

fn either<T: ToString>(numbers: &[T]) -> String {
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    words.join(" or ")
}

/// A TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port(pub u16);

impl Decode for Port {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(port) if port > 0 => Some(Self(port)),
            _ => context.mismatch(node, "a port from 1 to 65535"),
        }
    }
}

/// A signal by name, with `SIG` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal(pub String);

/// What may be sent to a process to end it, or to say something to it.
const SIGNALS: [&str; 13] = [
    "ABRT", "ALRM", "CONT", "HUP", "INT", "KILL", "PWR", "QUIT", "TERM", "USR1", "USR2", "WINCH",
    "URG",
];

impl Decode for Signal {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = node.scalar().unwrap_or_default();
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let real_time = ["RTMIN+", "RTMAX-"].iter().any(|prefix| {
            let number = name.strip_prefix(prefix).map(str::parse::<u8>);
            matches!(number, Some(Ok(0..=30)))
        });
        if SIGNALS.contains(&name) || real_time {
            return Some(Self(format!("SIG{name}")));
        }
        context.mismatch(node, "a signal such as `SIGTERM` or `SIGQUIT`")
    }
}

/// A duration as people write it: `30s`, `1m30s`, `500ms`.
pub fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    if !millis.is_multiple_of(1000) || millis == 0 {
        return format!("{duration:?}");
    }
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

impl Describe for Status {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 200, "maximum": 599}))
    }
}

impl Describe for Statuses {
    fn schema(definitions: &mut Definitions) -> Value {
        OneOrMany::<Status>::schema(definitions)
    }
}

impl Describe for Port {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 1, "maximum": 65535}))
    }
}

impl Describe for Signal {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": "string", "examples": ["SIGTERM", "SIGQUIT"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_as_they_are_written() {
        let table = [
            (500, "500ms"),
            (1500, "1.5s"),
            (30_000, "30s"),
            (60_000, "1m"),
            (90_000, "1m30s"),
        ];
        for (millis, text) in table {
            assert_eq!(shown(Duration::from_millis(millis)), text);
        }
    }
}
