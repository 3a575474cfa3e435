/* SPDX-License-Identifier: MIT
 *
 * notifier: where everything in hil that has news brings them.
 *
 *     struct notifier *notifier = notifier_open(lab, state_dir, &err);     NULL: nobody is to be told
 *     notifier_add(notifier, &(struct notice){.kind = NOTICE_POOL_LOW, .title = ...})
 *     notifier_run(notifier, &run)
 *     notifier_close(notifier)
 *
 * Adding writes a file for each sink that wants it and is done. Closing starts a process that sends
 * (sender.h), where something waits, be it from before: nobody waits for it, and if it comes to
 * nothing the next hil sends. All functions take NULL, and none fails: news must never be in the
 * way of what they are about. Thread-safe but for opening and closing.
 */
#ifndef HIL_NOTIFY_NOTIFIER_H
#define HIL_NOTIFY_NOTIFIER_H

#include "conf/lab.h"
#include "notify/notice.h"
#include "result/result.h"

struct notifier;

/* The lab is borrowed until notifier_close(). NULL with err->code 0: it has no sinks; else what is
 * wrong with them. */
struct notifier *notifier_open(const struct lab *lab, const char *state_dir, struct err *err);
/* `lab` and a zero `unix_us` are filled in. */
void notifier_add(struct notifier *notifier, const struct notice *notice);
/* The usual one: of one board, with a title that begins with lab and board. */
void notifier_board(struct notifier *notifier, enum notice_kind kind, const char *board,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A run has ended. A sink that wants only some boards hears of their jobs. */
void notifier_run(struct notifier *notifier, const struct run_result *run);
/* What went wrong so far, "" where nothing did. */
const char *notifier_trouble(const struct notifier *notifier);
void notifier_close(struct notifier *notifier);

#endif
