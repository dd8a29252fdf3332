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

/// Puts the tests before all that is in the program. The number is loaded when they begin.
/// The leaves must be in order and cover all numbers that come here; `base` is where the numbers
/// begin that are called.
pub(super) fn search(program: &mut Assembler, leaves: &[Leaf], base: u32) -> Target {
    let tree = Tree::new(leaves, base);
    tree.emit(program, 0..=leaves.len() - 1)
}

/// Where all runs of leaves are best halved, each at `first * count + last`.
struct Tree<'a> {
    leaves: &'a [Leaf],
    halves: Vec<u16>,
}

impl<'a> Tree<'a> {
    /// As Knuth's optimal search trees are made: what is best for a run is made of what is best for
    /// shorter ones, and where it is halved lies between where they are. With runs that need a single
    /// test that is not quite so any more, which costs next to nothing.
    fn new(leaves: &'a [Leaf], base: u32) -> Self {
        let count = leaves.len();
        let called = |leaf: usize| {
            let end = leaves.get(leaf + 1).map_or(u32::MAX, |next| next.start);
            let cut = |number: u32| number.clamp(base, base + CALLED);
            cut(end) - cut(leaves[leaf].start)
        };
        // How many numbers are before each leaf.
        let mut before = vec![0];
        for leaf in 0..count {
            before.push(before[leaf] + called(leaf));
        }
        // Small numbers: the tables are new memory, which takes longer to get than to fill. None is too
        // large for them, as there are no more leaves than numbers that are called.
        let mut costs: Vec<u32> = vec![0; count * count];
        let mut halves: Vec<u16> = vec![0; count * count];
        for leaf in 0..count {
            halves[leaf * count + leaf] = leaf as u16;
        }
        for length in 2..=count {
            for first in 0..=count - length {
                let last = first + length - 1;
                let run = first * count + last;
                let cost = |middle: usize| {
                    costs[first * count + middle - 1] + costs[middle * count + last]
                };
                let mut half = usize::from(halves[run - 1]).max(first + 1);
                for middle in half + 1..=usize::from(halves[run + count]) {
                    if cost(middle) < cost(half) {
                        half = middle;
                    }
                }
                let below = if is_single(&leaves[first..=last]) {
                    0
                } else {
                    cost(half)
                };
                halves[run] = half as u16;
                costs[run] = before[last + 1] - before[first] + below;
            }
        }
        Self { leaves, halves }
    }

    fn emit(&self, program: &mut Assembler, run: RangeInclusive<usize>) -> Target {
        let (first, last) = (*run.start(), *run.end());
        let outer = self.leaves[first].target;
        if first == last {
            return outer;
        }
        if is_single(&self.leaves[first..=last]) {
            let middle = self.leaves[first + 1];
            return Target::At(program.test(EQUAL, middle.start, middle.target, outer));
        }
        let middle = usize::from(self.halves[first * self.leaves.len() + last]);
        let yes = self.emit(program, middle..=last);
        let no = self.emit(program, first..=middle - 1);
        let start = self.leaves[middle].start;
        Target::At(program.test(AT_LEAST, start, yes, no))
    }
}

/// Whether these are one number with its own target within numbers that all have another.
fn is_single(leaves: &[Leaf]) -> bool {
    matches!(leaves, [before, middle, after]
        if before.target == after.target && after.start == middle.start + 1)
}
