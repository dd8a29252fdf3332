//! How long programs are and how many steps they take.

use super::interpreter::{Call, run};
use super::{ABIS, KERNEL, default};
use crate::engine::embedded::capabilities::Capabilities;
use crate::engine::embedded::seccomp::instruction::{Instruction, JUMP, RETURN};
use crate::engine::embedded::seccomp::machine::Machine;
use crate::engine::embedded::seccomp::program::{filter, program};

const MACHINES: [Machine; 2] = [Machine::X86_64, Machine::Aarch64];

/// All instructions of a path, counted over the numbers 0 to 500: the average and the most.
fn paths(program: &[Instruction], architecture: u32, base: u32) -> (f64, usize) {
    let steps = (0..=500u32).map(|number| {
        let call = Call {
            number: base + number,
            architecture,
            argument: 0,
        };
        run(program, call).steps
    });
    let steps: Vec<usize> = steps.collect();
    let sum: usize = steps.iter().sum();
    (
        sum as f64 / steps.len() as f64,
        steps.into_iter().max().unwrap(),
    )
}

#[test]
fn paths_are_short() {
    for (name, machine, architecture, base) in ABIS {
        let program = default(machine);
        let (average, most) = paths(&program, architecture, base);
        println!(
            "{name}: {} instructions, {average:.2} on average, {most} at most",
            program.len()
        );
        // x32 comes last: hardly anything is built for it.
        let allowed = match name {
            "x86_64" | "aarch64" => 10.0,
            "x32" => 18.0,
            _ => 12.0,
        };
        assert!(average < allowed, "{name}: {average}");
        assert!(most <= 24, "{name}: {most}");
    }
}

#[test]
fn the_kernel_takes_the_programs() {
    for machine in MACHINES {
        for bounding in [
            Capabilities::NONE,
            Capabilities::DOCKER_DEFAULT,
            Capabilities::ALL,
        ] {
            let program = filter(machine, bounding, KERNEL);
            assert!(program.len() <= 4096);
            assert_eq!(program.last().unwrap().code, RETURN);
            for (at, instruction) in program.iter().enumerate() {
                let Instruction { code, jt, jf, k } = *instruction;
                if code == JUMP {
                    assert!(at + 1 + (k as usize) < program.len());
                }
                assert!(at + 1 + usize::from(jt.max(jf)) < program.len() || code == RETURN);
            }
        }
    }
}

#[test]
fn the_same_container_has_the_same_program() {
    for machine in MACHINES {
        assert_eq!(default(machine), default(machine));
    }
    let here = program(Capabilities::DOCKER_DEFAULT, KERNEL);
    assert_eq!(here, Machine::current().map(default));
}
