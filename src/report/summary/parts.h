/* SPDX-License-Identifier: MIT
 *
 * parts: summary.md as it grows, and those of its sections that have a file of their own.
 *
 * A section puts together a block, which goes onto the page whole or, where there is no room for
 * it, not at all. What was left out is told at the page's end.
 */
#ifndef HIL_REPORT_SUMMARY_PARTS_H
#define HIL_REPORT_SUMMARY_PARTS_H

#include "base/buf.h"
#include "result/result.h"

#include <stdbool.h>

#define SUMMARY_LINE_BYTES_MAX 600 /* of what a board printed */
#define SUMMARY_NOTES_MAX 20       /* boards with a line of their own in a section */

struct summary {
    const struct run_result *run;
    struct buf body;  /* its ceiling is what the page may hold, less what is kept for its end */
    struct buf block; /* the next piece */
    struct buf text;
    size_t failures_cut;
    bool logs_cut, parts_cut;
    bool several_tests; /* jobs differ in their test */
};

/* Into the block: our own words, */
void summary_say(struct summary *page, const char *ours);
/* somebody else's as a code span, and as one inside of an HTML block, */
void summary_code(struct summary *page, const char *text);
void summary_html_code(struct summary *page, const char *text);
/* an item of a list about a job: in our words, and in somebody else's. */
void summary_note(struct summary *page, const struct job_result *job, const char *ours);
void summary_note_code(struct summary *page, const struct job_result *job, const char *words);
/* The block onto the page. False: there was no room; it is gone. */
bool summary_fits(struct summary *page);
/* The same for what nobody counts. */
void summary_commit(struct summary *page);

void summary_broke(struct summary *page);    /* broke.c */
void summary_blame(struct summary *page);    /* again.c */
void summary_attempts(struct summary *page); /* again.c */
void summary_identity(struct summary *page); /* notes.c */
void summary_honesty(struct summary *page);  /* notes.c */
void summary_slowest(struct summary *page);  /* notes.c */

#endif
