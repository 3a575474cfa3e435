/* SPDX-License-Identifier: MIT
 *
 * report_file: what runs on several boards have found, read back from their report.json.
 *
 *     struct reports reports = {0};
 *     reports_find("hil-out", &paths, err)             where they are
 *     reports_add(&reports, path, bytes, size, err)    each of them
 *     reports_done(&reports)
 *
 * All jobs of all reports stand in one run, as if one lab had done it, so that whatever shows a run
 * can show them. The files come from other machines: sizes, depths and counts are limited, and what
 * a report must have is asked for. Not thread-safe; blocks as long as the disk does.
 */
#ifndef HIL_GATE_REPORT_FILE_H
#define HIL_GATE_REPORT_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "result/result.h"

#define REPORT_BYTES_MAX ((size_t)128 << 20)
#define REPORTS_MAX 1000

struct report_file {
    const char *path;
    const char *lab;
    struct run_origin origin;
    size_t first, count; /* its jobs in the run */
};

struct flaky_case { /* failed at first, passed in the end */
    const struct job_result *job;
    const char *suite, *name;
};

struct reports {
    struct run_result run; /* owns all strings */
    struct report_file *files;
    size_t count;
    struct flaky_case *flaky;
    size_t flaky_count;
    struct strv digests; /* of the files that reports_load() took */
};

/* Adds the report that `path` is, or those called report.json in a directory, four levels deep.
 * -ERR_NOT_FOUND: there is none; -ERR_USAGE: no such path; -ERR_LIMIT: unreasonably many. */
int reports_find(const char *path, struct strv *ret, struct err *err);
/* -ERR_DATA: it is no report of hil's, with the place. */
int reports_add(struct reports *reports, const char *path, const char *bytes, size_t size,
                struct err *err);
int reports_load(struct reports *reports, const char *path, struct err *err);
/* Sets run.verdict: the worst of the jobs'. Of the origins, the first stands for all. */
void reports_settle(struct reports *reports);
void reports_done(struct reports *reports);

#endif
