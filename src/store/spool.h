/* SPDX-License-Identifier: MIT
 *
 * spool: what runs have to remember while the database is away, kept on this host and sent later.
 *
 *     <state directory>/spool/<lab>/<time>-<process>-<number>.jsonl      an export each (dump.h)
 *                                  /lock                                 one process sends
 *
 *     store_scratch(&store, err)                            rather than store_open(): in memory
 *     ... store_record(store, ...), store_event(store, ...) ...
 *     spool_keep(state_dir, lab, store, err)                all of it is a file now
 *     spool_send(state_dir, lab, store, budget_ms, &sent, err)     whoever reaches the database
 *
 * A file appears whole and is on the disk before spool_keep() returns. It is sent in one
 * transaction, and removed after that; as an import adds nothing twice, it may be sent again. The
 * oldest goes first. One that is broken is set aside as *.bad. A full spool takes no more, rather
 * than lose what it was given. Blocks as long as the disk and the database do.
 */
#ifndef HIL_STORE_SPOOL_H
#define HIL_STORE_SPOOL_H

#include "store/store.h"

#define SPOOL_FILES_MAX 2000
#define SPOOL_SEND_MS 5000 /* of a verb that is done and would end */
#define SPOOL_BYTES_MAX (UINT64_C(256) << 20)

/* A store of this process alone, which is gone when it is closed. */
int store_scratch(struct store **ret, struct err *err);
/* -ERR_LIMIT: it is full. A store in which nothing was written makes no file. */
int spool_keep(const char *state_dir, const char *lab, struct store *scratch, struct err *err);
struct spool_waiting {
    size_t files, bad;
    uint64_t bytes;
};
void spool_look(const char *state_dir, const char *lab, struct spool_waiting *ret);
/* Begins no more files after budget_ms. Nothing where another process sends. *ret: files that
 * went. */
int spool_send(const char *state_dir, const char *lab, struct store *store, int64_t budget_ms,
               size_t *ret, struct err *err);

#endif
