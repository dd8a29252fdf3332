//! What a text must be line by line.

use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, object, or_expression};
use serde_json::{Value, json};

object! {
    /// What the lines of a text must be. A final newline does not make a further line.
    pub struct LinesExpectation: "a `lines` expectation" {
        /// Exactly so many lines.
        optional count: Located<LineCount>,
        /// At least so many lines.
        optional min: Located<LineCount>,
        /// At most so many lines.
        optional max: Located<LineCount>,
        /// Exactly these lines, in this order.
        optional equals: Located<Vec<String>>,
        /// Exactly these lines, in any order, each as often as it stands here.
        optional any_order: Located<Vec<String>>,
        /// What every line must be; there must be one.
        optional each: TextExpectation,
        /// What the first line must be; there must be one.
        optional first: TextExpectation,
        /// What the last line must be; there must be one.
        optional last: TextExpectation,
    }
}

/// `lines: 3` is a number of lines, `lines: [a, b]` these very lines, a map everything else.
#[derive(Debug, Clone)]
pub struct Lines(pub Box<LinesExpectation>);

/// A number of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCount(pub u64);

const NOTHING: LinesExpectation = LinesExpectation {
    count: None,
    min: None,
    max: None,
    equals: None,
    any_order: None,
    each: None,
    first: None,
    last: None,
};

impl Decode for LineCount {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(count) => Some(Self(count)),
            None => context.mismatch(node, "a number of lines"),
        }
    }
}

impl Decode for Lines {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let before = context.count();
        let lines = match &node.kind {
            Kind::Scalar { .. } => LinesExpectation {
                count: Some(Located::decode(node, context)?),
                ..NOTHING
            },
            Kind::Sequence(_) => LinesExpectation {
                equals: Some(Located::decode(node, context)?),
                ..NOTHING
            },
            Kind::Mapping(_) => LinesExpectation::decode(node, context)?,
        };
        refuse(node, &lines, context.count() > before, context);
        (context.count() == before).then(|| Self(Box::new(lines)))
    }
}

/// What expects nothing, and what can't be.
fn refuse(node: &Node, lines: &LinesExpectation, has_mistakes: bool, context: &mut Context) {
    for list in [&lines.equals, &lines.any_order].into_iter().flatten() {
        if list.value.is_empty() {
            let message = "an empty list expects nothing";
            let help = "say `lines: 0` for a text without lines";
            context.report(Diagnostic::new(&list.place, message).help(help));
        }
        if let Some(line) = list.value.iter().find(|line| line.contains('\n')) {
            let message = format!("`{}` is more than one line", line.escape_debug());
            context.report(Diagnostic::new(&list.place, message));
        }
    }
    let (min, max) = (lines.min.as_ref(), lines.max.as_ref());
    if let Some(min) = min.filter(|min| min.value.0 == 0) {
        let message = "every text has at least 0 lines";
        context.report(Diagnostic::new(&min.place, message));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min.value.0 > max.value.0
    {
        context.report(Diagnostic::new(&min.place, "`min` is larger than `max`"));
    }
    if let Some(count) = &lines.count
        && (min.is_some() || max.is_some())
    {
        let message = "`count` leaves nothing to `min` and `max`";
        context.report(Diagnostic::new(&count.place, message));
    }
    let list = lines.equals.as_ref().or(lines.any_order.as_ref());
    if let (Some(list), Some(place)) = (list, bound(lines)) {
        let message = "the list says how many lines there are";
        context.report(Diagnostic::new(place, message).related(&list.place, "this list"));
    }
    if let (Some(_), Some(list)) = (&lines.equals, &lines.any_order) {
        let message = "`equals` leaves nothing to `any_order`";
        context.report(Diagnostic::new(&list.place, message));
    }
    if let Some(count) = lines
        .count
        .as_ref()
        .or(max)
        .filter(|most| most.value.0 == 0)
        && (lines.each.is_some() || lines.first.is_some() || lines.last.is_some())
    {
        let message = "`each`, `first` and `last` need a line";
        context.report(Diagnostic::new(&count.place, message));
    }
    let says_something = min.is_some()
        || max.is_some()
        || lines.count.is_some()
        || lines.equals.is_some()
        || lines.any_order.is_some()
        || lines.each.is_some()
        || lines.first.is_some()
        || lines.last.is_some();
    if !says_something && !has_mistakes {
        let help = "say `count`, `min`, `max`, `equals`, `any_order`, `each`, `first` or `last`";
        context.report(Diagnostic::new(&node.place, "this expects nothing").help(help));
    }
}

fn bound(lines: &LinesExpectation) -> Option<&Place> {
    let bounds = [&lines.count, &lines.min, &lines.max];
    bounds
        .into_iter()
        .flatten()
        .map(|bound| &bound.place)
        .next()
}

impl Describe for LineCount {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 0}))
    }
}

impl Describe for Lines {
    fn schema(definitions: &mut Definitions) -> Value {
        let mut map = LinesExpectation::schema(definitions);
        map["minProperties"] = json!(1);
        let count = LineCount::schema(definitions);
        let mut lines = Vec::<String>::schema(definitions);
        lines["minItems"] = json!(1);
        json!({"anyOf": [count, lines, map], "examples": [3, ["first", "second"], {"min": 1}]})
    }
}
