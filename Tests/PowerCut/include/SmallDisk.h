#pragma once

/// A disk that is full: files below a folder have so many bytes together, in blocks of 4 KiB, and who writes more is told ENOSPC.
///
/// Linked into a program, this stands before write, pwrite and posix_fallocate, for its libraries too.

/// Returns 0, or errno.
int small_disk_begin(const char *_Nonnull folder, long long bytes);

void small_disk_end(const char *_Nonnull folder);
