//! The answers that matter, with no engine.

use super::interpreter::{Call, run};
use super::{ABIS, I386, KERNEL, X86_64, call, default};
use crate::engine::embedded::capabilities::Capabilities;
use crate::engine::embedded::seccomp::instruction::{ALLOW, ENOSYS, EPERM, Instruction, KILL};
use crate::engine::embedded::seccomp::machine::{Machine, X32_BIT};
use crate::engine::embedded::seccomp::profile::RULES;
use crate::engine::embedded::seccomp::program::filter;

const NEWUSER: u64 = 0x1000_0000;
const THREAD: u64 = 0x003d_0f00;

fn number(machine: Machine, architecture: u32, base: u32, name: &str) -> Option<u32> {
    let abis = machine.abis().iter();
    let mut abis = abis.filter(|abi| abi.architecture == architecture && abi.base == base);
    let mut calls = abis.next().unwrap().calls();
    Some(base + calls.find(|(known, _)| *known == name)?.1)
}

/// Asks in all ways in which a kernel can be called, where there is such a call.
fn assert_all(bounding: Capabilities, kernel: (u32, u32), name: &str, argument: u64, result: u32) {
    let mut asked = 0;
    for (abi, machine, architecture, base) in ABIS {
        let Some(number) = number(machine, architecture, base, name) else {
            continue;
        };
        asked += 1;
        let call = Call {
            number,
            architecture,
            argument,
        };
        let given = run(&filter(machine, bounding, kernel), call).result;
        assert_eq!(given, result, "{name}({argument:#x}) on {abi}");
    }
    assert!(asked > 0, "no call {name}");
}

#[test]
fn calls_by_default() {
    for (name, argument, result) in [
        ("read", 0, ALLOW),
        ("openat2", 0, ALLOW),
        ("execve", 0, ALLOW),
        ("chroot", 0, ALLOW),
        ("ptrace", 0, ALLOW),
        ("process_vm_readv", 0, ALLOW),
        ("seccomp", 0, ALLOW),
        ("setxattrat", 0, ALLOW),
        ("socketcall", 0, ALLOW),
        ("clone", 0, ALLOW),
        ("clone", THREAD, ALLOW),
        ("clone", NEWUSER, EPERM),
        ("clone", 0x0200_0000, EPERM),
        ("clone", 17 | 0x0002_0000, EPERM),
        // CLONE_NEWTIME is a signal to `clone`.
        ("clone", 0x80, ALLOW),
        ("clone3", 0, ENOSYS),
        ("socket", 1, ALLOW),
        ("socket", 39, ALLOW),
        ("socket", 38, EPERM),
        ("socket", 40, EPERM),
        ("socket", 45, ALLOW),
        ("personality", 0, ALLOW),
        ("personality", 8, ALLOW),
        ("personality", 0x2_0000, ALLOW),
        ("personality", 0x2_0008, ALLOW),
        ("personality", 0xffff_ffff, ALLOW),
        ("personality", 0x004_0000, EPERM),
        ("personality", 1, EPERM),
        ("mount", 0, EPERM),
        ("umount2", 0, EPERM),
        ("fsopen", 0, EPERM),
        ("unshare", 0, EPERM),
        ("setns", 0, EPERM),
        ("pivot_root", 0, EPERM),
        ("keyctl", 0, EPERM),
        ("add_key", 0, EPERM),
        ("bpf", 0, EPERM),
        ("perf_event_open", 0, EPERM),
        ("io_uring_setup", 0, EPERM),
        ("userfaultfd", 0, EPERM),
        ("kexec_load", 0, EPERM),
        ("reboot", 0, EPERM),
        ("init_module", 0, EPERM),
        ("swapon", 0, EPERM),
        ("settimeofday", 0, EPERM),
        ("sethostname", 0, EPERM),
        ("syslog", 0, EPERM),
        ("kcmp", 0, EPERM),
        ("get_mempolicy", 0, EPERM),
        ("open_by_handle_at", 0, EPERM),
        ("modify_ldt", 0, ALLOW),
        ("arch_prctl", 0, ALLOW),
        ("set_tls", 0, ALLOW),
    ] {
        assert_all(Capabilities::DOCKER_DEFAULT, KERNEL, name, argument, result);
    }
}

