//! What Docker's default profile says, for the architectures that we have tables of.
//!
//! It is moby's profile as of Docker Engine 29.4.3, without what it says of other architectures
//! (PowerPC, s390, RISC-V). What no rule names is refused with `EPERM`.

use super::machine::Machine;
use crate::engine::embedded::capabilities::Capabilities;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    /// The kernel runs it.
    Allow,
    /// It fails with `EPERM`.
    Refuse,
    /// It fails with `ENOSYS`, so that a program tries an older call instead.
    Missing,
    /// It may make a process and no namespace ([`NAMESPACES`]).
    Clone,
    /// It may take a personality of [`PERSONALITIES`].
    Personality,
    /// It may open a socket of a family that is not in [`FAMILIES`].
    Socket,
}

/// When a rule holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Always,
    /// The bounding set has the capability.
    Has(Capabilities),
    /// The bounding set does without it.
    Lacks(Capabilities),
    /// The kernel is at least this one.
    Since((u32, u32)),
    /// The machine is this one, in whatever way its kernel is called.
    On(Machine),
}

/// Some calls that are answered alike.
pub(super) struct Rule {
    pub(super) when: When,
    pub(super) answer: Answer,
    /// Their names, as in the tables; one that an architecture does not have is nothing there.
    pub(super) calls: &'static str,
}

/// The flags of `clone` that make a namespace: `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`,
/// `NEWUSER`, `NEWPID` and `NEWNET`.
pub(super) const NAMESPACES: u32 = 0x7e02_0000;

/// `PER_LINUX` and `PER_LINUX32`, each with and without `UNAME26`; and the question which one it is.
pub(super) const PERSONALITIES: [u32; 5] = [0, 0x0008, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Families of sockets that lead out of a container and are refused: `AF_ALG`, `AF_VSOCK`.
///
/// Moby has since turned this round and lists the families that it allows. What falls out of that
/// list are families that the newest kernels no longer have; it is not followed.
pub(super) const FAMILIES: [u32; 2] = [38, 40];

const fn allow(when: When, calls: &'static str) -> Rule {
    Rule {
        when,
        answer: Answer::Allow,
        calls,
    }
}

/// Of two rules in force that name the same call, the one that allows it wins.
pub(super) const RULES: [Rule; 22] = [
    allow(
        When::Always,
        "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown
        chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
        clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect
        copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
        epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
        exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
        fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
        flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64
        fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv
        futex_wake futimesat getcpu getcwd getdents getdents64 getegid getegid32 geteuid
        geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp
        getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32
        getrlimit get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid
        gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init
        inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents
        io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule
        landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat
        listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr
        lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir
        mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify
        mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
        mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
        name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open
        pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64
        prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64
        pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg
        recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat
        renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
        rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
        rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
        sched_get_priority_min sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
        sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
        semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32
        setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority
        setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
        setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address setuid
        setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd
        signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64
        statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
        timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
        timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat
        uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid
        write writev",
    ),
    // Before 4.8 a traced process could slip out of its filter.
    allow(
        When::Since((4, 8)),
        "process_vm_readv process_vm_writev ptrace",
    ),
    Rule {
        when: When::Always,
        answer: Answer::Socket,
        calls: "socket",
    },
    Rule {
        when: When::Always,
        answer: Answer::Personality,
        calls: "personality",
    },
    allow(
        When::On(Machine::Aarch64),
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
    ),
    allow(When::On(Machine::X86_64), "arch_prctl modify_ldt"),
    allow(
        When::Has(Capabilities::DAC_READ_SEARCH),
        "open_by_handle_at",
    ),
    allow(
        When::Has(Capabilities::SYS_ADMIN),
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie
        lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount
        open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog
        umount umount2 unshare",
    ),
    Rule {
        when: When::Lacks(Capabilities::SYS_ADMIN),
        answer: Answer::Clone,
        calls: "clone",
    },
    // Its flags are behind a pointer, where no filter can look. Programs then take `clone`.
    Rule {
        when: When::Lacks(Capabilities::SYS_ADMIN),
        answer: Answer::Missing,
        calls: "clone3",
    },
    allow(When::Has(Capabilities::SYS_BOOT), "reboot"),
    allow(When::Has(Capabilities::SYS_CHROOT), "chroot"),
    allow(
        When::Has(Capabilities::SYS_MODULE),
        "delete_module init_module finit_module",
    ),
    allow(When::Has(Capabilities::SYS_PACCT), "acct"),
    allow(
        When::Has(Capabilities::SYS_PTRACE),
        "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    ),
    allow(When::Has(Capabilities::SYS_RAWIO), "iopl ioperm"),
    allow(
        When::Has(Capabilities::SYS_TIME),
        "settimeofday stime clock_settime clock_settime64",
    ),
    allow(When::Has(Capabilities::SYS_TTY_CONFIG), "vhangup"),
    allow(
        When::Has(Capabilities::SYS_NICE),
        "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    ),
    allow(When::Has(Capabilities::SYSLOG), "syslog"),
    allow(When::Has(Capabilities::BPF), "bpf"),
    allow(When::Has(Capabilities::PERFMON), "perf_event_open"),
];
