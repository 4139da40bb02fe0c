// What exponential.h and activation.h were included with.
#undef NAME
#undef TARGET
#undef V
#undef vector
#undef BITS
#undef FLOATS
#undef FULL
#undef LANES
#undef WHERE_NEGATIVE
