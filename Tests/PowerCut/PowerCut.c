#define _GNU_SOURCE
#include "PowerCut.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { max_disks = 32, key_bytes = 64 };

struct disk {
    char path[PATH_MAX], kept[PATH_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk disks[max_disks];
static bool forgets_files, forgets_folders;

/// Tells a file from every other, one that has its number later too.
static int key_at(int folder, const char *name, int flags, char key[key_bytes], mode_t *mode) {
    struct statx status;
    if (statx(folder, name, flags | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_TYPE | STATX_BTIME, &status) != 0) return errno;
    snprintf(key, key_bytes, "%llu-%lld-%u", (unsigned long long)status.stx_ino, (long long)status.stx_btime.tv_sec,
             status.stx_btime.tv_nsec);
    *mode = status.stx_mode;
    return 0;
}

static int write_all(int descriptor, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(descriptor, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

/// Of a file that may be open for writing alone.
static int copy_bytes(int file, int to) {
    static char buffer[1 << 20];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int from = open(link, O_RDONLY | O_CLOEXEC);
    if (from < 0) return errno;
    int code = 0;
    while (code == 0) {
        ssize_t count = read(from, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            code = count < 0 ? errno : 0;
            break;
        }
        code = write_all(to, buffer, (size_t)count);
    }
    close(from);
    return code;
}

/// A line a name: its kind, its key, a space each, and the name.
static int copy_names(int folder, int to) {
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) return errno;
    DIR *entries = fdopendir(again);
    if (entries == NULL) return errno;
    int code = 0;
    struct dirent *entry;
    while (code == 0 && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char key[key_bytes], line[key_bytes + NAME_MAX + 8];
        mode_t mode;
        // Removed just now.
        if (key_at(again, entry->d_name, 0, key, &mode) != 0) continue;
        if (!S_ISREG(mode) && !S_ISDIR(mode)) continue;
        int length = snprintf(line, sizeof line, "%c %s %s\n", S_ISDIR(mode) ? 'd' : 'f', key, entry->d_name);
        code = write_all(to, line, (size_t)length);
    }
    closedir(entries);
    return code;
}

/// In one step: a process that is killed in it has synced nothing.
static int keep(const struct disk *disk, int descriptor) {
    char key[key_bytes], path[PATH_MAX * 2], next[PATH_MAX * 2];
    mode_t mode;
    int code = key_at(descriptor, "", AT_EMPTY_PATH, key, &mode);
    if (code != 0) return code;
    if (S_ISREG(mode) ? forgets_files : forgets_folders) return 0;
    snprintf(path, sizeof path, "%s/%s", disk->kept, key);
    snprintf(next, sizeof next, "%s/next", disk->kept);
    int to = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) return errno;
    code = S_ISDIR(mode) ? copy_names(descriptor, to) : copy_bytes(descriptor, to);
    close(to);
    return code == 0 && rename(next, path) != 0 ? errno : code;
}

static int keep_all(const struct disk *disk, const char *path) {
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return errno;
    int code = keep(disk, descriptor);
    DIR *entries = fdopendir(descriptor);
    if (entries == NULL) {
        close(descriptor);
        return code;
    }
    struct dirent *entry;
    while (code == 0 && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char next[PATH_MAX];
        snprintf(next, sizeof next, "%s/%s", path, entry->d_name);
        code = keep_all(disk, next);
    }
    closedir(entries);
    return code;
}

/// With what is on the disk already, and the key of its folder in a file `disk`.
static int keep_first(const struct disk *disk) {
    if (mkdir(disk->kept, 0700) != 0) return errno == EEXIST ? 0 : errno;
    char key[key_bytes], path[PATH_MAX * 2];
    mode_t mode;
    int code = key_at(AT_FDCWD, disk->path, 0, key, &mode);
    if (code == 0) code = keep_all(disk, disk->path);
    if (code != 0) return code;
    snprintf(path, sizeof path, "%s/disk", disk->kept);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return errno;
    code = write_all(descriptor, key, strlen(key));
    close(descriptor);
    return code;
}

int power_cut_begin(const char *path, const char *kept) {
    pthread_mutex_lock(&lock);
    int code = ENOSPC;
    for (int index = 0; index < max_disks; index++) {
        struct disk *disk = &disks[index];
        if (disk->path[0] != 0) continue;
        snprintf(disk->kept, sizeof disk->kept, "%s", kept);
        code = realpath(path, disk->path) == NULL ? errno : keep_first(disk);
        if (code != 0) disk->path[0] = 0;
        break;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

void power_cut_end(const char *path) {
    char real[PATH_MAX];
    if (realpath(path, real) == NULL) return;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < max_disks; index++)
        if (strcmp(disks[index].path, real) == 0) disks[index].path[0] = 0;
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin_by_environment(void) {
    const char *path = getenv("CASTOR_DISK"), *kept = getenv("CASTOR_DISK_KEPT"), *forgets = getenv("CASTOR_DISK_FORGETS");
    if (path == NULL || kept == NULL) return;
    int code = power_cut_begin(path, kept);
    if (code != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(code));
        abort();
    }
    forgets_files = forgets != NULL && strcmp(forgets, "files") == 0;
    forgets_folders = forgets != NULL && strcmp(forgets, "folders") == 0;
}

/// -1 where it is none of a disk's.
static int sync_on_disk(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    int code = -1;
    pthread_mutex_lock(&lock);
    for (int index = 0; index < max_disks && code < 0; index++) {
        size_t count = strlen(disks[index].path);
        if (count == 0 || strncmp(path, disks[index].path, count) != 0) continue;
        if (path[count] == 0 || path[count] == '/') code = keep(&disks[index], descriptor);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int synced(int descriptor, long call) {
    int code = sync_on_disk(descriptor);
    if (code < 0) return (int)syscall(call, descriptor);
    errno = code;
    return code == 0 ? 0 : -1;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }

int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }
