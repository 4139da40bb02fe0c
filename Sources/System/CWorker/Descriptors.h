#pragma once

#define CASTOR_WORKER_VARIABLE "CASTOR_DECODER"
#define CASTOR_WORKER_NAME "castor-decoder"

/// Of the worker.
enum { SOCKET_FD = 3, INPUT_FD = 4, OUTPUT_FD = 5 };
