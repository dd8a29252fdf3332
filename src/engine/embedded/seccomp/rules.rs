//! The answer for every number, as the rules in force and a table of calls give it.

use std::collections::HashMap;

use super::machine::{Abi, Machine};
use super::profile::{Answer, RULES, Rule, When};
use crate::engine::embedded::capabilities::Capabilities;

/// The calls that rules in force name, and their answers.
pub(super) type Answers = HashMap<&'static str, Answer>;

/// Numbers that follow each other and have the same answer: from `start` up to the next range's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) answer: Answer,
}

/// The rules that hold for a container with this bounding set on this machine and kernel.
pub(super) fn answers(machine: Machine, bounding: Capabilities, kernel: (u32, u32)) -> Answers {
    let holds = |rule: &&Rule| match rule.when {
        When::Always => true,
        When::Has(capability) => bounding.contains(capability),
        When::Lacks(capability) => !bounding.contains(capability),
        When::Since(least) => kernel >= least,
        When::On(named) => machine == named,
    };
    let mut answers = Answers::new();
    for rule in RULES.iter().filter(holds) {
        for call in rule.calls.split_ascii_whitespace() {
            let answer = answers.entry(call).or_insert(rule.answer);
            if rule.answer == Answer::Allow {
                *answer = Answer::Allow;
            }
        }
    }
    answers
}

/// All numbers of one way to call the kernel, from its base on, as ranges.
///
/// Numbers beyond all that a rule names get `ENOSYS`: that is what runc adds to every filter, so
/// that programs which try a newer call than the profile knows fall back to an older one. It
/// counts with the rules in force, not with all there are.
pub(super) fn ranges(abi: &Abi, answers: &Answers) -> Vec<Range> {
    let mut named: Vec<(u32, Answer)> = abi
        .calls()
        .filter_map(|(call, number)| Some((number, *answers.get(call)?)))
        .collect();
    // Two names of one number are two names of one rule.
    named.sort_by_key(|(number, _)| *number);
    let mut ranges = Vec::new();
    let mut next = 0;
    for (number, answer) in named {
        if number > next {
            push(&mut ranges, abi.base + next, Answer::Refuse);
        }
        push(&mut ranges, abi.base + number, answer);
        next = number + 1;
    }
    push(&mut ranges, abi.base + next, Answer::Missing);
    ranges
}

fn push(ranges: &mut Vec<Range>, start: u32, answer: Answer) {
    if ranges.last().is_none_or(|last| last.answer != answer) {
        ranges.push(Range { start, answer });
    }
}
