//! What a command may try from within: to reach the host, other checks, or more than its share.

use std::os::fd::AsRawFd;

use crate::stage::{command, debian, is_root, processes, script, test};
use crate::support::Ended;

/// Attacks that must fail; each script ends with 0 when all of its attempts were refused.
const REFUSED: [(&str, &str); 20] = [
    ("writing to sysrq-trigger", "(: >>/proc/sysrq-trigger) 2>/dev/null && exit 1; true"),
    (
        "writing to the settings of the kernel",
        "for file in kernel/core_pattern kernel/hostname vm/overcommit_memory fs/file-max net/ipv4/ip_forward; do
         (echo 0 >/proc/sys/$file) 2>/dev/null && exit 1; done; true",
    ),
    (
        "writing to /sys",
        "(echo 1 >/sys/kernel/profiling) 2>/dev/null && exit 1
         mkdir /sys/fs/cgroup/evil /sys/fs/cgroup/*/evil 2>/dev/null && exit 1
         find /sys -type f -writable -exec sh -c '(: >>\"$1\") 2>/dev/null' _ {} \\; -print -quit | grep . && exit 1; true",
    ),
    (
        "mounting",
        "mkdir /m
         for kind in proc sysfs tmpfs overlay cgroup2 debugfs devtmpfs; do mount -t $kind none /m && exit 1; done
         mount --bind / /m && exit 1; mount -o remount,rw /proc/sys && exit 1; true",
    ),
    (
        "unmounting",
        "for place in /proc/sys /proc/kcore /proc/sysrq-trigger /sys /dev/shm /proc /etc/hosts; do umount $place && exit 1; umount -l $place && exit 1; done; true",
    ),
    (
        "new namespaces",
        "for kind in mount user pid net ipc uts cgroup; do unshare --$kind true && exit 1; done; true",
    ),
    (
        "entering namespaces",
        "for kind in mount pid net ipc uts user; do nsenter --target 1 --$kind true && exit 1; done; true",
    ),
    (
        "changing the root",
        "mkdir /r /r/old; pivot_root /r /r/old 2>/dev/null && exit 1
         # A way out of a chroot leads to the root of the container.
         mkdir /jail; cp -r /bin /lib* /jail 2>/dev/null
         perl -e 'chroot \"/jail\" or die; mkdir \"x\"; chroot \"x\"; chdir \"..\" for 1..99; chroot \".\"; exit(-e \"/jail\" ? 0 : 1)'",
    ),
    (
        "the host through /proc/1",
        "test \"$(stat -L -c %d:%i /proc/1/root)\" = \"$(stat -c %d:%i /)\"
         test \"$(stat -L -c %d:%i /proc/self/root/..)\" = \"$(stat -c %d:%i /)\"",
    ),
    ("kernel modules", "perl -e 'exit(syscall(175, 0, 0, 0) == -1 ? 0 : 1)'"),
    ("the kernel's log", "perl -e 'exit(syscall(103, 3, $b = \" \" x 99, 99) == -1 ? 0 : 1)'"),
    ("rebooting", "perl -e 'exit(syscall(169, 0xfee1dead, 672274793, 0x1234567, 0) == -1 ? 0 : 1)'"),
    ("bpf", "perl -e 'exit(syscall(321, 0, 0, 0) == -1 ? 0 : 1)'"),
    ("keys of the kernel", "perl -e 'exit(syscall(250, 0, -3, 0) == -1 ? 0 : 1)'"),
    ("files by their handles", "perl -e 'exit(syscall(304, 3, $b = \"\\0\" x 64, 0) == -1 ? 0 : 1)'"),
    ("setting the clock", "date --set '2001-01-01' 2>/dev/null && exit 1; true"),
    (
        "reading memory",
        "for file in kcore kmem mem; do (head -c 1 /proc/$file | grep -q .) 2>/dev/null && exit 1; done
         (head -c 1 /proc/keys | grep .) && exit 1; (ls /sys/firmware | grep .) && exit 1; true",
    ),
    (
        "another process's memory",
        "for pid in $(ls /proc | grep '^[0-9]*$'); do
         tr '\\0' '\\n' </proc/$pid/environ 2>/dev/null | grep -q ^SEATRIAL_ && exit 1; done
         test \"$(ls /proc | grep -c '^[0-9]*$')\" -lt 12",
    ),
    (
        "more capabilities",
        "test \"$(grep CapEff /proc/self/status | cut -f2)\" = 00000000a80425fb
         test \"$(grep CapBnd /proc/self/status | cut -f2)\" = 00000000a80425fb
         test \"$(grep CapInh /proc/self/status | cut -f2)\" = 0000000000000000",
    ),
    ("the network", "test \"$(ls /sys/class/net)\" = lo"),
];

#[test]
fn what_is_forbidden_is_refused() {
    if !is_root() {
        return;
    }
    let mut checks = String::new();
    for (name, attack) in REFUSED {
        let attack = attack.replace("\n         ", "\n");
        for (how, keys) in [("", ""), (" together", "isolation: shared")] {
            // Of other processes there are many in a container that many share.
            if name == "another process's memory" && !how.is_empty() {
                continue;
            }
            checks += &script(
                &format!("{name}{how}"),
                &format!("set -e\n{attack}\ntrue"),
                keys,
            );
        }
    }
    test(&debian(&checks), &[]).expect(0);
}

#[test]
fn no_file_is_inherited() {
    if !is_root() {
        return;
    }
    let one = "ls /proc/self/fd; readlink /proc/self/fd/0";
    let checks: String = (0..400)
        .map(|number| {
            let keys = "stdout: \"0\\n1\\n2\\n3\\n/dev/null\"";
            let keys = match number % 4 {
                0 => format!("{keys}\nisolation: shared"),
                1 => format!("{keys}\nmemory: 64MiB"),
                _ => keys.to_owned(),
            };
            script(&format!("c{number}"), one, &keys)
        })
        .collect();
    let project = debian(&checks);
    // Whoever starts it may have left open what it likes.
    let left = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&left, rustix::io::FdFlags::empty()).unwrap();
    assert!(left.as_raw_fd() > 2);
    Ended::of(&mut command(&project, &["--test-threads", "16"])).expect(0);
}

#[test]
fn checks_do_not_see_each_other() {
    if !is_root() {
        return;
    }
    // Each leaves traces, waits until others have too, and looks for theirs.
    let one = "echo $$.$(hostname) >>/etc/hosts; echo evil >/etc/resolv.conf; echo trace >/dev/shm/trace
touch /tmp/trace /trace /dev/mqueue/trace /dev/trace
perl -e 'defined(shmget(4711, 4096, 0700 | 01000 | 02000)) or die; defined(msgget(4711, 0700 | 01000 | 02000)) or die'
perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un(\"\\0seatrial-trace\")) or die; listen(S, 1); sleep 1'
test $(grep -c trace /proc/net/unix) = 0 && test $(wc -l </proc/sysvipc/shm) = 2 && test $(grep -c '\\.' /etc/hosts) = 2
kill -9 -1; sleep 0.1; ls / | grep -c trace";
    let checks: String = (0..12)
        .map(|number| script(&format!("c{number}"), one, "stdout: \"1\""))
        .collect();
    let project = debian(&checks);
    test(&project, &["--test-threads", "6"]).expect(0);
    assert!(!std::path::Path::new("/dev/mqueue/trace").exists());
}

/// What is mounted once for all of them can't be made writable by one.
#[test]
fn what_containers_share_takes_no_traces() {
    if !is_root() {
        return;
    }
    let leave = "for place in /sys/fs/cgroup /sys/firmware /proc/acpi; do
mount -o remount,rw $place; mount -o remount,rw,bind $place; touch $place/trace; done; true";
    let look = "ls /sys/fs/cgroup /sys/firmware /proc/acpi | grep -c trace";
    let mut checks = String::new();
    for (name, keys) in [("usual", ""), ("admin", "cap_add: [SYS_ADMIN]")] {
        checks += &script(name, leave, keys);
        let found = "stdout: \"0\"\nexit: 1";
        checks += &script(&format!("after {name}"), look, found);
        checks += &script(
            &format!("admin after {name}"),
            look,
            &format!("{found}\ncap_add: [SYS_ADMIN]"),
        );
    }
    test(&debian(&checks), &["--test-threads", "1"]).expect(0);
}

/// Whoever could look into a process that enters its container.
#[test]
fn tracers_have_their_container_for_themselves() {
    if !is_root() {
        return;
    }
    let alone = script("alone", "true", "cap_add: [SYS_PTRACE]");
    let shared = script("shared", "true", "cap_add: [SYS_PTRACE]\nisolation: shared");
    let ended = test(&debian(&(alone + &shared)), &[]);
    assert!(
        ended.stdout.contains("needs docker: SYS_PTRACE"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("1 passed, 1 skipped"),
        "{}",
        ended.stdout
    );
}

#[test]
fn the_kernel_would_kill_containers_before_anything_else() {
    if !is_root() {
        return;
    }
    let script = script("score", "cat /proc/self/oom_score_adj", "stdout: \"500\"");
    test(&debian(&script), &[]).expect(0);
}

/// Bombs, and what is said of them.
#[test]
fn bombs_stay_in_their_checks() {
    if !is_root() {
        return;
    }
    let mut checks = String::new();
    let mut bomb = |name: &str, text: &str, keys: &str| checks += &script(name, text, keys);
    bomb(
        "a fork bomb",
        "f() { f | f & }; f; sleep 2; wait",
        "pids: 50\ntimeout: 5s\nexit: nonzero",
    );
    bomb(
        "a memory bomb",
        "exec tail /dev/zero",
        "memory: 32MiB\nexit: 137",
    );
    bomb(
        "a bomb on a disk in memory",
        "head -c 200M /dev/zero >/dev/shm/full",
        "exit: nonzero\nstderr: {contains: No space left}",
    );
    bomb("much output", "head -c 10G /dev/zero", "timeout: 200s");
    bomb("endless output", "yes", "timeout: 2s");
    bomb(
        "many files",
        "perl -e 'for (1..100000) { open(F, \">\", \"/tmp/$_\") or die }'",
        "timeout: 60s",
    );
    bomb(
        "deep folders",
        "perl -e 'for (1..20000) { mkdir \"d\" or die; chdir \"d\" or die }'",
        "timeout: 60s",
    );
    bomb(
        "what goes on without its streams",
        "(trap '' TERM HUP; exec >/dev/null 2>&1 </dev/null; sleep 987654) & sleep 0.1",
        "",
    );
    bomb(
        "what goes on with its streams",
        "sleep 987654 & echo done",
        "stdout: done",
    );
    bomb(
        "what goes on beside others",
        "yes & true",
        "isolation: shared\ntimeout: 40s",
    );
    bomb(
        "what ignores signals",
        "trap '' TERM INT HUP; while :; do sleep 987654; done",
        "timeout: 1s",
    );
    bomb(
        "what stops itself",
        "kill -STOP $$; sleep 30",
        "timeout: 1s",
    );
    bomb(
        "its children stopped",
        "sleep 987654 & kill -STOP $!; true",
        "",
    );
    bomb(
        "the last",
        "ls -A /tmp /dev/shm /dev/mqueue | grep -c .",
        "stdout: \"3\"\nexit: 0",
    );
    let project = debian(&checks);
    let ended = test(&project, &["--test-threads", "3"]);
    ended.expect(1);
    let report = project.junit();
    for case in &report.cases {
        let expected = match case.name.as_str() {
            "a memory bomb" | "endless output" | "what ignores signals" | "what stops itself" => {
                "failure"
            }
            _ => "passed",
        };
        if case.name != "a fork bomb" {
            assert_eq!(case.verdict, expected, "{case:?}");
        }
    }
    assert_eq!(
        processes("cmdline", |line| line.contains("987654")),
        [0_u32; 0]
    );
}

#[test]
fn a_full_disk_is_the_affair_of_its_check() {
    if !is_root() {
        return;
    }
    let full = "fallocate -l 1T /full 2>/dev/null && exit 1; rm -f /full; echo it lives >/small; cat /small";
    let many = "perl -e 'for (1..500) { mkdir \"/tmp/$_\" }'; touch /tmp/last; chattr +i /tmp/last 2>/dev/null; true";
    let checks = script("full", full, "stdout: it lives") + &script("many", many, "");
    test(&debian(&checks), &[]).expect(0);
}

/// A command that is executed in a container is for a moment a process of the helper's, which
/// shares its memory and files, and is seen there.
#[test]
fn who_is_in_a_container_gets_nothing_of_those_who_enter_it() {
    if !is_root() {
        return;
    }
    // What is opened before the program is executed belongs to a process that has its old name.
    let spy = "perl -e '
exit if fork; $SIG{HUP} = \"IGNORE\"; close STDOUT; close STDERR;
while (1) {
opendir(D, \"/proc\"); for my $pid (grep { /^\\d+$/ && $_ != $$ && $_ != 1 } readdir D) {
open(C, \"<\", \"/proc/$pid/comm\") or next; my $name = <C>; next unless $name =~ /^worker/; $seen++;
if (open(M, \"<\", \"/proc/$pid/mem\") && open(C, \"<\", \"/proc/$pid/comm\")) {
my $after = <C>; if ($after =~ /^worker/) { open(G, \">>\", \"/got\"); print G $after; close G } } }
if ($seen && !-e \"/seen\") { open(G, \">\", \"/seen\"); close G } }'";
    let mut checks = script("spy", spy, "isolation: shared");
    for number in 0..600 {
        checks += &script(&format!("c{number}"), "true", "isolation: shared");
    }
    checks += &script(
        "got",
        "cat /got && exit 1; test -e /seen",
        "isolation: shared",
    );
    test(&debian(&checks), &["--test-threads", "1"]).expect(0);
}
