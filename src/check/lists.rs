//! Lists of texts.

use crate::source::Place;
use crate::spec::ListExpectation;
use crate::verdict::Finding;

/// Whether the order of a list means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `[a, b]` is not `[b, a]`.
    Counts,
    /// A set.
    IsNothing,
}

/// Judges a list; `name` begins the messages.
pub(super) fn judge(
    kind: &'static str,
    name: &str,
    expected: &ListExpectation,
    actual: &[String],
    order: Order,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |place: &Place, message: String| {
        findings.push(Finding::new(place, kind, message));
    };
    let found = shown(actual);
    if let Some(list) = &expected.equals
        && !equal(&list.value, actual, order)
    {
        let wanted = shown(&list.value);
        add(
            &list.place,
            format!("{name} must be {wanted}, it is {found}"),
        );
    }
    for item in &expected.contains {
        if !actual.contains(&item.value) {
            let message = format!("{name} must contain {:?}, it is {found}", item.value);
            add(&item.place, message);
        }
    }
    for item in &expected.not_contains {
        if actual.contains(&item.value) {
            let message = format!("{name} must not contain {:?}, it is {found}", item.value);
            add(&item.place, message);
        }
    }
    if let Some(empty) = &expected.empty
        && empty.value != actual.is_empty()
    {
        let message = if empty.value {
            format!("{name} must be empty, it is {found}")
        } else {
            format!("{name} must not be empty")
        };
        add(&empty.place, message);
    }
    findings
}

fn equal(expected: &[String], actual: &[String], order: Order) -> bool {
    match order {
        Order::Counts => expected == actual,
        Order::IsNothing => {
            let all_in = |a: &[String], b: &[String]| a.iter().all(|item| b.contains(item));
            all_in(expected, actual) && all_in(actual, expected)
        }
    }
}

/// In exec form, so that `["a b"]` and `["a", "b"]` don't look the same.
fn shown(list: &[String]) -> String {
    if list.is_empty() {
        return "empty".to_owned();
    }
    let words: Vec<String> = list.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(", "))
}
