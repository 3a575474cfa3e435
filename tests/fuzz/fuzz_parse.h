/* SPDX-License-Identifier: MIT
 *
 * What must hold of any log: it reads the same at once and in pieces, nothing is complete without a
 * case, and every case is well-formed.
 */
#ifndef HIL_FUZZ_PARSE_H
#define HIL_FUZZ_PARSE_H

#include "base/str.h"
#include "parse/parser.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_case(const struct test_case *found, size_t count)
{
    require(found->name && *found->name);
    require((found->result == CASE_ERROR) == (found->error_type != NULL));
    require(found->log_begin <= found->log_end && found->log_end <= count);
    require(!found->message || (*found->message && !strchr(found->message, '\n')));
}

static const char *read_log(const struct parse_options *options, const uint8_t *bytes, size_t count,
                            size_t step, struct job_result *job)
{
    struct parser *parser = NULL;
    if (parser_new(options, NULL, job, &parser, NULL) < 0)
        return "options";
    for (size_t at = 0; at < count; at += step)
        parser_feed(parser, bytes + at, count - at < step ? count - at : step, -1, at);
    const char *trouble = parser_finish(parser, END_EOF, -1);
    parser_free(parser);
    return trouble;
}

static void fuzz_log(const struct parse_options *options, const uint8_t *bytes, size_t count)
{
    struct job_result *whole = job_result_new(), *pieces = job_result_new();
    size_t step = count ? 1 + bytes[0] % 9 : 1;
    const char *a = read_log(options, bytes, count, count ? count : 1, whole);
    const char *b = read_log(options, bytes, count, step, pieces);
    require(str_eq(a, b) && whole->complete == pieces->complete);
    require(whole->suite_count == pieces->suite_count);
    require(!whole->complete || job_counts(whole).total > 0);
    for (size_t i = 0; i < whole->suite_count; i++) {
        require(str_eq(whole->suites[i].name, pieces->suites[i].name));
        require(whole->suites[i].count == pieces->suites[i].count);
        for (size_t k = 0; k < whole->suites[i].count; k++) {
            const struct test_case *x = &whole->suites[i].cases[k];
            const struct test_case *y = &pieces->suites[i].cases[k];
            check_case(x, count);
            require(x->result == y->result && str_eq(x->name, y->name));
            require(str_eq(x->message, y->message) && str_eq(x->detail, y->detail));
            require(x->log_begin == y->log_begin && x->log_end == y->log_end);
        }
    }
    job_result_free(whole);
    job_result_free(pieces);
}

#endif
