// Included once for each width: as exponential.h, which is part of it, with LANES and WHERE_NEGATIVE(x, a, b).
#include "exponential.h"

// As the functions of these names in Sources/Numerics, step by step.

TARGET static inline __attribute__((always_inline)) vector NAME(gelu)(vector x) {
    vector zero = V(setzero_ps)(), one = FULL(1);
    vector z = V(mul_ps)(WHERE_NEGATIVE(x, V(sub_ps)(zero, x), x), FULL(0.70710678f));
    vector t = V(div_ps)(one, V(add_ps)(V(mul_ps)(z, FULL(0.3275911f)), one));
    vector p = V(sub_ps)(V(mul_ps)(t, FULL(1.0614054f)), FULL(1.453152f));
    p = V(add_ps)(V(mul_ps)(p, t), FULL(1.4214138f));
    p = V(sub_ps)(V(mul_ps)(p, t), FULL(0.28449674f));
    p = V(add_ps)(V(mul_ps)(p, t), FULL(0.2548296f));
    vector e = NAME(exponential)(V(sub_ps)(zero, V(mul_ps)(z, z)));
    vector tail = V(mul_ps)(V(mul_ps)(V(mul_ps)(p, t), e), FULL(0.5f));
    return V(mul_ps)(x, WHERE_NEGATIVE(x, tail, V(sub_ps)(one, tail)));
}

TARGET static inline __attribute__((always_inline)) vector NAME(gelu_tanh)(vector x) {
    vector inner = V(add_ps)(V(mul_ps)(V(mul_ps)(x, x), FULL(-0.07135482f)), FULL(-1.59576912f));
    return V(div_ps)(x, V(add_ps)(NAME(exponential)(V(mul_ps)(x, inner)), FULL(1)));
}

TARGET static inline __attribute__((always_inline)) vector NAME(gelu_quick)(vector x) {
    return V(div_ps)(x, V(add_ps)(NAME(exponential)(V(mul_ps)(x, FULL(-1.702f))), FULL(1)));
}

TARGET static inline __attribute__((always_inline)) vector NAME(silu)(vector x) {
    return V(div_ps)(x, V(add_ps)(NAME(exponential)(V(sub_ps)(V(setzero_ps)(), x)), FULL(1)));
}

TARGET void NAME(castor_activate)(castor_activation activation, const float *x, const float *factor, float *y, size_t count) {
#define ALL(function)                                                                                                                       \
    for (size_t index = 0; index < count; index += LANES) {                                                                                 \
        vector value = NAME(function)(V(loadu_ps)(x + index));                                                                              \
        V(storeu_ps)(y + index, factor ? V(mul_ps)(value, V(loadu_ps)(factor + index)) : value);                                            \
    }                                                                                                                                       \
    break;
    switch (activation) {
    case CASTOR_GELU: ALL(gelu)
    case CASTOR_GELU_TANH: ALL(gelu_tanh)
    case CASTOR_GELU_QUICK: ALL(gelu_quick)
    case CASTOR_SILU: ALL(silu)
    }
#undef ALL
}
