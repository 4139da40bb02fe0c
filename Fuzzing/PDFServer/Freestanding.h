// A program without a C library, whose own start costs twice what the rest of the worker does: it asks the processor what it can do,
// and under a hypervisor each such question is an exit. `run`, given the environment, is what the program does.
#pragma once

#include <stddef.h>
#include <sys/syscall.h>

static int run(char **environment);

__attribute__((used, noreturn)) static void start(char **stack);

#if defined __x86_64__
__asm__(".globl _start\n_start: xor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall start\n");

static inline long system_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
#elif defined __aarch64__
__asm__(".globl _start\n_start: mov x29, xzr\nmov x0, sp\nbl start\n");

static inline long system_call(long number, long a, long b, long c) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#else
#error "Neither x86-64 nor arm64"
#endif

/// Where the stack starts: the number of arguments, these, a null pointer, the environment.
static void start(char **stack) {
    size_t count = (size_t)stack[0];
    int status = run(stack + count + 2);
    for (;;) {
        system_call(SYS_exit_group, status, 0, 0);
    }
}
