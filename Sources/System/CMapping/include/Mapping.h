#ifndef CASTOR_MAPPING_H
#define CASTOR_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

/// A file in memory that others may cut short meanwhile: what is gone reads as zeros instead of ending the process with SIGBUS.
typedef struct {
    const void *start;
    size_t size;
    int slot;
} castor_mapping;

/// Maps the first `size` bytes, at least one, of an open file to be read. 0, or what `errno` says; ENOMEM, too, where `CASTOR_MAPPINGS` are open.
int castor_mapping_open(castor_mapping *mapping, int file, size_t size);

/// Whether something of it was gone, or could not be read from the disk, when it was looked at.
bool castor_mapping_is_cut(const castor_mapping *mapping);

/// Nobody may read it any more.
void castor_mapping_close(castor_mapping *mapping);

#define CASTOR_MAPPINGS 64

#endif