#[test]
fn capabilities_and_kernels_open_calls() {
    let default = Capabilities::DOCKER_DEFAULT;
    for (capability, name, argument, without) in [
        (Capabilities::SYS_ADMIN, "mount", 0, EPERM),
        (Capabilities::SYS_ADMIN, "unshare", 0, EPERM),
        (Capabilities::SYS_ADMIN, "clone", NEWUSER, EPERM),
        (Capabilities::SYS_ADMIN, "clone3", 0, ENOSYS),
        (Capabilities::SYS_ADMIN, "bpf", 0, EPERM),
        (Capabilities::BPF, "bpf", 0, EPERM),
        (Capabilities::PERFMON, "perf_event_open", 0, EPERM),
        (Capabilities::SYSLOG, "syslog", 0, EPERM),
        (Capabilities::SYS_PTRACE, "kcmp", 0, EPERM),
        (Capabilities::SYS_NICE, "mbind", 0, EPERM),
        (Capabilities::SYS_TIME, "clock_settime", 0, EPERM),
        (Capabilities::SYS_MODULE, "finit_module", 0, EPERM),
        (Capabilities::SYS_BOOT, "reboot", 0, EPERM),
        (Capabilities::SYS_PACCT, "acct", 0, EPERM),
        (Capabilities::SYS_RAWIO, "iopl", 0, EPERM),
        (Capabilities::SYS_TTY_CONFIG, "vhangup", 0, EPERM),
        (Capabilities::DAC_READ_SEARCH, "open_by_handle_at", 0, EPERM),
        (Capabilities::SYS_CHROOT, "chroot", 0, EPERM),
    ] {
        assert_all(default.or(capability), KERNEL, name, argument, ALLOW);
        let lacking = default.without(capability);
        assert_all(lacking, KERNEL, name, argument, without);
    }
    assert_all(Capabilities::ALL, KERNEL, "keyctl", 0, EPERM);
    for (kernel, result) in [
        ((4, 7), EPERM),
        ((3, 10), EPERM),
        ((4, 8), ALLOW),
        ((5, 0), ALLOW),
    ] {
        assert_all(default, kernel, "ptrace", 0, result);
    }
    assert_all(
        default.or(Capabilities::SYS_PTRACE),
        (4, 7),
        "ptrace",
        0,
        ALLOW,
    );
}

fn ask(program: &[Instruction], architecture: u32, number: u32, argument: u64) -> u32 {
    let call = Call {
        number,
        architecture,
        argument,
    };
    run(program, call).result
}

#[test]
fn upper_halves_count_where_arguments_have_64_bits() {
    let program = default(Machine::X86_64);
    let high = 1 << 32;
    let (personality, socket, clone) = (135, 41, 56);
    assert_eq!(ask(&program, X86_64, personality, high), EPERM);
    assert_eq!(ask(&program, X86_64, personality, u64::MAX), EPERM);
    assert_eq!(ask(&program, X86_64, socket, high | 40), ALLOW);
    assert_eq!(ask(&program, X86_64, clone, high | THREAD), ALLOW);
    assert_eq!(ask(&program, X86_64, X32_BIT | personality, high), ALLOW);
    assert_eq!(ask(&program, I386, 136, high), ALLOW);
}

#[test]
fn numbers_that_nobody_knows_are_missing_calls() {
    let program = default(Machine::X86_64);
    for (architecture, number, result) in [
        (X86_64, 466, ALLOW),
        (X86_64, 467, ENOSYS),
        (X86_64, 1_000_000, ENOSYS),
        (X86_64, X32_BIT - 1, ENOSYS),
        (X86_64, X32_BIT, ALLOW),
        // Below the last one a gap is refused, as Docker has it.
        (X86_64, 400, EPERM),
        (X86_64, X32_BIT | 13, EPERM),
        (X86_64, X32_BIT | 512, ALLOW),
        (X86_64, X32_BIT | 548, ENOSYS),
        (X86_64, u32::MAX, ENOSYS),
        (X86_64, 1 << 31, ENOSYS),
        (I386, 466, ALLOW),
        (I386, 467, ENOSYS),
        (I386, u32::MAX, ENOSYS),
        (0xc000_00b7, 0, KILL),
        (0, 0, KILL),
    ] {
        assert_eq!(
            ask(&program, architecture, number, 0),
            result,
            "{number:#x}"
        );
    }
    let program = default(Machine::Aarch64);
    // The private calls of 32-bit ARM are far beyond the others: runc then counts up to them.
    for (number, result) in [
        (467, EPERM),
        (0xf_0002, ALLOW),
        (0xf_0005, ALLOW),
        (0xf_0006, ENOSYS),
    ] {
        assert_eq!(ask(&program, super::ARM, number, 0), result, "{number:#x}");
    }
    assert_eq!(ask(&program, X86_64, 0, 0), KILL);
}

#[test]
fn every_name_of_the_profile_is_a_call_somewhere() {
    for name in RULES.iter().flat_map(|rule| rule.calls.split_whitespace()) {
        let known = ABIS.iter().any(|(_, machine, architecture, base)| {
            number(*machine, *architecture, *base, name).is_some()
        });
        assert!(known, "{name}");
    }
}

#[test]
fn tables_have_the_numbers_of_the_kernel() {
    for (machine, architecture, number, name) in [
        (Machine::X86_64, X86_64, 0, "read"),
        (Machine::X86_64, X86_64, 59, "execve"),
        (Machine::X86_64, X86_64, 335, "uretprobe"),
        (Machine::X86_64, X86_64, 435, "clone3"),
        (Machine::X86_64, X86_64, 466, "removexattrat"),
        (Machine::X86_64, X86_64, X32_BIT + 520, "execve"),
        (Machine::X86_64, I386, 11, "execve"),
        (Machine::X86_64, I386, 102, "socketcall"),
        (Machine::Aarch64, super::AARCH64, 221, "execve"),
        (Machine::Aarch64, super::ARM, 11, "execve"),
        (Machine::Aarch64, super::ARM, 0xf_0005, "set_tls"),
    ] {
        assert_eq!(call(machine, architecture, number), Some(name));
    }
}
