/* SPDX-License-Identifier: MIT
 *
 * rig_summary: what a shift brought: boards, yield, times, failures by reason; as text, CSV and
 * JSON.
 *
 *     rig_summary_read(store, lab, since_us, &summary, err)
 *     rig_summary_print(&summary, &term)  rig_summary_write(&summary, csv, fd, err)
 *     rig_summary_done(&summary)
 *
 * A board counts once, by what came of its last try, and one without a serial number each time. The
 * yield is of those that came to an end: done, or failed. Reasons are put together where they
 * differ in numbers and places only. Blocks as the store and the file do.
 */
#ifndef HIL_SERVE_RIG_SUMMARY_H
#define HIL_SERVE_RIG_SUMMARY_H

#include "base/term.h"
#include "store/store.h"

struct rig_try { /* owned texts; "" where there is none */
    unsigned slot;
    const char *board, *path, *image, *sha256, *outcome, *step, *reason, *identity;
    int64_t started_us, took_us;
    bool last; /* of its board */
};
struct rig_reason {
    char *text;
    uint64_t boards;
};
struct rig_summary {
    char *lab;
    int64_t since_us, until_us; /* Unix time */
    struct rig_try *tries;
    size_t try_count;
    uint64_t done, failed, unplugged, cut_short; /* boards, by their last try */
    int64_t mean_us, longest_us;                 /* of those that are done; 0: none is */
    struct rig_reason *reasons; /* of failed and unplugged; the most frequent first */
    size_t reason_count;
};
int rig_summary_read(struct store *store, const char *lab, int64_t since_us,
                     struct rig_summary *ret, struct err *err);
void rig_summary_done(struct rig_summary *summary);
void rig_summary_print(const struct rig_summary *summary, const struct term *term);
/* JSON: all of it; CSV: a line a try. */
int rig_summary_write(const struct rig_summary *summary, bool csv, int fd, struct err *err);
/* Without numbers, addresses and hub paths; the caller frees. */
char *rig_summary_reason(const char *reason);

#endif
