#ifndef CASTOR_MPI_H
#define CASTOR_MPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MPI, in builds with the trait MPI. All of it is called from one thread. What fails ends every process of the job: MPI's own default.

/// Whether this build has MPI.
bool castor_mpi_is_built(void);

/// Joins the processes that mpirun started. False where MPI cannot begin.
bool castor_mpi_begin(int *rank, int *count);

/// `values`, rows of `columns` floats, holds a stretch of each process, `counts[i]` rows from row `offsets[i]` on; afterwards all hold all of them.
/// All rows of a call together are less than 2^31 floats; those before them may be more.
void castor_mpi_gather(float *values, int columns, const int *counts, const int *offsets);

/// The sum over all processes, in the place of each one's own.
void castor_mpi_sum(float *values, size_t count);

/// The largest of what the processes give.
int64_t castor_mpi_largest(int64_t value);

/// The first process's bytes, in all.
void castor_mpi_share(void *bytes, size_t count);

/// Leaves; waits for the others.
void castor_mpi_end(void);

/// Ends all processes of the job.
void castor_mpi_abort(int status);

#endif
