#include "CMPI.h"

#ifdef CASTOR_MPI

#include <mpi/mpi.h>

/// MPI counts in int.
enum { CASTOR_MPI_PIECE = 1 << 28 };

bool castor_mpi_is_built(void) { return true; }

bool castor_mpi_begin(int *rank, int *count) {
    int provided;
    // The one thread that calls is not the only one that runs.
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) return false;
    return MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS && MPI_Comm_size(MPI_COMM_WORLD, count) == MPI_SUCCESS;
}

void castor_mpi_gather(float *values, int columns, const int *counts, const int *offsets) {
    MPI_Datatype row;
    MPI_Type_contiguous(columns, MPI_FLOAT, &row);
    MPI_Type_commit(&row);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, counts, offsets, row, MPI_COMM_WORLD);
    MPI_Type_free(&row);
}

void castor_mpi_sum(float *values, size_t count) {
    for (size_t start = 0; start < count; start += CASTOR_MPI_PIECE) {
        size_t left = count - start;
        int piece = left < CASTOR_MPI_PIECE ? (int)left : CASTOR_MPI_PIECE;
        MPI_Allreduce(MPI_IN_PLACE, values + start, piece, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    }
}

int64_t castor_mpi_largest(int64_t value) {
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
    return value;
}

void castor_mpi_share(void *bytes, size_t count) {
    for (size_t start = 0; start < count; start += CASTOR_MPI_PIECE) {
        size_t left = count - start;
        int piece = left < CASTOR_MPI_PIECE ? (int)left : CASTOR_MPI_PIECE;
        MPI_Bcast((char *)bytes + start, piece, MPI_BYTE, 0, MPI_COMM_WORLD);
    }
}

void castor_mpi_end(void) { MPI_Finalize(); }

void castor_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

#else

bool castor_mpi_is_built(void) { return false; }
bool castor_mpi_begin(int *rank, int *count) {
    (void)rank, (void)count;
    return false;
}
void castor_mpi_gather(float *values, int columns, const int *counts, const int *offsets) {
    (void)values, (void)columns, (void)counts, (void)offsets;
}
void castor_mpi_sum(float *values, size_t count) { (void)values, (void)count; }
int64_t castor_mpi_largest(int64_t value) { return value; }
void castor_mpi_share(void *bytes, size_t count) { (void)bytes, (void)count; }
void castor_mpi_end(void) {}
void castor_mpi_abort(int status) { (void)status; }

#endif
