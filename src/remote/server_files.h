/* SPDX-License-Identifier: MIT
 *
 * server_files: the files that a verb on a server leaves, as they come over the link, piece by
 * piece.
 *
 *     server_files_begin(&files, dir, names)
 *     server_files_take(&files, frame, err)      for each frame "file"
 *     server_files_end(&files)
 *
 * They are written into `dir` as they come, so what has come stays where the link breaks. No name
 * but those asked for is ever opened, none through a link, and all of them together have no more
 * than SERVER_FILES_MAX bytes. Blocks as long as the disk does.
 * /
 */
#ifndef HIL_REMOTE_SERVER_FILES_H
#define HIL_REMOTE_SERVER_FILES_H

#include "remote/frame.h"

#define SERVER_FILES_MAX (UINT64_C(16) << 30) /* bytes that one call's files may have */

struct server_files {
    const char *dir;
    const char *const *names; /* NULL-terminated; NULL: none */
    int *fds;                 /* of those that are coming; -1: not one of them */
    uint64_t *sizes;          /* of each, as far as it is known */
    uint64_t room;            /* bytes that may come yet */
};

/* Borrows both until the end. */
void server_files_begin(struct server_files *files, const char *dir, const char *const *names);
/* One that nobody asked for is let go by: a newer hil may leave more. -ERR_LIMIT; -ERR_IO with the
 * path. */
int server_files_take(struct server_files *files, const struct frame *frame, struct err *err);
void server_files_end(struct server_files *files);

#endif
