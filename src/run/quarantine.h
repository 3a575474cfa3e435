/* SPDX-License-Identifier: MIT
 *
 * quarantine: boards that nothing is run on until somebody has looked at them.
 *
 * A board comes into it when everything that recovery knows was tried and it could not be flashed,
 * or when its health check fails; it comes out by `hil boards --release` or a health check that
 * passes. Without a store (NULL) there is none.
 */
#ifndef HIL_RUN_QUARANTINE_H
#define HIL_RUN_QUARANTINE_H

#include "notify/notifier.h"
#include "result/event.h"
#include "run/job.h"
#include "store/store.h"

/* "in quarantine since 2026-11-26 14:03: flash openocd: ...; ..." with the way out; NULL: it is in
 * none. The caller frees. */
char *quarantine_words(struct store *store, const char *lab, const char *board);
/* Takes such boards from the jobs' candidates, with a warning each; a job that has no other is
 * barred. */
void quarantine_leave_out(struct store *store, const struct lab *lab, struct job *jobs,
                          size_t count, struct events *events);
/* Viewers and whoever wants to know (notify/notifier.h) are told. */
void quarantine_add(struct store *store, const char *lab, const char *board, const char *reason,
                    struct events *events, struct notifier *notifier);

#endif
