/* SPDX-License-Identifier: MIT
 *
 * into_dir: files that become visible in a directory all at once, when they have been judged.
 *
 *     into_dir_open(&into, "out", err)
 *     ... into_dir_taker(&into) takes files; into_dir_restart() forgets them ...
 *     into_dir_commit(&into, err)       moves them to their names below the directory
 *     into_dir_done(&into)              removes what was not committed
 *
 * Until then they lie in a directory of their own beside their places (".hil-fetch-...") under
 * numbers. A name never leads out: directories are walked one by one, links are not followed.
 * Blocks as long as the disk does. One thread at a time.
 */
#ifndef HIL_SOURCE_INTO_DIR_H
#define HIL_SOURCE_INTO_DIR_H

#include "source/curl_api.h"
#include "source/parts.h"

#include <stdbool.h>

struct into_file {
    char *name; /* relative to the directory */
    uint64_t size;
    char sha256[SHA256_HEX_SIZE];
};

struct into_dir {
    char *dir, *stage; /* `stage` is a path, too */
    char *below;       /* where names begin: "" or "NAME/", set by the caller; owned */
    int dir_fd, stage_fd;
    struct into_file *files;
    size_t count;
    size_t keep;  /* restart forgets those from here on */
    bool hashing; /* set by the caller: files get their sha256, else "" */
    int fd;       /* of the file that is being written; -1: none */
    struct sha256 sha;
};

int into_dir_open(struct into_dir *into, const char *dir, struct err *err);
struct source_taker into_dir_taker(struct into_dir *into);
void into_dir_restart(void *into);
/* Where file `index` lies now. Caller frees. */
char *into_dir_staged(const struct into_dir *into, size_t index);
int into_dir_commit(struct into_dir *into, struct err *err);
void into_dir_done(struct into_dir *into); /* zeroed is fine */

#endif
