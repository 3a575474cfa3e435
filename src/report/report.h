/* SPDX-License-Identifier: MIT
 *
 * report: a run's results written for its readers: one file and one row each.
 *
 * A writer sees nothing but the run, and the logs that its jobs name. Files are written whole or
 * not at all; an error names the path.
 */
#ifndef HIL_REPORT_REPORT_H
#define HIL_REPORT_REPORT_H

#include "base/err.h"
#include "base/term.h"
#include "result/event.h"
#include "result/result.h"

struct report_format {
    const char *name; /* "junit" */
    const char *file; /* its name in the run directory: "junit.xml" */
    const char *summary;
    char first; /* byte that each of them begins with */
    int (*write)(const struct run_result *run, int fd, struct err *err);
    void (*prepare)(void); /* NULL: nothing to */
};
extern const struct report_format *const report_formats[]; /* NULL-terminated */
extern const struct report_format report_junit, report_json, report_summary, report_html;

/* Loads what the writers need, in a thread of the caller's, so that the end of a run need not wait
 * for it. */
void report_prepare(void);
/* Writes one report to `path` ("-": stdout). */
int report_write(const struct report_format *format, const struct run_result *run, const char *path,
                 struct err *err);

/* Reports that somebody asked for by name, "--junit FILE", besides those of the run directory. */
struct report_orders {
    struct report_order *items;
    size_t count,
        to_stdout; /* to_stdout: how many of them ask for it; more than one is a mistake */
};
/* False: no report has that name. Copies `path`. */
bool report_orders_add(struct report_orders *orders, const char *name, const char *path);
/* -ERR_USAGE: a file is there that is no such report, as where the name that was forgotten is the
 * firmware's. */
int report_orders_check(const struct report_orders *orders, struct err *err);
int report_orders_write(const struct report_orders *orders, const struct run_result *run,
                        struct err *err);
void report_orders_done(struct report_orders *orders);

/* Appends the summary to a step's file in GitHub Actions, as far as GitHub will show it. Without a
 * path nothing is done. */
int report_step_summary(const struct run_result *run, const char *path, struct err *err);
/* Appends to a step's outputs: verdict, tests, failures, errors, flaky, junit, report. Without a
 * path nothing is done. */
int report_step_outputs(const struct run_result *run, const char *out_dir, const char *path,
                        struct err *err);
/* Prints failures as annotations; `out` must be a stream that the runner reads. */
void report_annotations(const struct run_result *run, FILE *out);

/* What happened, as text, for people: failures first, verdict last. `seen`: they have just read the
 * end of each job, as live_open() prints it, and of a single one are not told the reason again. */
void report_terminal(const struct run_result *run, const char *out_dir, bool seen,
                     const struct term *term);

/* events.jsonl: one JSON object a line, written as things happen. */
struct event_sink *event_log_open(const char *path, struct err *err);
/* Goes on with one that is there, or may be. */
struct event_sink *event_log_append(const char *path, struct err *err);
/* The same with the console's lines, for a program that follows the run. */
struct event_sink *event_stream_open(const char *path, struct err *err);
int event_log_close(struct event_sink *sink, struct err *err); /* the first write error, if any */

/* On a terminal one status line a board, repainted in place; else plain lines with the board's name
 * before them. `verbosity`: -1 quiet, 0, 1 each case, 2 external commands, 3 UART lines. Text from
 * boards is made harmless (control characters; and, in Actions, workflow commands). In Actions it
 * all folds into a group, and the runner obeys no command on any stream between live_open() and
 * live_close(), ours neither. */
struct event_sink *live_open(const struct term *term, int verbosity, bool in_actions);
void live_close(struct event_sink *sink);

#endif
