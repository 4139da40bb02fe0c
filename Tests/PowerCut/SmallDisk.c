#define _GNU_SOURCE
#include "SmallDisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { max_disks = 16, block = 4096 };

struct disk {
    /// As it was named, and as it is: it may be gone before the disk is.
    char name[PATH_MAX], path[PATH_MAX];
    long long bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk disks[max_disks];
static atomic_int disk_count;

static long long blocks(long long bytes) { return (bytes + block - 1) / block * block; }

int small_disk_begin(const char *folder, long long bytes) {
    pthread_mutex_lock(&lock);
    int code = ENOSPC;
    for (int index = 0; index < max_disks; index++) {
        struct disk *disk = &disks[index];
        if (disk->path[0] != 0) continue;
        disk->bytes = bytes;
        snprintf(disk->name, sizeof disk->name, "%s", folder);
        code = realpath(folder, disk->path) == NULL ? errno : 0;
        if (code != 0) disk->path[0] = 0;
        else atomic_fetch_add(&disk_count, 1);
        break;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

void small_disk_end(const char *folder) {
    pthread_mutex_lock(&lock);
    for (int index = 0; index < max_disks; index++) {
        if (disks[index].path[0] == 0 || strcmp(disks[index].name, folder) != 0) continue;
        disks[index].path[0] = 0;
        atomic_fetch_sub(&disk_count, 1);
    }
    pthread_mutex_unlock(&lock);
}

static long long used(const char *path) {
    DIR *entries = opendir(path);
    long long sum = 0;
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char next[PATH_MAX * 2];
        struct stat status;
        snprintf(next, sizeof next, "%s/%s", path, entry->d_name);
        if (lstat(next, &status) != 0) continue;
        sum += S_ISDIR(status.st_mode) ? used(next) : blocks(status.st_size);
    }
    if (entries != NULL) closedir(entries);
    return sum;
}

/// How far a file may reach, which wants to reach `end`.
static long long reach(int descriptor, long long end) {
    if (atomic_load(&disk_count) == 0) return end;
    int error = errno;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    struct stat status;
    if (length > 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        path[length] = 0;
        pthread_mutex_lock(&lock);
        for (int index = 0; index < max_disks; index++) {
            size_t count = strlen(disks[index].path);
            if (count == 0 || strncmp(path, disks[index].path, count) != 0 || path[count] != '/') continue;
            long long most = blocks(status.st_size) + disks[index].bytes - used(disks[index].path);
            if (most < blocks(status.st_size)) most = blocks(status.st_size);
            if (end > most) end = most;
        }
        pthread_mutex_unlock(&lock);
    }
    errno = error;
    return end;
}

static ssize_t write_at(int descriptor, const void *bytes, size_t count, off_t offset) {
    long long end = reach(descriptor, offset + (long long)count);
    if (end <= offset && count > 0) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, descriptor, bytes, (size_t)(end - offset), offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return write_at(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return write_at(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (atomic_load(&disk_count) > 0) {
        int error = errno;
        bool appends = fcntl(descriptor, F_GETFL) & O_APPEND;
        off_t offset = lseek(descriptor, 0, appends ? SEEK_END : SEEK_CUR);
        errno = error;
        long long end = offset < 0 ? 0 : reach(descriptor, offset + (long long)count);
        if (offset >= 0 && end <= offset && count > 0) {
            errno = ENOSPC;
            return -1;
        }
        if (offset >= 0) count = (size_t)(end - offset);
    }
    return syscall(SYS_write, descriptor, bytes, count);
}

int posix_fallocate(int descriptor, off_t offset, off_t count) {
    if (reach(descriptor, offset + count) < offset + count) return ENOSPC;
    return syscall(SYS_fallocate, descriptor, 0, offset, count) == 0 ? 0 : errno;
}
