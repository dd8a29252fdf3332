//! The tests that find the range of a number with the fewest steps on average.

use std::ops::RangeInclusive;

use super::assembler::{Assembler, Target};
use super::instruction::{AT_LEAST, EQUAL};

/// Numbers that lead to the same place: from `start` up to the next leaf's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) start: u32,
    pub(super) target: Target,
}

/// Up to here numbers count as ones that are called, above it as ones that are not. The kernel
/// asks for each number that it has when it takes a filter, so they count alike.
const CALLED: u32 = 470;

/// How to go on among some of the leaves.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// There is one only.
    Arrived,
    /// Ask for the middle one of three, whose outer ones lead to the same place.
    Single,
    /// Ask whether the number is at least the start of this leaf.
    Halve(usize),
}

/// Puts the tests before all that is in the program. The number is loaded when they begin.
/// The leaves must be in order and cover all numbers that come here; `base` is where the numbers
/// begin that are called.
pub(super) fn search(program: &mut Assembler, leaves: &[Leaf], base: u32) -> Target {
    let tree = Tree::new(leaves, base);
    tree.emit(program, 0..=leaves.len() - 1)
}

/// The best steps for all runs of leaves, each at `first * count + last`.
struct Tree<'a> {
    leaves: &'a [Leaf],
    steps: Vec<Step>,
}

impl<'a> Tree<'a> {
    /// As Knuth's optimal search trees are made: what is best for a run is made of what is best for
    /// shorter ones, and where it is halved lies between where they are. With [`Step::Single`] that
    /// is not quite so any more, which costs next to nothing.
    fn new(leaves: &'a [Leaf], base: u32) -> Self {
        let count = leaves.len();
        let called = |leaf: usize| {
            let end = leaves.get(leaf + 1).map_or(u32::MAX, |next| next.start);
            let cut = |number: u32| number.clamp(base, base + CALLED);
            u64::from(cut(end) - cut(leaves[leaf].start))
        };
        // How many numbers are before each leaf.
        let mut before = vec![0];
        for leaf in 0..count {
            before.push(before[leaf] + called(leaf));
        }
        let mut steps = vec![Step::Arrived; count * count];
        let mut costs = vec![0; count * count];
        // Where each run is halved; a single leaf at itself.
        let mut halves: Vec<usize> = (0..count * count).map(|at| at / count).collect();
        for length in 2..=count {
            for first in 0..=count - length {
                let last = first + length - 1;
                let run = first * count + last;
                let cost = |middle: usize| {
                    costs[first * count + middle - 1] + costs[middle * count + last]
                };
                let mut half = halves[run - 1].max(first + 1);
                for middle in half + 1..=halves[run + count] {
                    if cost(middle) < cost(half) {
                        half = middle;
                    }
                }
                let (step, below) = if is_single(&leaves[first..=last]) {
                    (Step::Single, 0)
                } else {
                    (Step::Halve(half), cost(half))
                };
                halves[run] = half;
                costs[run] = before[last + 1] - before[first] + below;
                steps[run] = step;
            }
        }
        Self { leaves, steps }
    }

    fn emit(&self, program: &mut Assembler, run: RangeInclusive<usize>) -> Target {
        let (first, last) = (*run.start(), *run.end());
        match self.steps[first * self.leaves.len() + last] {
            Step::Arrived => self.leaves[first].target,
            Step::Single => {
                let middle = self.leaves[first + 1];
                let outer = self.leaves[first].target;
                Target::At(program.test(EQUAL, middle.start, middle.target, outer))
            }
            Step::Halve(middle) => {
                let yes = self.emit(program, middle..=last);
                let no = self.emit(program, first..=middle - 1);
                let start = self.leaves[middle].start;
                Target::At(program.test(AT_LEAST, start, yes, no))
            }
        }
    }
}

/// Whether these are one number with its own target within numbers that all have another.
fn is_single(leaves: &[Leaf]) -> bool {
    matches!(leaves, [before, middle, after]
        if before.target == after.target && after.start == middle.start + 1)
}
