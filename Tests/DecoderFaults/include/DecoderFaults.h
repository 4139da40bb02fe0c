// Decoders that do what a file tells them: linked with the tests alone, where it stands in the place of libheif's and FFmpeg's way of
// reading a file, in a process that decodes for another.
//
// A file ends in a fault: what it says, its name in 32 bytes, the number of bytes that it says in 8, and the mark.
#pragma once

#define DECODER_FAULT_MARK "castor decoders' fault."

/// What the kernel says of its Landlock; below 1 without.
int decoder_fault_landlock_version(void);
