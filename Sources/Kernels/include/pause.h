#pragma once

/// Tells the processor that a loop does nothing but ask.
static inline void castor_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
