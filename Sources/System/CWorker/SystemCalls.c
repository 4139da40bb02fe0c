#define _GNU_SOURCE
#include "Descriptors.h"
#include "Sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifndef ARCHITECTURE

bool castor_sandbox_system_calls(castor_sandbox_profile profile) {
    (void)profile;
    return false;
}

#else

/// Work on memory that is there, time, threads, and the end.
static const int allowed[] = {
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_sched_yield, SYS_set_robust_list, SYS_rseq, SYS_exit,
    SYS_exit_group, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_getpid,
    SYS_gettid, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
    SYS_getrusage, SYS_sched_getaffinity, SYS_getcpu, SYS_sysinfo, SYS_uname, SYS_times,
#ifdef SYS_time
    SYS_time,
#endif
};

/// What libraries try and can do without. A file that is not there is no fault.
static const int refused[] = {
    SYS_openat, SYS_faccessat, SYS_newfstatat, SYS_statx, SYS_readlinkat, SYS_getcwd, SYS_memfd_create, SYS_sched_setaffinity,
    SYS_sched_setscheduler, SYS_setpriority, SYS_membarrier, SYS_close, SYS_fstat, SYS_lseek, SYS_ioctl, SYS_fcntl, SYS_getuid,
    SYS_geteuid, SYS_getgid, SYS_getegid, SYS_sched_getscheduler, SYS_sched_getparam,
#ifdef SYS_open
    SYS_open, SYS_access, SYS_stat, SYS_lstat, SYS_readlink,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
};

/// More for documents: fonts, encodings and their caches are files, which can be read alone.
static const int reading[] = {
    SYS_faccessat, SYS_newfstatat, SYS_statx, SYS_readlinkat, SYS_getcwd, SYS_close, SYS_fstat, SYS_lseek, SYS_pread64,
    SYS_getdents64, SYS_fcntl, SYS_statfs, SYS_fstatfs, SYS_readv, SYS_fadvise64, SYS_getuid, SYS_geteuid, SYS_getgid,
    SYS_getegid, SYS_read, SYS_eventfd2,
#ifdef SYS_open
    SYS_access, SYS_stat, SYS_lstat, SYS_readlink,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
};

enum { MAX_FILTER = 512 };

typedef struct {
    struct sock_filter code[MAX_FILTER];
    unsigned short count;
} filter;

static void add(filter *f, unsigned short code, uint32_t k, uint8_t yes, uint8_t no) {
    if (f->count < MAX_FILTER) {
        f->code[f->count++] = (struct sock_filter)BPF_JUMP(code, k, yes, no);
    }
}

static void answer(filter *f, uint32_t verdict) { add(f, BPF_RET | BPF_K, verdict, 0, 0); }

static void load(filter *f, size_t offset) { add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }

static void load_argument(filter *f, int index) { load(f, offsetof(struct seccomp_data, args) + 8 * (size_t)index); }

/// The verdict for one call.
static void judge(filter *f, int call, uint32_t verdict) {
    add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
    answer(f, verdict);
}

static const uint32_t refusal = SECCOMP_RET_ERRNO | EACCES;

/// Allows one call where the lower half of an argument, `mask`ed, is `value`.
static void allow_where(filter *f, int call, int argument, uint32_t mask, uint32_t value) {
    add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 5);
    load_argument(f, argument);
    add(f, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(f, SECCOMP_RET_ALLOW);
    answer(f, refusal);
}

/// Threads of this process, and no other process, nor namespaces.
static void allow_threads(filter *f) {
    uint32_t thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
    uint32_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    allow_where(f, SYS_clone, 0, thread | namespaces, thread);
    // Its flags are in memory, where a filter does not see them; without it, the C library takes the one above.
    judge(f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
}

/// Without setting any: both halves of the pointer to new ones are null.
static void allow_looking_at_limits(filter *f) {
    add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 6);
    load_argument(f, 2);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
    load(f, offsetof(struct seccomp_data, args) + 8 * 2 + 4);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    answer(f, SECCOMP_RET_ALLOW);
    answer(f, refusal);
}

static void allow_own(filter *f, castor_sandbox_profile profile) {
    // Nothing becomes code that was data.
    allow_where(f, SYS_mmap, 2, PROT_EXEC, 0);
    allow_where(f, SYS_mprotect, 2, PROT_EXEC, 0);
    allow_where(f, SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid());
    allow_where(f, SYS_prctl, 0, UINT32_MAX, PR_SET_NAME);
    allow_looking_at_limits(f);
    if (profile == CASTOR_SANDBOX_DOCUMENT) {
        // Answers go through the descriptor 4.
        allow_where(f, SYS_write, 0, UINT32_MAX, 4);
        allow_where(f, SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
#ifdef SYS_open
        allow_where(f, SYS_open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
#endif
    } else {
        allow_where(f, SYS_read, 0, UINT32_MAX, SOCKET_FD);
        allow_where(f, SYS_write, 0, UINT32_MAX, SOCKET_FD);
    }
}

static void judge_all(filter *f, const int *calls, size_t count, uint32_t verdict) {
    for (size_t i = 0; i < count; i++) {
        judge(f, calls[i], verdict);
    }
}

#define JUDGE_ALL(calls, verdict) judge_all(&f, calls, sizeof calls / sizeof *calls, verdict)

bool castor_sandbox_system_calls(castor_sandbox_profile profile) {
    filter f = {.count = 0};
    load(&f, offsetof(struct seccomp_data, arch));
    add(&f, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(&f, SECCOMP_RET_KILL_PROCESS);
    load(&f, offsetof(struct seccomp_data, nr));
    JUDGE_ALL(allowed, SECCOMP_RET_ALLOW);
    if (profile == CASTOR_SANDBOX_DOCUMENT) {
        JUDGE_ALL(reading, SECCOMP_RET_ALLOW);
    }
    allow_threads(&f);
    allow_own(&f, profile);
    JUDGE_ALL(refused, refusal);
    // Sockets, programs, other processes, the kernel's rarer doors. What finds fonts and names of users tries some of them.
    answer(&f, profile == CASTOR_SANDBOX_DOCUMENT ? refusal : SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {.len = f.count, .filter = f.code};
    if (f.count == MAX_FILTER) {
        return false;
    }
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

#endif
