//! Runs a filter as the kernel would.

use crate::engine::embedded::seccomp::instruction::Instruction;

/// What the kernel hands to a filter (`struct seccomp_data`).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) architecture: u32,
    /// The first argument; no rule asks for another.
    pub(super) argument: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) result: u32,
    /// How many instructions it took.
    pub(super) steps: usize,
    /// Whether it asked for an argument.
    pub(super) asked: bool,
}

/// Panics on all that the kernel would not take.
pub(super) fn run(program: &[Instruction], call: Call) -> Run {
    let mut loaded = 0u32;
    let mut asked = false;
    let mut at = 0;
    for steps in 1.. {
        let Instruction { code, jt, jf, k } = program[at];
        let outcome = match code {
            0x06 => {
                return Run {
                    result: k,
                    steps,
                    asked,
                };
            }
            0x05 => {
                at += 1 + k as usize;
                continue;
            }
            0x20 => {
                loaded = load(call, k);
                asked |= k >= 16;
                at += 1;
                continue;
            }
            // libseccomp masks before it compares.
            0x54 => {
                loaded &= k;
                at += 1;
                continue;
            }
            0x15 => loaded == k,
            0x25 => loaded > k,
            0x35 => loaded >= k,
            0x45 => loaded & k != 0,
            _ => panic!("instruction {code:#x}"),
        };
        at += 1 + usize::from(if outcome { jt } else { jf });
    }
    unreachable!("a program goes forward only")
}

fn load(call: Call, offset: u32) -> u32 {
    match offset {
        0 => call.number,
        4 => call.architecture,
        16 => (call.argument & 0xffff_ffff) as u32,
        20 => (call.argument >> 32) as u32,
        _ => panic!("load from {offset}"),
    }
}
