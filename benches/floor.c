/* The least that a container can cost: namespaces, an overlay as the root, /proc, exec. No devices,
 * no users, no capabilities, no filter of system calls. Usage: floor LOWER COUNT SCRATCH; prints the
 * milliseconds for each. The scratch folder should be in memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char options[4096], stage[1024];
static char *argv_true[] = {"true", NULL};
static char *env_none[] = {"PATH=/usr/bin:/bin", NULL};

static void must(int result, const char *what) {
    if (result != 0) {
        dprintf(2, "%s: %s\n", what, strerror(errno));
        _exit(1);
    }
}

static int child(void *unused) {
    (void)unused;
    must(mount("overlay", stage, "overlay", 0, options), "overlay");
    must(chdir(stage), "chdir");
    must(mount("proc", "proc", "proc", 0, NULL), "proc");
    must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    execve("/usr/bin/true", argv_true, env_none);
    execve("/bin/true", argv_true, env_none);
    must(-1, "execve");
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int count = atoi(argv[2]);
    const char *scratch = argv[3];
    char upper[1024], work[1024], inner[1100];
    snprintf(stage, sizeof stage, "%s/root", scratch);
    snprintf(upper, sizeof upper, "%s/upper", scratch);
    snprintf(work, sizeof work, "%s/work", scratch);
    snprintf(inner, sizeof inner, "%s/work", work);
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s,index=off", argv[1], upper, work);
    must(mkdir(stage, 0755), "mkdir");
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "private");
    char *stack = malloc(65536);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < count; i++) {
        must(mkdir(upper, 0755), "mkdir");
        must(mkdir(work, 0755), "mkdir");
        int flags = CLONE_VM | CLONE_VFORK | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                    CLONE_NEWCGROUP | CLONE_NEWNET | SIGCHLD;
        int pid = clone(child, stack + 65536, flags, NULL), status;
        if (pid < 0) must(-1, "clone");
        if (waitpid(pid, &status, 0) < 0 || status != 0) must(-1, "the program");
        must(rmdir(inner), "rmdir");
        must(rmdir(work), "rmdir");
        must(rmdir(upper), "rmdir");
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ms = (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6;
    printf("%.4f\n", ms / count);
    return 0;
}
