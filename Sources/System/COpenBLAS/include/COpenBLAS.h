#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What this program calls of OpenBLAS, which is loaded at run time: it chooses its kernels and starts its threads while it is loaded,
/// by what the environment says at that moment.
typedef struct {
    void *library;
    /// The process had OpenBLAS before this call: what it runs on was decided by others.
    bool was_there;
    void (*sgemm)(
        int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
        int ldb, float beta, float *c, int ldc);
    void (*sgesdd)(
        char *jobz, int *m, int *n, float *a, int *lda, float *s, float *u, int *ldu, float *vt, int *ldvt, float *work, int *lwork,
        int *iwork, int *info);
    void (*dposv)(char *uplo, int *n, int *nrhs, double *a, int *lda, double *b, int *ldb, int *info);
    void (*set_num_threads)(int);
    char *(*config)(void);
    char *(*core_name)(void);
    /// Internal names, null in a build that hides them.
    void *(*memory_alloc)(int);
    void (*memory_free)(void *);
} castor_openblas;

/// Values of cblas.h.
enum { CASTOR_ROW_MAJOR = 101, CASTOR_NO_TRANSPOSE = 111, CASTOR_TRANSPOSE = 112 };

/// Loads OpenBLAS with one thread. `core_type` (null: its own choice, or the user's) and the number of threads are in the environment
/// of the whole process for the 2 ms that this takes: by one store, an array of pointers with both in it stands in for the old one, so
/// that a thread that reads a variable meets one array or the other, both whole, which `setenv` does not promise. A variable that
/// another thread changes within these 2 ms may be lost; no call of it is safe beside a `getenv` anyway.
///
/// Returns false with the reason in `message`.
bool castor_openblas_open(castor_openblas *blas, const char *core_type, char *message, size_t size);

/// Unloads it. Nobody may be in a call.
void castor_openblas_close(castor_openblas *blas);

/// Address space of one caller's buffer, which OpenBLAS asks the kernel for again and again, without end, where it does not get it.
enum { CASTOR_OPENBLAS_BUFFER = 128 << 20 };

/// Lets OpenBLAS take the buffers of `callers` threads that multiply at the same time, as far as there is room for them and for the
/// threads themselves, and no further. `known` of them it has already, and nobody is in a call.
/// Returns the number that it has got room for, at most 128: Debian builds it for so many.
int castor_openblas_reserve(const castor_openblas *blas, int callers, int known);

/// What an x86 processor says of itself.
typedef struct {
    /// The words of the vendor's name in their order.
    uint32_t vendor[3];
    uint32_t leaf_1_eax, leaf_1_ecx, leaf_7_ebx, leaf_7_1_eax;
    /// Registers that the operating system saves; 0 where it does not say.
    uint32_t saved;
} castor_cpuid;

/// Returns false, and zeros, where the processor is of another kind.
bool castor_read_cpuid(castor_cpuid *answer);

/// Cores that this process may use, 1 or more.
int castor_available_cores(void);

/// What the shell's `ulimit -v` leaves this process in all, in bytes; -1 without a bound.
int64_t castor_address_space_limit(void);

/// Whether so many bytes can be mapped, in one piece. Safe in a handler of signals.
bool castor_has_address_space(size_t bytes);

/// Before there is a second thread: threads share one heap, where each has some 64 MB of address space reserved otherwise, and their stacks
/// are `stack` bytes in the place of what `ulimit -s` says, mostly 8 MiB.
void castor_save_address_space(size_t stack);
