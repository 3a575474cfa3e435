/* SPDX-License-Identifier: MIT
 *
 * parts: the pieces of report.html that have a file of their own.
 *
 * A case is "c3-17" on the page and its lines in the log "l3-17": job 3 of the run, case 17 of the
 * job, counted from 0.
 */
#ifndef HIL_REPORT_HTML_PARTS_H
#define HIL_REPORT_HTML_PARTS_H

#include "report/html/markup.h"
#include "report/uart_log.h"
#include "result/result.h"

#include <stdbool.h>
#include <stdint.h>

#define HTML_NAME_BYTES_MAX 600

struct html_case {
    const struct test_suite *suite;
    const struct test_case *test_case;
    size_t number;
};

struct html_job {
    const struct job_result *job;
    size_t number;
    struct html_case *cases; /* in the order of the console */
    size_t count;
    bool only_bad; /* passed and skipped cases are left out: there are too many */
    struct uart_log log;
    unsigned char *kept; /* for each block of the log: it is on the page */
    size_t blocks;
};

/* At most `log_bytes` of the log will be on the page. The caller calls html_job_done(). */
struct html_job html_job_of(const struct job_result *job, size_t number, uint64_t log_bytes);
void html_job_done(struct html_job *job);
bool html_listed(const struct html_job *job, const struct test_case *test_case);
/* True where the page will have the case's lines. */
bool html_has_lines(const struct html_job *job, const struct test_case *test_case);
/* How many bytes of each log fit where all together may have `total`: small logs leave their share
 * to the larger ones. */
uint64_t html_log_share(const struct run_result *run, uint64_t total);

const char *html_class(enum case_result result); /* "p" "f" "e" "s" */
void html_timeline(struct markup *markup, const struct html_job *job);
void html_log(struct markup *markup, const struct html_job *job);

#endif
