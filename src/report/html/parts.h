/* SPDX-License-Identifier: MIT
 *
 * parts: the sections of report.html, a file each, and the pieces that they are made of.
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
#define HTML_MESSAGE_BYTES_MAX 4000

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

/* pieces.c */
const char *html_class(enum case_result result);         /* "p" "f" "e" "s" */
const char *html_verdict_class(enum verdict verdict);    /* "p" "f" "i" */
void html_name(struct markup *markup, const char *text); /* "(no name)" for none */
void html_pill(struct markup *markup, const char *class, const char *word);
void html_link(struct markup *markup, const char *url); /* the tag that opens it */
void html_fact(struct markup *markup, const char *what, const char *value); /* no value: nothing */
/* The case's file and line, linked to where the repository has them; nothing where it has none. */
void html_place(struct markup *markup, const struct run_result *run,
                const struct test_case *test_case);

/* The parts, each in a file of its own; head.c has two. */
void html_head(struct markup *markup, const struct run_result *run);
void html_verdict(struct markup *markup, const struct run_result *run);
void html_broke(struct markup *markup, const struct run_result *run);
void html_boards(struct markup *markup, const struct run_result *run);
void html_board(struct markup *markup, const struct run_result *run, size_t number,
                uint64_t log_bytes, bool only_bad);
void html_timeline(struct markup *markup, const struct html_job *job);
void html_log(struct markup *markup, const struct html_job *job);

#endif
