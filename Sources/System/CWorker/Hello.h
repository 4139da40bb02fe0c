#pragma once

#include "CWorker.h"

enum { CASTOR_HELLO_MAGIC = 0x43574b31 };

/// A worker's first message, before it has seen a file.
typedef struct {
    uint32_t magic;
    castor_sandbox sandbox;
} castor_hello;
