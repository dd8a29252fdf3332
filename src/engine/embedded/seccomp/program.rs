//! The whole filter: architecture, number, arguments.

use super::assembler::{Assembler, Target};
use super::instruction::{
    ALLOW, ANY_BIT, ARCHITECTURE, ARGUMENT_HIGH, ARGUMENT_LOW, ENOSYS, EPERM, EQUAL, Instruction,
    KILL, NUMBER,
};
use super::machine::{Abi, Machine};
use super::profile::{Answer, FAMILIES, NAMESPACES, PERSONALITIES};
use super::rules::{Answers, answers, ranges};
use super::tree::{Leaf, search};
use crate::engine::embedded::capabilities::Capabilities;

const ALLOWED: Target = Target::Return(ALLOW);
const REFUSED: Target = Target::Return(EPERM);

/// The filter of a container whose processes can at most get these capabilities (its bounding
/// set, also when its user is not root), on a kernel of this version (major, minor).
///
/// `None` if we have no tables for the architecture of this machine: then Docker's policy can't be
/// kept, and no container may run without it. The same arguments always give the same program;
/// making it takes about half a millisecond, so keep it.
pub(crate) fn program(bounding: Capabilities, kernel: (u32, u32)) -> Option<Vec<Instruction>> {
    Machine::current().map(|machine| filter(machine, bounding, kernel))
}

/// The filter on any machine.
pub(super) fn filter(
    machine: Machine,
    bounding: Capabilities,
    kernel: (u32, u32),
) -> Vec<Instruction> {
    let answers = answers(machine, bounding, kernel);
    let mut program = Assembler::default();
    // Last first: what is not asked for yet is killed, as libseccomp has it.
    let mut other = Target::Return(KILL);
    let abis = machine.abis();
    let mut beyond = None;
    for (index, abi) in abis.iter().enumerate().rev() {
        let leaves = leaves(&mut program, abi, &answers, beyond.take());
        let found = search(&mut program, &leaves, abi.base);
        let is_beyond = index > 0 && abis[index - 1].architecture == abi.architecture;
        if is_beyond {
            beyond = Some((abi.base, found));
            continue;
        }
        let numbers = Target::At(program.load(NUMBER, found));
        let asked = program.test(EQUAL, abi.architecture, numbers, other);
        other = Target::At(asked);
    }
    program.load(ARCHITECTURE, other);
    program.finish()
}

/// Where the numbers of one ABI lead to. What asks for arguments is put into the program here.
/// `beyond` is what comes after its numbers: those of another ABI of the same architecture.
fn leaves(
    program: &mut Assembler,
    abi: &Abi,
    answers: &Answers,
    beyond: Option<(u32, Target)>,
) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = ranges(abi, answers)
        .into_iter()
        .map(|range| Leaf {
            start: range.start,
            target: match range.answer {
                Answer::Allow => ALLOWED,
                Answer::Refuse => REFUSED,
                Answer::Missing => Target::Return(ENOSYS),
                Answer::Clone => clone(program),
                Answer::Personality => personality(program, abi.wide),
                Answer::Socket => socket(program, abi.wide),
            },
        })
        .collect();
    leaves.extend(beyond.map(|(start, target)| Leaf { start, target }));
    leaves
}

/// None of the flags is in the upper half.
fn clone(program: &mut Assembler) -> Target {
    let test = program.test(ANY_BIT, NAMESPACES, REFUSED, ALLOWED);
    Target::At(program.load(ARGUMENT_LOW, Target::At(test)))
}

fn personality(program: &mut Assembler, wide: bool) -> Target {
    let low = one_of(program, &PERSONALITIES, ALLOWED, REFUSED);
    upper_half(program, wide, low, REFUSED)
}

/// The kernel does not look at the upper half. The profile does: with it the number is larger than
/// any family, and larger ones are allowed.
fn socket(program: &mut Assembler, wide: bool) -> Target {
    let low = one_of(program, &FAMILIES, REFUSED, ALLOWED);
    upper_half(program, wide, low, ALLOWED)
}

/// Whether the lower half of the first argument is one of these.
fn one_of(program: &mut Assembler, values: &[u32], yes: Target, no: Target) -> Target {
    let tests = values.iter().rev().fold(no, |next, value| {
        Target::At(program.test(EQUAL, *value, yes, next))
    });
    Target::At(program.load(ARGUMENT_LOW, tests))
}

/// Goes to `low` if there is no upper half or nothing in it, else to `high`.
fn upper_half(program: &mut Assembler, wide: bool, low: Target, high: Target) -> Target {
    if !wide {
        return low;
    }
    let test = program.test(EQUAL, 0, low, high);
    Target::At(program.load(ARGUMENT_HIGH, Target::At(test)))
}
