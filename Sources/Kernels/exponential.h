// Included once for each width, which defines NAME(x), TARGET, V(operation), vector, BITS(x), FLOATS(x).

// What is fused has other bits.
#pragma STDC FP_CONTRACT OFF

#define FULL(x) V(set1_ps)(x)

/// As `exp` in Sources/Numerics/VectorMath.swift, step by step.
TARGET static inline __attribute__((always_inline)) vector NAME(exponential)(vector x) {
    x = V(min_ps)(FULL(88.3f), x);
    x = V(max_ps)(FULL(-87.3f), x);
    vector magic = FULL(12582912);
    vector shifted = V(add_ps)(V(mul_ps)(x, FULL(1.44269504f)), magic);
    vector n = V(sub_ps)(shifted, magic);
    vector r = V(sub_ps)(x, V(mul_ps)(n, FULL(0.693359375f)));
    r = V(add_ps)(r, V(mul_ps)(n, FULL(2.1219444e-4f)));
    vector p = V(add_ps)(V(mul_ps)(r, FULL(1.9875692e-4f)), FULL(1.39819995e-3f));
    p = V(add_ps)(V(mul_ps)(p, r), FULL(8.333452e-3f));
    p = V(add_ps)(V(mul_ps)(p, r), FULL(4.1665796e-2f));
    p = V(add_ps)(V(mul_ps)(p, r), FULL(1.6666665e-1f));
    p = V(add_ps)(V(mul_ps)(p, r), FULL(5.0000001e-1f));
    p = V(add_ps)(V(add_ps)(V(mul_ps)(p, V(mul_ps)(r, r)), r), FULL(1));
    return V(mul_ps)(p, FLOATS(V(slli_epi32)(V(add_epi32)(BITS(shifted), V(set1_epi32)(127)), 23)));
}
