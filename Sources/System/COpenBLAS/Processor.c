#define _GNU_SOURCE
#include "COpenBLAS.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

int castor_available_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return CPU_COUNT(&set);
    }
    // More than a cpu_set_t holds.
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

#if defined(__x86_64__)
#include <cpuid.h>

bool castor_read_cpuid(castor_cpuid *answer) {
    memset(answer, 0, sizeof *answer);
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) {
        return false;
    }
    answer->vendor[0] = b;
    answer->vendor[1] = d;
    answer->vendor[2] = c;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        answer->leaf_1_eax = a;
        answer->leaf_1_ecx = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        answer->leaf_7_ebx = b;
        // The number of further leaves of this name.
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
            answer->leaf_7_1_eax = a;
        }
    }
    // xgetbv, which is there when the operating system has switched on what it reads.
    if (answer->leaf_1_ecx & (1u << 27)) {
        unsigned high;
        __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(answer->saved), "=d"(high) : "c"(0));
    }
    return true;
}
#else
bool castor_read_cpuid(castor_cpuid *answer) {
    memset(answer, 0, sizeof *answer);
    return false;
}
#endif
