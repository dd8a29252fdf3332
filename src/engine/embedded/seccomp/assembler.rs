//! Puts instructions together from the last one to the first, for their jumps go forward only.

use super::instruction::{Instruction, JUMP, LOAD, RETURN};

/// The place of an instruction: how many come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Where a test leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The end, with this as the result.
    Return(u32),
    /// An instruction that is there already.
    At(Label),
}

/// How far a test may jump. An offset has 8 bits; one less, for the jumps of both outcomes may
/// need an instruction between.
const REACH: usize = u8::MAX as usize - 1;

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The last instruction first.
    reversed: Vec<Instruction>,
    /// The results and where each was put last.
    results: Vec<(u32, Label)>,
}

impl Assembler {
    /// Puts a test before all that is there: to `yes` if it holds, else to `no`.
    pub(super) fn test(&mut self, code: u16, k: u32, yes: Target, no: Target) -> Label {
        let yes = self.near(yes);
        let no = self.near(no);
        let [jt, jf] = [yes, no].map(|label| {
            let distance = self.distance(label);
            u8::try_from(distance).expect("`near` put it within reach")
        });
        self.push(Instruction { code, jt, jf, k })
    }

    /// Puts a load before all that is there; it goes on with `next`.
    pub(super) fn load(&mut self, offset: u32, next: Target) -> Label {
        let label = self.near(next);
        if self.distance(label) > 0 {
            self.jump(label);
        }
        self.plain(LOAD, offset)
    }

    /// The program from its first instruction on.
    pub(super) fn finish(self) -> Vec<Instruction> {
        self.reversed.into_iter().rev().collect()
    }

    /// A label that a test can reach which is put next. A result is cheaper said again than
    /// jumped to.
    fn near(&mut self, target: Target) -> Label {
        match target {
            Target::Return(result) => {
                let known = self.results.iter().find(|(known, _)| *known == result);
                if let Some((_, label)) = known
                    && self.distance(*label) < REACH
                {
                    return *label;
                }
                let label = self.plain(RETURN, result);
                self.results.retain(|(known, _)| *known != result);
                self.results.push((result, label));
                label
            }
            Target::At(label) if self.distance(label) < REACH => label,
            Target::At(label) => self.jump(label),
        }
    }

    fn jump(&mut self, label: Label) -> Label {
        let distance = u32::try_from(self.distance(label)).expect("programs are short");
        self.plain(JUMP, distance)
    }

    /// How many instructions are between the one that is put next and this one.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - label.0 - 1
    }

    fn plain(&mut self, code: u16, k: u32) -> Label {
        self.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        })
    }

    fn push(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        Label(self.reversed.len() - 1)
    }
}
