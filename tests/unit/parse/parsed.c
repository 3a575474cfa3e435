/* SPDX-License-Identifier: MIT */
#include "parsed.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

struct parsed parse_bytes(const struct parse_options *options, const char *bytes, size_t size,
                          size_t step, int64_t us_per_byte, enum capture_end end)
{
    struct parsed parsed = {.job = job_result_new()};
    struct parser *parser = NULL;
    struct err err = {0};
    cr_assert_eq(parser_new(options, NULL, parsed.job, &parser, &err), 0, "%s", err.message);
    for (size_t at = 0; at < size; at += step) {
        size_t count = size - at < step ? size - at : step;
        /* a copy of its own size, so that the sanitizer sees a read past the end */
        char *copy = malloc(count);
        cr_assert(copy);
        memcpy(copy, bytes + at, count);
        int64_t time_us = us_per_byte < 0 ? -1 : (int64_t)at * us_per_byte;
        parsed.state = parser_feed(parser, copy, count, time_us, at);
        free(copy);
    }
    parsed.patience_ms = parser_patience_ms(parser);
    parsed.silence = parser_silence(parser);
    int64_t end_us = us_per_byte < 0 ? -1 : (int64_t)size * us_per_byte;
    const char *trouble = parser_finish(parser, end, end_us);
    parsed.trouble = trouble ? trouble : "";
    parser_free(parser);
    return parsed;
}

struct parsed parse_text(const char *format, const char *text)
{
    struct parse_options options = {.format = format};
    return parse_bytes(&options, text, strlen(text), strlen(text), -1, END_EOF);
}

void parsed_done(struct parsed *parsed)
{
    job_result_free(parsed->job);
}

const struct test_case *parsed_case(const struct parsed *parsed, const char *name)
{
    for (size_t i = 0; i < parsed->job->suite_count; i++)
        for (size_t k = 0; k < parsed->job->suites[i].count; k++)
            if (!strcmp(parsed->job->suites[i].cases[k].name, name))
                return &parsed->job->suites[i].cases[k];
    return NULL;
}

size_t parsed_count(const struct parsed *parsed)
{
    return job_counts(parsed->job).total;
}

static void show_detail(const char *detail, struct buf *out)
{
    while (detail) {
        const char *end = strchrnul(detail, '\n');
        buf_addf(out, "    | %.*s\n", (int)(end - detail), detail);
        detail = *end ? end + 1 : NULL;
    }
}

static void show_case(const struct test_suite *suite, const struct test_case *shown,
                      struct buf *out)
{
    buf_addf(out, "%s%s%s [%s] %s", case_result_name(shown->result), shown->error_type ? " " : "",
             shown->error_type ? shown->error_type : "", suite->name, shown->name);
    if (shown->file)
        buf_addf(out, " (%s:%u)", shown->file, shown->line);
    if (shown->duration_us >= 0)
        buf_addf(out, " %" PRId64 " us", shown->duration_us);
    buf_addf(out, " log %" PRIu64 "-%" PRIu64 "\n", shown->log_begin, shown->log_end);
    if (shown->message)
        buf_addf(out, "    %s\n", shown->message);
    show_detail(shown->detail, out);
}

void parsed_show(const struct parsed *parsed, struct buf *out)
{
    static const char *const states[] = {"more", "done", "crashed", "reboots", "other-image"};
    const struct job_result *job = parsed->job;
    buf_addf(out, "format %s, %s, state %s\n", job->format ? job->format : "unknown",
             job->complete ? "complete" : "incomplete", states[parsed->state]);
    buf_addf(out, "lines %" PRIu64 ", replaced %" PRIu64 ", cut %" PRIu64 "\n", job->capture.lines,
             job->capture.replaced_bytes, job->capture.cut_lines);
    if (*parsed->trouble)
        buf_addf(out, "trouble: %s\n", parsed->trouble);
    for (size_t i = 0; i < job->suite_count; i++)
        for (size_t k = 0; k < job->suites[i].count; k++)
            show_case(&job->suites[i], &job->suites[i].cases[k], out);
}
