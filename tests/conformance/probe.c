/* Says what a process may do and see. Static, so that it runs in an image without anything. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

struct call {
    const char *name;
    long number;
    long arguments[6];
};

static char buffer[4096];
#define TEXT(text) ((long)(text))
#define HERE TEXT(buffer)

/* Harmless whatever the answer: most of the arguments are nonsense. */
static const struct call calls[] = {
    {"mount", SYS_mount, {TEXT("none"), TEXT("/"), TEXT("tmpfs"), 0, 0}},
    {"umount2", SYS_umount2, {TEXT("/proc"), 0}},
    {"pivot_root", SYS_pivot_root, {TEXT("/"), TEXT("/")}},
    {"chroot", SYS_chroot, {TEXT("/")}},
    {"unshare user", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare net", SYS_unshare, {CLONE_NEWNET}},
    {"unshare pid", SYS_unshare, {CLONE_NEWPID}},
    {"unshare uts", SYS_unshare, {CLONE_NEWUTS}},
    {"unshare ipc", SYS_unshare, {CLONE_NEWIPC}},
    {"unshare cgroup", SYS_unshare, {CLONE_NEWCGROUP}},
    {"unshare files", SYS_unshare, {CLONE_FILES}},
    {"clone user", SYS_clone, {CLONE_NEWUSER | SIGCHLD}},
    {"clone nothing wrong", SYS_clone, {CLONE_SIGHAND | SIGCHLD}},
    {"clone3", SYS_clone3, {0, 0}},
    {"setns", SYS_setns, {-1, 0}},
    {"keyctl", SYS_keyctl, {0, -3, 0}},
    {"add_key", SYS_add_key, {TEXT("user"), TEXT("x"), TEXT("x"), 1, -3}},
    {"request_key", SYS_request_key, {TEXT("user"), TEXT("x"), 0, 0}},
    {"bpf", SYS_bpf, {9999, 0, 0}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"ptrace", SYS_ptrace, {PTRACE_TRACEME}},
    {"ptrace of nobody", SYS_ptrace, {PTRACE_SEIZE, 99999, 0, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {99999, 0, 0, 0, 0, 0}},
    {"kcmp", SYS_kcmp, {1, 1, 2, 0, 0}},
    {"io_uring_setup", SYS_io_uring_setup, {1, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {-1, TEXT("x"), 0, 0, 0}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"finit_module", SYS_finit_module, {-1, 0, 0}},
    {"delete_module", SYS_delete_module, {TEXT("nosuchmodule"), 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0xffff}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"swapon", SYS_swapon, {TEXT("/nosuch"), 0}},
    {"swapoff", SYS_swapoff, {TEXT("/nosuch")}},
    {"settimeofday", SYS_settimeofday, {1, 0}},
    {"clock_settime", SYS_clock_settime, {9999, 0}},
    {"acct", SYS_acct, {TEXT("/nosuch")}},
    {"quotactl", SYS_quotactl, {0, 0, 0, 0}},
    {"sethostname", SYS_sethostname, {TEXT("x"), 1}},
    {"setdomainname", SYS_setdomainname, {TEXT("x"), 1}},
    {"iopl", SYS_iopl, {3}},
    {"ioperm", SYS_ioperm, {0x80, 1, 1}},
    {"syslog", SYS_syslog, {3, HERE, 10}},
    {"lookup_dcookie", SYS_lookup_dcookie, {0, 0, 0}},
    {"vhangup", SYS_vhangup, {0}},
    {"personality ask", SYS_personality, {0xffffffff}},
    {"personality linux", SYS_personality, {0}},
    {"personality no random", SYS_personality, {0x40000}},
    {"fanotify_init", SYS_fanotify_init, {0, 0}},
    {"inotify_init", SYS_inotify_init, {0}},
    {"open_tree", SYS_open_tree, {-100, TEXT("/"), 1}},
    {"move_mount", SYS_move_mount, {-1, TEXT(""), -1, TEXT(""), 0}},
    {"fsopen", SYS_fsopen, {TEXT("tmpfs"), 0}},
    {"fsmount", SYS_fsmount, {-1, 0, 0}},
    {"fspick", SYS_fspick, {-100, TEXT("/"), 0}},
    {"mount_setattr", SYS_mount_setattr, {-1, TEXT(""), 0, 0, 0}},
    {"pidfd_open", SYS_pidfd_open, {99999, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}},
    {"process_madvise", SYS_process_madvise, {-1, 0, 0, 0, 0}},
    {"landlock_create_ruleset", SYS_landlock_create_ruleset, {0, 0, 1}},
    {"memfd_secret", SYS_memfd_secret, {-1}},
    {"memfd_create", SYS_memfd_create, {TEXT("x"), 0}},
    {"openat2", SYS_openat2, {-100, TEXT("/"), 0, 0}},
    {"faccessat2", SYS_faccessat2, {-100, TEXT("/"), 0, 0}},
    {"close_range", SYS_close_range, {100, 101, 0}},
    {"futex_waitv", SYS_futex_waitv, {0, 0, 0, 0, 0}},
    {"membarrier", SYS_membarrier, {0, 0}},
    {"pkey_alloc", SYS_pkey_alloc, {0, 0}},
    {"modify_ldt", SYS_modify_ldt, {0, HERE, 16}},
    {"set_mempolicy", SYS_set_mempolicy, {0, 0, 0}},
    {"get_mempolicy", SYS_get_mempolicy, {0, 0, 0, 0, 0}},
    {"mbind", SYS_mbind, {0, 0, 0, 0, 0, 0}},
    {"move_pages", SYS_move_pages, {0, 0, 0, 0, 0, 0}},
    {"migrate_pages", SYS_migrate_pages, {0, 0, 0, 0}},
    {"vmsplice", SYS_vmsplice, {-1, 0, 0, 0}},
    {"mlock", SYS_mlock, {0, 0}},
    {"sched_setscheduler", SYS_sched_setscheduler, {0, 0, HERE}},
    {"setpriority up", SYS_setpriority, {0, 0, -5}},
    {"ioprio_set", SYS_ioprio_set, {1, 0, 0x2000}},
    {"setuid", SYS_setuid, {12}},
    {"setgroups", SYS_setgroups, {0, 0}},
    {"fchmodat2", 452, {-100, TEXT("/nosuch"), 0, 0}},
    {"cachestat", 451, {-1, 0, 0, 0}},
    {"no such call", 999, {0}},
    {"mknod device", SYS_mknod, {TEXT("/tmp/probe-device"), S_IFCHR | 0600, 0x0103}},
    {"mknod fifo", SYS_mknod, {TEXT("/tmp/probe-fifo"), S_IFIFO | 0600, 0}},
    {"chown", SYS_chown, {TEXT("/tmp"), 0, 0}},
    {"chown to another", SYS_fchownat, {-100, TEXT("/tmp"), 12, 12, 0}},
    {"kill init", SYS_kill, {1, 0}},
};

static const struct {
    const char *name;
    int family, type, protocol;
} sockets[] = {
    {"unix", AF_UNIX, SOCK_STREAM, 0},      {"inet", AF_INET, SOCK_STREAM, 0},
    {"inet6", AF_INET6, SOCK_STREAM, 0},    {"raw", AF_INET, SOCK_RAW, 1},
    {"ping", AF_INET, SOCK_DGRAM, 1},       {"packet", AF_PACKET, SOCK_RAW, 0},
    {"netlink", AF_NETLINK, SOCK_RAW, 0},   {"vsock", AF_VSOCK, SOCK_STREAM, 0},
    {"alg", AF_ALG, SOCK_SEQPACKET, 0},
};

static const char *answer(long result)
{
    return result >= 0 ? "ok" : strerrorname_np(errno);
}

/* In a child, so that what works has no consequences for the next. */
static void make_calls(void)
{
    for (size_t at = 0; at < sizeof calls / sizeof *calls; at++) {
        const struct call *call = &calls[at];
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            const long *with = call->arguments;
            pid_t self = getpid();
            errno = 0;
            long result = syscall(call->number, with[0], with[1], with[2], with[3], with[4], with[5]);
            if (getpid() != self && call->number == SYS_clone)
                _exit(0);
            printf("%s: %s\n", call->name, answer(result));
            fflush(stdout);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status))
            printf("%s: signal %d\n", call->name, WTERMSIG(status));
    }
    unlink("/tmp/probe-device");
    unlink("/tmp/probe-fifo");
    for (size_t at = 0; at < sizeof sockets / sizeof *sockets; at++) {
        int file = socket(sockets[at].family, sockets[at].type, sockets[at].protocol);
        printf("socket %s: %s\n", sockets[at].name, answer(file));
    }
}

#ifdef __x86_64__
/* The same kernel by its other doors. */
static void foreign_calls(void)
{
    long result;
    const struct { const char *name; long number, first; } table[] = {
        {"getpid", 20, 0}, {"mount", 21, 0}, {"umount2", 52, 0}, {"unshare", 310, CLONE_NEWNS},
        {"bpf", 357, 9999}, {"clone3", 435, 0}, {"keyctl", 288, 0}, {"no such call", 999, 0},
    };
    for (size_t at = 0; at < sizeof table / sizeof *table; at++) {
        fflush(stdout);
        if (fork() == 0) {
            __asm__ volatile("int $0x80" : "=a"(result) : "a"(table[at].number), "b"(table[at].first), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory", "r8", "r9", "r10", "r11");
            result = (int)result;
            errno = -result;
            printf("i386 %s: %s\n", table[at].name, answer(result));
            fflush(stdout);
            _exit(0);
        }
        wait(0);
    }
    printf("x32 getpid: %s\n", answer(syscall(SYS_getpid | 0x40000000)));
    printf("x32 mount: %s\n", answer(syscall(SYS_mount | 0x40000000, 0, 0, 0, 0, 0)));
}
#else
static void foreign_calls(void) {}
#endif

/* Makes a device and uses it. */
static void use_device(const char *folder, const char *name, mode_t kind, unsigned major, unsigned minor)
{
    char path[256];
    snprintf(path, sizeof path, "%s/probe-%s", folder, name);
    long made = mknod(path, kind | 0600, makedev(major, minor));
    printf("%s: made %s", path, answer(made));
    if (made == 0) {
        int file = open(path, O_RDONLY | O_NONBLOCK);
        printf(", opened %s", answer(file));
        unlink(path);
    }
    printf("\n");
}

static void use_devices(void)
{
    const char *folders[] = {"/dev", "/tmp", "/dev/shm"};
    for (int at = 0; at < 3; at++) {
        use_device(folders[at], "null", S_IFCHR, 1, 3);
        use_device(folders[at], "tty", S_IFCHR, 5, 0);
        use_device(folders[at], "mem", S_IFCHR, 1, 1);
        use_device(folders[at], "kmsg", S_IFCHR, 1, 11);
        use_device(folders[at], "fuse", S_IFCHR, 10, 229);
        use_device(folders[at], "loop", S_IFBLK, 7, 0);
        use_device(folders[at], "disk", S_IFBLK, 254, 0);
        use_device(folders[at], "nothing", S_IFCHR, 240, 77);
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Everything below a folder, with owner and mode. */
static void list(const char *path)
{
    struct stat stat;
    if (lstat(path, &stat) != 0) {
        printf("%s: %s\n", path, strerrorname_np(errno));
        return;
    }
    printf("%s %o %u:%u", path, stat.st_mode, stat.st_uid, stat.st_gid);
    if (S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode))
        printf(" %u,%u", major(stat.st_rdev), minor(stat.st_rdev));
    if (S_ISLNK(stat.st_mode)) {
        ssize_t length = readlink(path, buffer, sizeof buffer - 1);
        buffer[length < 0 ? 0 : length] = 0;
        printf(" -> %s", buffer);
    }
    printf("\n");
    if (!S_ISDIR(stat.st_mode))
        return;
    struct dirent **entries;
    int count = scandir(path, &entries, 0, by_name);
    for (int at = 0; at < count; at++) {
        const char *name = entries[at]->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        char below[512];
        snprintf(below, sizeof below, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
        if (strncmp(below, "/proc/", 6) != 0 && strncmp(below, "/sys/", 5) != 0)
            list(below);
    }
}

static void show_files(void)
{
    for (int file = 0; file < 64; file++) {
        char link[64], path[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length < 0)
            continue;
        path[length] = 0;
        char *number = strchr(path, '[');
        if (number)
            *number = 0;
        struct stat stat;
        fstat(file, &stat);
        printf("%d %s", file, path);
        if (S_ISFIFO(stat.st_mode))
            printf(" owner %u", stat.st_uid);
        printf(" flags %o\n", fcntl(file, F_GETFL) & O_ACCMODE);
    }
}

static void show_ids(void)
{
    uid_t real, effective, saved;
    gid_t groups[64];
    getresuid(&real, &effective, &saved);
    printf("user %u %u %u\n", real, effective, saved);
    getresgid(&real, &effective, &saved);
    printf("group %u %u %u\ngroups", real, effective, saved);
    int count = getgroups(64, groups);
    for (int at = 0; at < count; at++)
        printf(" %u", groups[at]);
    umask(umask(0));
    mode_t mask = umask(0);
    printf("\numask %o\n%s of a group of %s, of a session of %s\n", mask,
           getpid() == 1 ? "init" : "another", getpgrp() == 1 ? "init" : "another",
           getsid(0) == 1 ? "init" : "another");
}

static void show_status(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(buffer, sizeof buffer, status))
        if (strncmp(buffer, "Cap", 3) == 0 || strncmp(buffer, "SigI", 4) == 0
            || strncmp(buffer, "SigB", 4) == 0 || strncmp(buffer, "SigC", 4) == 0
            || strncmp(buffer, "NoNewPrivs", 10) == 0 || strncmp(buffer, "Seccomp:", 8) == 0)
            fputs(buffer, stdout);
}

static void eat(int megabytes)
{
    for (int at = 0; at < megabytes; at++) {
        char *some = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (some == MAP_FAILED) {
            printf("refused after %d\n", at);
            return;
        }
        memset(some, 1, 1 << 20);
    }
    printf("had %d\n", megabytes);
}

static void fork_many(void)
{
    int count = 0;
    for (; count < 200; count++) {
        pid_t child = fork();
        if (child < 0) {
            printf("%s after %d\n", strerrorname_np(errno), count);
            break;
        }
        if (child == 0)
            for (;;)
                pause();
    }
    if (count == 200)
        printf("all\n");
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    kill(-1, SIGKILL);
}

static void set_capability(const char *file, unsigned long long set)
{
    uint32_t data[5] = {0x02000001, (uint32_t)set, 0, (uint32_t)(set >> 32), 0};
    if (setxattr(file, "security.capability", data, sizeof data, 0) != 0) {
        perror(file);
        exit(1);
    }
}

static void fault(void)
{
    volatile int *nowhere = 0;
    *nowhere = 1;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    const char *first = count > 2 ? arguments[2] : "";
    if (strcmp(what, "calls") == 0)
        make_calls();
    else if (strcmp(what, "foreign") == 0)
        foreign_calls();
    else if (strcmp(what, "devices") == 0)
        use_devices();
    else if (strcmp(what, "list") == 0)
        list(first);
    else if (strcmp(what, "files") == 0)
        show_files();
    else if (strcmp(what, "ids") == 0)
        show_ids();
    else if (strcmp(what, "status") == 0)
        show_status();
    else if (strcmp(what, "eat") == 0)
        eat(atoi(first));
    else if (strcmp(what, "fork") == 0)
        fork_many();
    else if (strcmp(what, "fault") == 0)
        fault();
    else if (strcmp(what, "abort") == 0)
        abort();
    else if (strcmp(what, "kill") == 0)
        printf("%s\n", answer(kill(getpid(), atoi(first))));
    else if (strcmp(what, "exit") == 0)
        return atoi(first);
    else if (strcmp(what, "setcap") == 0)
        set_capability(first, strtoull(arguments[3], 0, 16));
    else if (strcmp(what, "arguments") == 0)
        for (int at = 0; at < count; at++)
            printf("%d <%s>\n", at, arguments[at]);
    else if (strcmp(what, "environment") == 0)
        for (char **entry = environ; *entry; entry++)
            puts(*entry);
    else if (strcmp(what, "where") == 0)
        puts(getcwd(buffer, sizeof buffer));
    else if (strcmp(what, "cat") == 0) {
        int file = *first ? open(first, O_RDONLY) : 0;
        ssize_t length;
        if (file < 0) {
            printf("%s: %s\n", first, strerrorname_np(errno));
            return 1;
        }
        while ((length = read(file, buffer, sizeof buffer)) > 0)
            write(1, buffer, length);
    } else
        return 99;
    return 0;
}
