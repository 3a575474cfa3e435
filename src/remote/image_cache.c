/* SPDX-License-Identifier: MIT */
#include "remote/image_cache.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool image_digest_valid(const char *sha256)
{
    return strlen(sha256) == SHA256_HEX_SIZE - 1 &&
           strspn(sha256, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

bool image_cache_has(const char *dir, const char *sha256)
{
    cleanup_free char *path = fs_join(dir, sha256);

    return image_digest_valid(sha256) && utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

int image_cache_put(const char *dir, const char *sha256, const void *bytes, size_t count,
                    struct err *err)
{
    cleanup_free char *path = fs_join(dir, sha256);
    char digest[SHA256_HEX_SIZE];
    int rc;

    sha256_hex(bytes, count, digest);
    if (strcmp(digest, sha256) != 0)
        return err_set(err, ERR_DATA, "the image does not have the digest %.64s", sha256);
    rc = fs_mkdirs(dir, 0700, err);
    if (rc == 0)
        image_cache_trim(dir, count < IMAGE_CACHE_BYTES ? IMAGE_CACHE_BYTES - count : 0);
    return rc == 0 ? fs_write(path, bytes, count, err) : rc;
}

int image_cache_lend(const char *dir, const char *sha256, const char *path, struct err *err)
{
    cleanup_free char *cached = fs_join(dir, sha256);

    if (!image_digest_valid(sha256))
        return err_set(err, ERR_PROTOCOL, "'%.80s' is no digest", sha256);
    utimensat(AT_FDCWD, cached, NULL, 0); /* it is the newest now */
    return link(cached, path) < 0 ? err_sys(err, errno, "image %s", sha256) : 0;
}

struct cached {
    char *path;
    struct timespec used;
    size_t size;
};

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct cached *)a)->used;
    const struct timespec *y = &((const struct cached *)b)->used;

    return x->tv_sec != y->tv_sec ? (x->tv_sec < y->tv_sec ? -1 : 1)
                                  : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static size_t list(const char *dir, struct cached **ret, size_t *ret_bytes)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, NULL, NULL);
    size_t files = 0;

    *ret = xcalloc(count > 0 ? (size_t)count : 1, sizeof **ret);
    *ret_bytes = 0;
    for (int i = 0; i < count; i++) {
        char *path = fs_join(dir, entries[i]->d_name);
        struct stat info;
        if (image_digest_valid(entries[i]->d_name) && lstat(path, &info) == 0) {
            (*ret)[files++] = (struct cached){path, info.st_mtim, (size_t)info.st_size};
            *ret_bytes += (size_t)info.st_size;
        } else {
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return files;
}

void image_cache_trim(const char *dir, size_t bytes)
{
    struct cached *files;
    size_t total, count = list(dir, &files, &total);

    qsort(files, count, sizeof *files, by_use);
    for (size_t i = 0; i < count; i++) {
        if (total > bytes && unlink(files[i].path) == 0)
            total -= files[i].size;
        free(files[i].path);
    }
    free(files);
}
