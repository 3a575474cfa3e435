/* SPDX-License-Identifier: MIT
 *
 * NuttX' ostest. It has no results: a section begins, says ERROR where something is wrong, and
 * ends where the next begins; the program's status is the end.
 *
 *     user_main: mutex test
 *     mutex_test: ERROR thread 1 got a wrong value
 *     user_main: timed wait test
 *     user_main: Exiting
 *     ostest_main: Exiting with status 0
 *
 * Sections are the cases, and the program is one more.
 */
#include "parse/format.h"

#include <string.h>

struct ostest {
    bool failed; /* the open section */
};

/* "user_main: [Begin ]NAME test[s]" */
static bool read_section(struct text line, struct text *ret_name)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "user_main: "))
        return false;
    scan_word(&scan, "Begin ");
    *ret_name = scan_rest(&scan);
    return text_ends(*ret_name, " test") || text_ends(*ret_name, " tests");
}

static bool read_exit(struct text line, bool *ret_ok)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "ostest_main: Exiting with status "))
        return false;
    struct text status = scan_rest(&scan);
    *ret_ok = text_is(status, "0");
    return status.size > 0;
}

static void end_section(struct ostest *ostest, struct collector *collector)
{
    struct text open;
    if (collector_open_test(collector, &open))
        collector_result(collector,
                         &(struct finding){.result = ostest->failed ? CASE_FAIL : CASE_PASS,
                                           .before = true,
                                           .duration_us = -1});
    ostest->failed = false;
}

static void take_exit(bool ok, struct text line, struct collector *collector)
{
    struct finding finding = {.name = text_of("ostest"), .duration_us = -1};
    if (!ok) {
        finding.result = CASE_FAIL;
        finding.message = line;
    }
    collector_result(collector, &finding);
    collector_run_end(collector, ok, false);
}

static bool ostest_line(void *state, struct text line, struct collector *collector)
{
    struct ostest *ostest = state;
    struct text name, open;
    bool ok;
    line = text_trim(line);
    if (line.size == 0)
        return false;
    if (*line.at == 'u' && read_section(line, &name)) {
        end_section(ostest, collector);
        collector_start(collector, (struct text){0}, name);
        return true;
    }
    if (*line.at == 'u' && text_is(line, "user_main: Exiting")) {
        end_section(ostest, collector);
        return true;
    }
    if (*line.at == 'o' && read_exit(line, &ok)) {
        end_section(ostest, collector);
        take_exit(ok, line, collector);
        return true;
    }
    if (memmem(line.at, line.size, ": ERROR", 7) && collector_open_test(collector, &open)) {
        ostest->failed = true;
        collector_note_failure(collector, line, (struct text){0}, 0);
        return true;
    }
    return false;
}

static int ostest_detect(struct text line)
{
    struct text name;
    line = text_trim(line);
    if (text_starts(line, "ostest_main: "))
        return DETECT_STRONG;
    return read_section(line, &name) ? DETECT_STRONG : DETECT_NO;
}

const struct format format_nuttx_ostest = {
    .name = "nuttx-ostest",
    .summary = "NuttX' ostest",
    .example = "user_main: mutex test",
    .state_size = sizeof(struct ostest),
    .first = "ou",
    .detect = ostest_detect,
    .line = ostest_line,
};
