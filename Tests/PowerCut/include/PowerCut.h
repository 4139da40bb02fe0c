#pragma once

/// A disk that forgets: of what a process does to it, only what it synced is there after a power cut.
///
/// Linked into a program, this stands before fsync and fdatasync, for its libraries too. On a disk, a folder that was named, nothing is synced; instead
/// a sync of a file keeps a copy of its bytes elsewhere, and a sync of a folder its list of names. What was kept is the disk after the cut.
///
/// A program that is killed has its disks named by its environment: CASTOR_DISK, CASTOR_DISK_KEPT, and in CASTOR_DISK_FORGETS `files` or `folders`, of
/// which every sync is passed over.

/// Begins with everything that is there. `kept` is made where it is missing; a disk whose `kept` is there already goes on. Returns 0, or errno.
int power_cut_begin(const char *_Nonnull disk, const char *_Nonnull kept);

void power_cut_end(const char *_Nonnull disk);
