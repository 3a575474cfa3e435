/* SPDX-License-Identifier: MIT
 *
 * scratch: a directory of its own for one test, and waiting for what another process does.
 */
#ifndef HIL_TEST_SCRATCH_H
#define HIL_TEST_SCRATCH_H

#include "base/buf.h"
#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCRATCH_PATIENCE_MS 10000 /* nothing takes that long; only a broken test waits for it */
#define cleanup_scratch __attribute__((cleanup(scratch_remove)))

static inline char *scratch_make(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = xasprintf("%s/hil-test.XXXXXX", base ? base : "/tmp");

    cr_assert(mkdtemp(dir), "mkdtemp %s", dir);
    return dir;
}

static inline int scratch_remove_one(const char *path, const struct stat *info, int type,
                                     struct FTW *at)
{
    (void)info, (void)type, (void)at;
    return remove(path);
}

static inline void scratch_remove(char **dir)
{
    nftw(*dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*dir);
}

/* A file's text, "" where there is none. Caller frees. */
static inline char *scratch_text(const char *path)
{
    struct buf text = BUF_INIT(1 << 24);

    fs_read(path, &text, NULL);
    return buf_steal(&text);
}

static inline struct ctx scratch_patience(void)
{
    struct ctx forever = ctx_root(-1, NULL);

    return ctx_narrow(&forever, SCRATCH_PATIENCE_MS);
}

/* Waits until `fd` is readable or at its end. */
static inline bool scratch_readable(int fd)
{
    struct ctx ctx = scratch_patience();

    return ctx_wait(&ctx, fd, POLLIN, NULL) > 0;
}

#endif
