/* SPDX-License-Identifier: MIT
 *
 * query: what the files that ask the history share: a filter as SQL, tries as rows, a loop.
 */
#ifndef HIL_STORE_QUERY_H
#define HIL_STORE_QUERY_H

#include "store/history.h"
#include "store/parts.h"

/* The filter's values are parameters 1 to 6, and 8, its job; 7 is left to a limit. query_tries has
 * the rest of the text. */
void query_bind(struct statement *statement, const struct history_filter *filter);

/* All tries that the filter lets through, of runs and of hil watch, but for filter->test and the
 * limit. A watch's try that was a run is one try. Columns by the names of query_column. */
extern const char query_tries[];
enum query_column {
    TRY_RUN,
    TRY_WATCH,
    TRY_AT,
    TRY_TOOK,
    TRY_FLASH,
    TRY_TEST_US,
    TRY_LAB,
    TRY_BOARD,
    TRY_TEST,
    TRY_TOOL,
    TRY_PROBE,
    TRY_IMAGE,
    TRY_SHA256,
    TRY_BUILD_ID,
    TRY_TAG,
    TRY_ASSET,
    TRY_COMMIT,
    TRY_REF,
    TRY_URL,
    TRY_ATTEMPT,
    TRY_LAST,
    TRY_GOLDEN,
    TRY_OPEN,
    TRY_EXIT,
    TRY_VERDICT,
    TRY_REASON,
    TRY_BLAME,
    TRY_PASSED,
    TRY_FAILED,
    TRY_ERRORS,
    TRY_SKIPPED,
    TRY_FLAKY,
    TRY_JOB, /* 0: none */
};

/* row(arg, statement) for each row until it is not 0, which is returned. */
int query_each(struct statement *statement, int (*row)(void *arg, struct statement *statement),
               void *arg, struct err *err);
const char *query_text(struct statement *statement, int column);
size_t query_size(struct statement *statement, int column);

/* Fills the temporary table wanted(id) with the names that match, as case_like() has it; NULL: it
 * is left empty. */
int query_want(struct store *store, const char *pattern, struct err *err);

#endif
