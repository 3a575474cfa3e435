/* SPDX-License-Identifier: MIT
 *
 * regex: whatever the firmware prints, found with the user's own patterns (PCRE2, by bytes).
 *
 * A line that matches `fail`, `skip` or `pass`, looked at in this order, is a case; `end` is the
 * end marker, and may be a line that is a case as well. Without a group `name` the case is called
 * by the text that matched. Patterns come from a user and lines from a board, so that backtracking
 * has limits; a line that reaches them is no match, and the run is then no pass.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/str.h"
#include "parse/format.h"

#include <pcre2.h>

#define MATCH_LIMIT 200000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024

enum { FAIL, SKIP, PASS, END, PATTERNS };

struct pattern {
    pcre2_code *code; /* NULL: not given */
    pcre2_match_data *match;
};

struct regex {
    struct pattern patterns[PATTERNS];
    pcre2_match_context *limits;
    uint64_t given_up; /* lines at a limit */
};

static int compile(struct pattern *pattern, const char *text, const char *what, struct err *err)
{
    if (!text)
        return 0;
    int code;
    PCRE2_SIZE offset;
    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
    if (!pattern->code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof(why));
        return err_set(err, ERR_USAGE, "the %s pattern '%s' is wrong at offset %zu: %s", what, text,
                       (size_t)offset, (const char *)why);
    }
    pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* without it matching is slower */
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    return pattern->match ? 0 : err_set(err, ERR_LIMIT, "no memory for the %s pattern", what);
}

static int regex_open(void *state, const struct parse_options *options, struct err *err)
{
    struct regex *regex = state;
    const char *texts[] = {options->fail, options->skip, options->pass, options->end};
    static const char *const names[] = {"fail", "skip", "pass", "end"};
    if (!options->pass || !options->end)
        return err_set(err, ERR_USAGE, "the format 'regex' needs a pattern for %s",
                       options->pass ? "the end of the run" : "tests that pass");
    for (size_t i = 0; i < PATTERNS; i++) {
        int rc = compile(&regex->patterns[i], texts[i], names[i], err);
        if (rc < 0)
            return rc;
    }
    regex->limits = pcre2_match_context_create(NULL);
    if (!regex->limits)
        return err_set(err, ERR_LIMIT, "no memory for patterns");
    pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(regex->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KIB);
    return 0;
}

static void regex_done(void *state)
{
    struct regex *regex = state;
    for (size_t i = 0; i < PATTERNS; i++) {
        pcre2_match_data_free(regex->patterns[i].match);
        pcre2_code_free(regex->patterns[i].code);
    }
    pcre2_match_context_free(regex->limits);
}

static bool matches(struct regex *regex, const struct pattern *pattern, struct text line)
{
    if (!pattern->code)
        return false;
    int rc = pcre2_match(pattern->code, (PCRE2_SPTR)line.at, line.size, 0, 0, pattern->match,
                         regex->limits);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
        regex->given_up++;
    return rc >= 0;
}

/* What a group matched; empty where there is no such group or it took no part. */
static struct text group(const struct pattern *pattern, struct text line, const char *name)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(pattern->match);
    int number = pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)name);
    if (number < 0)
        return (struct text){0};
    size_t pair = 2 * (size_t)number;
    PCRE2_SIZE begin = ends[pair], end = ends[pair + 1];
    if (begin == PCRE2_UNSET || end < begin || end > line.size)
        return (struct text){0};
    return (struct text){.at = line.at + begin, .size = end - begin};
}

static struct text whole_match(const struct pattern *pattern, struct text line)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(pattern->match);
    if (ends[1] < ends[0] || ends[1] > line.size) /* \K in a lookahead, before PCRE2 10.38 */
        return text_trim(line);
    return text_trim((struct text){.at = line.at + ends[0], .size = ends[1] - ends[0]});
}

static void add_case(const struct pattern *pattern, enum case_result result, struct text line,
                     struct collector *collector)
{
    struct finding finding = {.suite = group(pattern, line, "suite"),
                              .name = text_trim(group(pattern, line, "name")),
                              .result = result,
                              .message = group(pattern, line, "message"),
                              .file = group(pattern, line, "file"),
                              .duration_us = -1};
    if (finding.name.size == 0)
        finding.name = whole_match(pattern, line);
    uint64_t number;
    struct scan scan = scan_begin(group(pattern, line, "line"));
    if (scan_number(&scan, &number) && number <= UINT32_MAX)
        finding.line = (uint32_t)number;
    scan = scan_begin(group(pattern, line, "ms"));
    scan_decimal(&scan, 1000, &finding.duration_us);
    collector_result(collector, &finding);
}

static bool regex_line(void *state, struct text line, struct collector *collector)
{
    static const enum case_result results[] = {CASE_FAIL, CASE_SKIP, CASE_PASS};
    struct regex *regex = state;
    bool found = false;
    for (size_t i = 0; i < END && !found; i++) {
        found = matches(regex, &regex->patterns[i], line);
        if (found)
            add_case(&regex->patterns[i], results[i], line, collector);
    }
    if (!matches(regex, &regex->patterns[END], line))
        return found;
    collector_run_end(collector, true, false);
    return true;
}

static void regex_end(void *state, struct collector *collector)
{
    const struct regex *regex = state;
    if (regex->given_up > 0)
        collector_complain(collector, "%llu lines were too much work for the patterns",
                           (unsigned long long)regex->given_up);
}

const struct format format_regex = {
    .name = "regex",
    .summary = "your own patterns: --pass, --fail, --skip, --end",
    .example = "pass: '^(?<name>\\w+) \\.\\.\\. ok$'",
    .state_size = sizeof(struct regex),
    .open = regex_open,
    .line = regex_line,
    .end = regex_end,
    .done = regex_done,
};
