//! Programs are run by an interpreter of our own: for the answers that matter, and against the
//! filter that a real engine gives its containers.

mod answers;
#[cfg(target_arch = "x86_64")]
mod docker;
mod interpreter;
mod size;

use super::instruction::Instruction;
use super::machine::{Machine, X32_BIT};
use super::program::filter;
use crate::engine::embedded::capabilities::Capabilities;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const AARCH64: u32 = 0xc000_00b7;
const ARM: u32 = 0x4000_0028;

/// A kernel that lacks nothing.
const KERNEL: (u32, u32) = (6, 12);

/// All ways to call a kernel: their names, the machine, the architecture, the base of the numbers.
const ABIS: [(&str, Machine, u32, u32); 5] = [
    ("x86_64", Machine::X86_64, X86_64, 0),
    ("x32", Machine::X86_64, X86_64, X32_BIT),
    ("i386", Machine::X86_64, I386, 0),
    ("aarch64", Machine::Aarch64, AARCH64, 0),
    ("arm", Machine::Aarch64, ARM, 0),
];

fn default(machine: Machine) -> Vec<Instruction> {
    filter(machine, Capabilities::DOCKER_DEFAULT, KERNEL)
}

/// What the number of an ABI is called; nothing if the tables have no call there.
fn call(machine: Machine, architecture: u32, number: u32) -> Option<&'static str> {
    machine
        .abis()
        .iter()
        .filter(|abi| abi.architecture == architecture && number >= abi.base)
        .find_map(|abi| abi.calls().find(|(_, known)| *known == number - abi.base))
        .map(|(name, _)| name)
}
