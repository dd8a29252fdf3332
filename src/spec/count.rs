//! How many of something there must be.

use crate::diagnostic::Diagnostic;
use crate::source::Place;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, object, or_expression};
use serde_json::{Value, json};

/// A number, or bounds of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// At least this many.
    pub min: Option<u64>,
    /// At most this many.
    pub max: Option<u64>,
}

/// A whole number that is not negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Natural(pub u64);

impl Decode for Natural {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(number) => Some(Self(number)),
            None => context.mismatch(node, "a whole number from 0"),
        }
    }
}

object! {
    /// The least and the most that a number may be.
    struct Bounds: "a count" {
        /// At least this many.
        optional min: Natural,
        /// At most this many.
        optional max: Natural,
    }
}

impl Count {
    /// Joins two bounds, unless they say nothing or can't hold.
    pub(super) fn bounds(
        min: Option<u64>,
        max: Option<u64>,
        place: &Place,
        context: &mut Context,
    ) -> Option<Self> {
        if min.is_none() && max.is_none() || min == Some(0) && max.is_none() {
            let help = "say a number, or at least 1 with `min`, or a `max`";
            context.report(Diagnostic::new(place, "this expects nothing").help(help));
            return None;
        }
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            context.report(Diagnostic::new(place, "`min` is larger than `max`"));
            return None;
        }
        Some(Self { min, max })
    }

    /// Whether `count` is within the bounds.
    pub fn allows(&self, count: u64) -> bool {
        self.min.is_none_or(|min| count >= min) && self.max.is_none_or(|max| count <= max)
    }

    /// The bounds in words, of things with a name: `exactly 2 paths`, `at least 1 path`,
    /// `no path`.
    pub fn describe(&self, thing: &str) -> String {
        let (bounds, last) = match (self.min, self.max) {
            (None | Some(0), Some(0)) => ("no".to_owned(), 1),
            (Some(min), Some(max)) if min == max => (format!("exactly {min}"), min),
            (Some(min), Some(max)) => (format!("{min} to {max}"), max),
            (Some(min), None) => (format!("at least {min}"), min),
            (None, Some(max)) => (format!("at most {max}"), max),
            (None, None) => ("any number of".to_owned(), 0),
        };
        let plural = if last == 1 { "" } else { "s" };
        format!("{bounds} {thing}{plural}")
    }
}

impl Decode for Count {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.kind {
            Kind::Scalar { .. } => Natural::decode(node, context).map(|Natural(number)| Self {
                min: Some(number),
                max: Some(number),
            }),
            Kind::Sequence(_) => context.mismatch(node, "a number, or a map such as `{max: 9}`"),
            Kind::Mapping(_) => {
                let before = context.count();
                let found = Bounds::decode(node, context)?;
                if context.count() > before {
                    return None;
                }
                let (min, max) = (found.min.map(|n| n.0), found.max.map(|n| n.0));
                Self::bounds(min, max, &node.place, context)
            }
        }
    }
}

impl Describe for Natural {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 0}))
    }
}

impl Describe for Count {
    fn schema(definitions: &mut Definitions) -> Value {
        let bounds = Bounds::schema(definitions);
        json!({"anyOf": [Natural::schema(definitions), bounds], "examples": [2, {"min": 1}]})
    }
}
