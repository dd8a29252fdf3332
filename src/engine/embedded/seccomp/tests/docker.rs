//! Our filter against the one that a real engine gave a container.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::interpreter::{Call, run};
use super::{I386, KERNEL, X86_64, call};
use crate::engine::embedded::capabilities::Capabilities;
use crate::engine::embedded::seccomp::instruction::{ALLOW, ENOSYS, EPERM, Instruction};
use crate::engine::embedded::seccomp::machine::{Machine, X32_BIT};
use crate::engine::embedded::seccomp::profile::FAMILIES;
use crate::engine::embedded::seccomp::program::filter;

/// The engine whose profile and library [`DIFFERENCES`] was made for.
const ENGINE: &str = "20.10.24+dfsg1";

/// Prints the filter of a process: only a debugger may read it, and there is no safe way to be one.
const READER: &str = r#"
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#define GET_FILTER 0x420c
int main(int count, char **arguments)
{
    static struct sock_filter filter[4096];
    pid_t pid = count > 1 ? atoi(arguments[1]) : 0;
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)
        || waitpid(pid, 0, __WALL) != pid) {
        perror("ptrace");
        return 1;
    }
    long length = ptrace(GET_FILTER, pid, 0, filter);
    if (length < 0) {
        perror("PTRACE_SECCOMP_GET_FILTER");
        return 1;
    }
    for (long at = 0; at < length; at++)
        printf("%u %u %u %u\n", filter[at].code, filter[at].jt, filter[at].jf, filter[at].k);
    return 0;
}
"#;

/// Arguments around all that a rule can ask for, with and without an upper half.
const ARGUMENTS: [u64; 26] = [
    0,
    1,
    2,
    8,
    9,
    17,
    0x80,
    37,
    38,
    39,
    40,
    41,
    45,
    0x2_0000,
    0x2_0008,
    0x4_0000,
    0x0200_0000,
    0x0400_0000,
    0x0800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
    0x8000_0000,
    0x003d_0f00,
    0x7e02_0000,
    0xffff_ffff,
];

/// Calls that the two filters answer differently.
struct Difference {
    calls: &'static str,
    /// For containers with which bounding sets.
    holds: fn(Capabilities) -> bool,
    /// The engine's answer on x86-64 and i386; where it has no rule for the call on x32 either,
    /// that is `EPERM`: the numbers that only x32 has go on to 547, and runc counts from there.
    theirs: u32,
    ours: u32,
}

const fn differ(
    calls: &'static str,
    holds: fn(Capabilities) -> bool,
    theirs: u32,
    ours: u32,
) -> Difference {
    Difference {
        calls,
        holds,
        theirs,
        ours,
    }
}

/// Nothing else may differ, and all of this must. Our profile is newer than the engine's.
const DIFFERENCES: [Difference; 12] = [
    // Refused since Docker 25, for holes that it had.
    differ(
        "io_uring_setup io_uring_enter io_uring_register",
        |_| true,
        ALLOW,
        EPERM,
    ),
    // AF_ALG refused since 29.4, AF_VSOCK since 23.
    differ("socket", |_| true, ALLOW, EPERM),
    differ("pkey_mprotect pkey_alloc pkey_free", |_| true, EPERM, ALLOW),
    // Allowed as ptrace is, on Linux 4.8 and newer.
    differ(
        "process_vm_readv process_vm_writev",
        |bounding| !bounding.contains(Capabilities::SYS_PTRACE),
        EPERM,
        ALLOW,
    ),
    // Once a matter of SYS_ADMIN.
    differ(
        "name_to_handle_at",
        |bounding| !bounding.contains(Capabilities::SYS_ADMIN),
        EPERM,
        ALLOW,
    ),
    // Forgotten beside `clock_settime`.
    differ(
        "clock_settime64",
        |bounding| bounding.contains(Capabilities::SYS_TIME),
        EPERM,
        ALLOW,
    ),
    // In a gap that the engine's library does not know.
    differ("uretprobe", |_| true, EPERM, ALLOW),
    // Newer than the last call that the engine's profile or its library knows.
    differ(
        "cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount
        listmount mseal setxattrat getxattrat listxattrat removexattrat",
        |_| true,
        ENOSYS,
        ALLOW,
    ),
    differ(
        "lsm_get_self_attr lsm_set_self_attr lsm_list_modules",
        |bounding| !bounding.contains(Capabilities::SYS_ADMIN),
        ENOSYS,
        EPERM,
    ),
    differ(
        "lsm_get_self_attr lsm_set_self_attr lsm_list_modules",
        |bounding| bounding.contains(Capabilities::SYS_ADMIN),
        ENOSYS,
        ALLOW,
    ),
    differ(
        "set_mempolicy_home_node",
        |bounding| !bounding.contains(Capabilities::SYS_NICE),
        ENOSYS,
        EPERM,
    ),
    differ(
        "set_mempolicy_home_node",
        |bounding| bounding.contains(Capabilities::SYS_NICE),
        ENOSYS,
        ALLOW,
    ),
];

fn output(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {complaint}");
    String::from_utf8(stdout).unwrap().trim().to_owned()
}

fn docker(arguments: &[&str]) -> String {
    output(Command::new("docker").args(arguments))
}

/// A container that sleeps, gone when this is dropped.
struct Container(String);

impl Container {
    fn start(options: &[String]) -> Self {
        let mut command = Command::new("docker");
        command.args(["run", "-d", "--rm", "--network", "none"]);
        command.args(options);
        command.args(["debian:bookworm-slim", "sleep", "60"]);
        Self(output(&mut command))
    }

