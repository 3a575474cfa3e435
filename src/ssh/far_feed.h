/* SPDX-License-Identifier: MIT
 *
 * far_feed: what the script of far.c reads: how long, which words, which files, "go".
 *
 *     SECONDS                     0: no limit
 *     WORDS, and as many lines    \0OOO for each byte of a word
 *     FILES, and for each         its name, its size, that many bytes
 *     go
 *     .                           a beat, every FAR_BEAT_MS: we are there
 *
 * Written as ssh takes it. One thread; `files` and `argv` are borrowed until far_feed_done().
 */
#ifndef HIL_SSH_FAR_FEED_H
#define HIL_SSH_FAR_FEED_H

#include "base/buf.h"
#include "base/ctx.h"
#include "ssh/far.h"

#define FAR_BEAT_MS 2000

struct far_feed {
    const struct far_file *files;
    size_t count, next;
    int fd; /* the file under way; -1: none */
    uint64_t left;
    bool gone;       /* all of it is in `bytes`, or was taken */
    int64_t beat_ns; /* the last */
    struct buf bytes;
};

/* -ERR_LIMIT: words that are too long together. */
int far_feed_begin(struct far_feed *feed, const char *const *argv, const struct far_file *files,
                   size_t count, const struct ctx *ctx, struct err *err);
/* As much as `fd`, which does not block, takes now. That nobody reads it any more is no error. */
int far_feed_some(struct far_feed *feed, int fd, struct err *err);
/* Once it is over, where one is due. */
void far_feed_beat(struct far_feed *feed, int fd);
bool far_feed_over(const struct far_feed *feed);
void far_feed_done(struct far_feed *feed);

#endif
