/* SPDX-License-Identifier: MIT
 *
 * detached_file: detached.json of a job's directory: where the job goes on without this host.
 *
 * It is there from before the job begins on its server until its result is in the history. What is
 * read may be anybody's, as of a run directory that came out of an archive: the key is one as
 * kept.h makes it, or it is refused.
 */
#ifndef HIL_RUN_DETACHED_FILE_H
#define HIL_RUN_DETACHED_FILE_H

#include "base/err.h"
#include "remote/kept.h"

#include <stdbool.h>
#include <stddef.h>

#define DETACHED_FILE "detached.json"
#define DETACHED_BROKEN DETACHED_FILE ".broken" /* set aside: it leads to no result */
#define DETACHED_FILE_MAX ((size_t)4096)

struct detached_file {
    char server[256];
    char key[KEPT_KEY_SIZE];
    bool home; /* its files are here, and nothing is left to do but to remember them */
};

/* -ERR_DATA, -ERR_LIMIT with `name` and the reason. */
int detached_parse(const char *text, size_t size, const char *name, struct detached_file *ret,
                   struct err *err);
/* -ERR_NOT_FOUND: there is none. */
int detached_read(const char *work_dir, struct detached_file *ret, struct err *err);
int detached_write(const char *work_dir, const char *server, const char *key, bool home,
                   struct err *err);
void detached_remove(const char *work_dir);

#endif
