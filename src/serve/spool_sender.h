/* SPDX-License-Identifier: MIT
 *
 * spool_sender: what runs had to remember while the database was away (store/spool.h), sent by a
 * service that is there all day, should no run come to do it.
 *
 *     spool_sender_turn(&sender, lab, lab_path, state_dir, ctx, &due)      with each turn of its loop
 *     spool_sender_end(&sender)
 *
 * Something is looked for once in SPOOL_SENDER_MS, and sent by a `hil store send` that the service
 * does not wait for, as a database may block. Of a lab whose store is a file nothing is done. One
 * thread; zeroed is one that has not begun.
 */
#ifndef HIL_SERVE_SPOOL_SENDER_H
#define HIL_SERVE_SPOOL_SENDER_H

#include "conf/lab.h"
#include "serve/page/child.h"

#define SPOOL_SENDER_MS 30000

struct spool_sender {
    struct child child;
    char *program;
    int64_t next_ns; /* the next look; 0: there was none */
};

/* Makes *due_ns sooner where there is something to do before. */
void spool_sender_turn(struct spool_sender *sender, const struct lab *lab, const char *lab_path,
                       const char *state_dir, const struct ctx *ctx, int64_t *due_ns);
void spool_sender_end(struct spool_sender *sender);

#endif
