#pragma once
#include <cblas.h>

/* LAPACK, which libopenblas holds and whose headers Debian puts into a package of their own. */

void sgesdd_(
    char *jobz, int *m, int *n, float *a, int *lda, float *s, float *u, int *ldu, float *vt, int *ldvt, float *work, int *lwork,
    int *iwork, int *info);

void dposv_(char *uplo, int *n, int *nrhs, double *a, int *lda, double *b, int *ldb, int *info);