    /// The only filter that it has.
    fn filter(&self, reader: &Reader) -> Vec<Instruction> {
        let pid = docker(&["inspect", "-f", "{{.State.Pid}}", &self.0]);
        let program = reader.folder.path().join("reader");
        let printed = output(Command::new(program).arg(pid));
        let instructions = printed.lines().map(|line| {
            let fields: Vec<u32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            let [code, jt, jf, k] = fields[..] else {
                panic!("{line}")
            };
            Instruction {
                code: code.try_into().unwrap(),
                jt: jt.try_into().unwrap(),
                jf: jf.try_into().unwrap(),
                k,
            }
        });
        instructions.collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", &self.0]).output();
    }
}

struct Reader {
    folder: TempDir,
}

impl Reader {
    fn compile() -> Self {
        let folder = TempDir::new().unwrap();
        let source = folder.path().join("reader.c");
        let mut file = std::fs::File::create(&source).unwrap();
        file.write_all(READER.as_bytes()).unwrap();
        let program = folder.path().join("reader");
        output(Command::new("cc").arg("-o").arg(program).arg(source));
        Self { folder }
    }
}

/// A call that is answered differently: ABI, name, the engine's answer, ours.
type Found = (&'static str, String, u32, u32);

/// The three ways to call the kernel of x86-64: name, architecture, base of the numbers.
const ABIS: [(&str, u32, u32); 3] = [
    ("x86_64", X86_64, 0),
    ("x32", X86_64, X32_BIT),
    ("i386", I386, 0),
];

/// All that the filters answer differently.
fn found(theirs: &[Instruction], ours: &[Instruction]) -> BTreeSet<Found> {
    let far = [1 << 16, X32_BIT - 1, 1 << 31, u32::MAX - 1, u32::MAX];
    let others = [(0xc000_00b7, 0), (0x4000_0028, 0), (0, 0)].map(|(a, n)| ("none", a, n));
    let numbers = ABIS.into_iter().flat_map(|(abi, architecture, base)| {
        let numbers = (0..1024).map(move |number| base + number).chain(far);
        numbers.map(move |number| (abi, architecture, number))
    });
    let mut found = BTreeSet::new();
    for (abi, architecture, number) in numbers.chain(others) {
        for argument in ARGUMENTS.into_iter().flat_map(|low| [low, 1 << 32 | low]) {
            let given = Call {
                number,
                architecture,
                argument,
            };
            let [theirs, ours] = [theirs, ours].map(|program| run(program, given));
            if theirs.result != ours.result {
                let name = call(Machine::X86_64, architecture, number);
                let name = name.map_or_else(|| format!("{number:#x}"), str::to_owned);
                let family = u32::try_from(argument & 0xffff_ffff).unwrap();
                assert!(
                    name != "socket" || FAMILIES.contains(&family),
                    "{argument:#x}"
                );
                found.insert((abi, name, theirs.result, ours.result));
            }
            if !theirs.asked && !ours.asked {
                break;
            }
        }
    }
    found
}

/// All that [`DIFFERENCES`] says of a bounding set.
fn expected(bounding: Capabilities) -> BTreeSet<Found> {
    let mut expected = BTreeSet::new();
    for difference in DIFFERENCES {
        if !(difference.holds)(bounding) {
            continue;
        }
        for call in difference.calls.split_whitespace() {
            for (abi, architecture, base) in ABIS {
                let mut abis = Machine::X86_64.abis().iter();
                let same = abis.find(|abi| abi.architecture == architecture && abi.base == base);
                if !same.unwrap().calls().any(|(known, _)| known == call) {
                    continue;
                }
                let theirs = match (abi, difference.theirs) {
                    ("x32", ENOSYS) => EPERM,
                    (_, theirs) => theirs,
                };
                if theirs != difference.ours {
                    expected.insert((abi, call.to_owned(), theirs, difference.ours));
                }
            }
        }
    }
    expected
}

/// Why this test can't be done here.
fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can read the filter of a process".to_owned());
    }
    let engine = docker(&["version", "-f", "{{.Server.Version}}"]);
    (engine != ENGINE).then(|| format!("the differences are those to {ENGINE}, not to {engine}"))
}

#[test]
fn we_answer_as_the_engine_does() {
    if let Some(obstacle) = obstacle() {
        println!("skipped: {obstacle}");
        return;
    }
    let reader = Reader::compile();
    for (add, drop) in [
        (&[][..], &[][..]),
        (&["SYS_ADMIN"], &[]),
        (&["SYS_PTRACE"], &[]),
        (&[], &["ALL"]),
        (
            &[
                "DAC_READ_SEARCH",
                "SYS_BOOT",
                "SYS_MODULE",
                "SYS_NICE",
                "SYS_PACCT",
                "SYS_RAWIO",
                "SYS_TIME",
                "SYS_TTY_CONFIG",
                "SYSLOG",
            ],
            &["SYS_CHROOT"],
        ),
    ] {
        let adds = add.iter().map(|name| format!("--cap-add={name}"));
        let drops = drop.iter().map(|name| format!("--cap-drop={name}"));
        let container = Container::start(&adds.chain(drops).collect::<Vec<_>>());
        let bounding = Capabilities::of(add, drop).unwrap();
        let theirs = container.filter(&reader);
        let ours = filter(Machine::X86_64, bounding, KERNEL);
        let (found, expected) = (found(&theirs, &ours), expected(bounding));
        let surprises: Vec<_> = found.symmetric_difference(&expected).collect();
        assert!(surprises.is_empty(), "{add:?} {drop:?}: {surprises:#?}");
    }
}
