//! What differs from Docker on purpose, or because it can't be had.

use crate::report::Check;

/// Checks that differ on some engines.
pub struct Difference {
    pub engines: &'static [&'static str],
    /// `SPEC: NAME`; a `*` at the end stands for anything.
    pub checks: &'static [&'static str],
    pub what: What,
    pub why: &'static str,
}

/// How far they differ.
#[derive(Clone, Copy, PartialEq)]
pub enum What {
    /// Only in what the command saw; the verdict is the same.
    Seen,
    /// Only in lines that it saw which begin like one of these.
    Lines(&'static [&'static str]),
    /// The check is skipped, and says which engine it needs.
    Lack,
    /// In the verdict.
    Verdict,
}

const fn differ(
    engines: &'static [&'static str],
    checks: &'static [&'static str],
    what: What,
    why: &'static str,
) -> Difference {
    Difference {
        engines,
        checks,
        what,
        why,
    }
}

impl Difference {
    /// Whether these differ as far as they may.
    pub fn allows(&self, expected: &Check, found: &Check) -> bool {
        match self.what {
            What::Seen => expected.verdict == found.verdict,
            What::Lines(known) => expected.without(known) == found.without(known),
            What::Lack => found.verdict == "skipped" && found.why.starts_with("needs docker: "),
            What::Verdict => expected.verdict != found.verdict,
        }
    }
}

/// The embedded engine, whoever runs it.
const OURS: &[&str] = &["embedded", "rootless", "rootless with users"];
/// The embedded engine as an ordinary user.
const ROOTLESS: &[&str] = &["rootless", "rootless with users"];

/// All that is known.
pub const DIFFERENCES: &[Difference] = &[
    differ(
        OURS,
        &[
            "kernel: calls*",
            "scratch: calls*",
            "shared: shared calls",
            "user: calls*",
        ],
        What::Lines(&[
            "process_vm_readv:",
            "io_uring_setup:",
            "name_to_handle_at:",
            "pkey_alloc:",
            "fchmodat2:",
            "cachestat:",
            "socket vsock:",
            "socket alg:",
        ]),
        "the filter of system calls is that of a newer Docker",
    ),
    differ(
        OURS,
        &["kernel: own control groups"],
        What::Seen,
        "containers have a namespace of control groups of their own, as Docker gives on version 2",
    ),
    differ(
        OURS,
        &[
            "folders: mounts*",
            "kernel: mounts",
            "kernel: what can't be written",
        ],
        What::Lines(&[
            "/sys/fs/cgroup ",
            "mkdir: cannot create directory '/sys/fs/cgroup/x'",
        ]),
        "the folder of control groups is shared by containers, and so can't be written to",
    ),
    differ(
        OURS,
        &["network: a network", "verdicts: another platform"],
        What::Lack,
        "only Docker and Podman have networks and other platforms",
    ),
    differ(
        OURS,
        &["folders: works in /opt/dangling"],
        What::Verdict,
        "Docker makes what a dangling link leads to; here it is no working directory",
    ),
    differ(
        OURS,
        &["identity: user 0:4000"],
        What::Lines(&["groups "]),
        "Docker takes a group's number for another's name as well",
    ),
    differ(
        OURS,
        &["folders: memory in place of shared memory"],
        What::Seen,
        "Docker's own is left out where another is asked for; here it is below",
    ),
    differ(
        OURS,
        &["volumes: hard links in volumes"],
        What::Seen,
        "files with two names become two files in a volume",
    ),
    differ(
        OURS,
        &["folders: setup and rights", "shared: shared no input"],
        What::Lines(&["0 /dev/null", "groups"]),
        "what is executed beside another process can't write to its /dev/null with Docker",
    ),
    differ(
        ROOTLESS,
        &["*"],
        What::Lack,
        "control groups, the host's network and users are not an ordinary user's",
    ),
    differ(
        ROOTLESS,
        &["kernel: calls*", "scratch: calls*", "shared: shared calls"],
        What::Lines(&[
            "process_vm_readv:",
            "io_uring_setup:",
            "name_to_handle_at:",
            "pkey_alloc:",
            "fchmodat2:",
            "cachestat:",
            "socket vsock:",
            "socket alg:",
            "mknod device:",
            "ioprio_set:",
            "fanotify_init:",
            "setuid:",
            "setgroups:",
            "chown to another:",
        ]),
        "a user namespace has fewer rights over the machine, and only the users that are there",
    ),
    differ(
        ROOTLESS,
        &[
            "busybox: a small shell",
            "folders: setup and rights",
            "identity: ids of root",
            "identity: user 0",
            "scratch: *",
            "shared: shared ids",
        ],
        What::Lines(&["groups", "uid=0", "0 /dev/null"]),
        "a user without further users can't have the groups of the image's root",
    ),
    differ(
        ROOTLESS,
        &[
            "busybox: mounts of a small image",
            "folders: mounts where nothing can be written",
            "folders: works in /proc",
            "kernel: devices*",
            "kernel: mounts",
            "kernel: no mount of the host is seen",
            "kernel: root of the file system",
            "kernel: terminals can be had",
            "scratch: nothing but a program",
            "shared: shared mounts",
        ],
        What::Seen,
        "devices are the host's own, mounted one by one, and what the host's root has is nobody's",
    ),
    differ(
        ROOTLESS,
        &["kernel: settings of the kernel"],
        What::Lines(&["net/ipv4/ping_group_range"]),
        "only the groups that are there may ping",
    ),
    differ(
        ROOTLESS,
        &[
            "folders: leaves other files than expected",
            "identity: no capabilities",
            "kernel: the root can be written to",
            "volumes: volumes",
        ],
        What::Seen,
        "a user without further users can't give files away",
    ),
    differ(
        ROOTLESS,
        &["identity: capabilities with ALL without SYS_ADMIN"],
        What::Verdict,
        "root of a user namespace has all capabilities, root of this machine may not",
    ),
    differ(
        ROOTLESS,
        &["verdicts: another file"],
        What::Seen,
        "whose a file is can't be told where there is one user only",
    ),
    differ(
        ROOTLESS,
        &["identity: user 2147483647"],
        What::Verdict,
        "only so many users are set aside",
    ),
    differ(
        &["podman"],
        &[
            "verdicts: *",
            "rights: files*",
            "user: files*",
            "folders: leaves*",
        ],
        What::Lack,
        "Podman does not tell whose files are",
    ),
    differ(
        &["podman"],
        &["limits: *"],
        What::Verdict,
        "Podman tells only of the first process that the kernel killed it for want of memory",
    ),
    differ(
        &["podman"],
        &[
            "folders: leaves*",
            "folders: works in /opt/dangling",
            "network: a user listens on a low port",
            "network: files of the network are written to",
            "user: a new folder*",
        ],
        What::Verdict,
        "Podman makes links absolute and gives new folders to their user; privileged ports and \
         /etc/resolv.conf are as on the host",
    ),
    differ(
        &["podman"],
        &["*"],
        What::Seen,
        "Podman's containers have variables, limits, mounts and files of its own",
    ),
];
