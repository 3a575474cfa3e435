/* SPDX-License-Identifier: MIT */
#include "result/case.h"

#include "base/str.h"

#include <stdlib.h>

const char *case_result_name(enum case_result result)
{
    switch (result) {
    case CASE_PASS:
        return "pass";
    case CASE_FAIL:
        return "fail";
    case CASE_SKIP:
        return "skip";
    case CASE_ERROR:
        break;
    }
    return "error";
}

struct test_case *suite_add(struct test_suite *suite)
{
    struct test_case *test_case;

    if (suite->count == suite->room) {
        suite->room = suite->room ? suite->room * 2 : 8;
        suite->cases = xrealloc(suite->cases, suite->room, sizeof *suite->cases);
    }
    test_case = &suite->cases[suite->count++];
    *test_case = (struct test_case){.name = "", .start_us = -1, .end_us = -1, .duration_us = -1};
    return test_case;
}

struct test_counts suite_counts(const struct test_suite *suite)
{
    struct test_counts counts = {.total = suite->count};

    for (size_t i = 0; i < suite->count; i++) {
        switch (suite->cases[i].result) {
        case CASE_PASS:
            counts.pass++;
            counts.flaky += suite->cases[i].earlier != NULL;
            break;
        case CASE_FAIL:
            counts.fail++;
            break;
        case CASE_ERROR:
            counts.error++;
            break;
        case CASE_SKIP:
            counts.skip++;
            break;
        }
    }
    return counts;
}

void counts_add(struct test_counts *sum, struct test_counts more)
{
    sum->total += more.total;
    sum->pass += more.pass;
    sum->fail += more.fail;
    sum->error += more.error;
    sum->skip += more.skip;
    sum->flaky += more.flaky;
}

bool case_like(const char *suite, const char *name, const char *pattern)
{
    cleanup_free char *full = str_glob(pattern, name) ? NULL : xasprintf("%s.%s", suite, name);

    return !full || str_glob(pattern, full);
}

const char *case_file(const struct test_case *test_case)
{
    return test_case->path ? test_case->path : test_case->file;
}
