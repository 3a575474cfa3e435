/* SPDX-License-Identifier: MIT
 *
 * job: one image on one board, and what came of it. It has suites, a suite has cases.
 *
 * Everything that a job points to lives in its arena, but for its suites' cases and its earlier
 * attempts, which it owns; job_result_free() ends all of it. Times on the console are microseconds
 * since the capture began (the board's reset); -1 where unknown.
 */
#ifndef HIL_RESULT_JOB_H
#define HIL_RESULT_JOB_H

#include "base/arena.h"
#include "result/capture.h"
#include "result/case.h"
#include "result/identity.h"
#include "result/name_map.h"
#include "result/verdict.h"

struct image_facts {
    const char *file;     /* as the user named it, "out.zip:fw/a.elf" */
    const char *format;   /* "elf" "ihex" ... */
    const char *sha256;   /* of the file's bytes */
    const char *build_id; /* hexadecimal; NULL: it has none */
    uint64_t size_bytes;  /* loadable */
};

/* What was tried, in order, after a flash had failed. */
#define RECOVERY_MAX 16
struct recovery_try {
    const char *step; /* "again" "power-cycle" ... */
    const char *why;  /* it did not help; NULL: it did */
};

struct job_result {
    struct arena arena;
    const char *name; /* of the test: the plan's name, or the image's base name */
    const char *board;
    const char *const *labels; /* NULL-terminated; NULL: none */
    const char *probe;         /* that flashes it: serial number or place; NULL: not said */
    struct image_facts image;
    const char *format; /* that was used; NULL: none was recognized */
    const char *dir;    /* the job's directory, relative to the run directory */
    const char *log;    /* path of its uart.log, for reports that quote it; NULL: not at hand */
    struct job_result **earlier; /* attempts before this one, the first one first; owned */
    size_t earlier_count;
    bool flaky_red; /* it passed, and fails for being flaky only */
    enum verdict verdict;
    const char *reason;  /* one line; "" for a plain pass */
    const char *trouble; /* what is wrong beyond its cases ("2 of 12 tests are missing"); or NULL */
    enum capture_end end;
    const char *end_detail; /* what the lab knows of the end that the log does not say; or NULL */
    bool complete;          /* the firmware's end marker was seen */
    struct test_suite *suites;
    size_t suite_count, suite_room;
    struct name_map suite_numbers; /* job_suite()'s */
    struct capture_stats capture;
    struct identity identity;
    const struct recovery_try *recovery;
    size_t recovery_count;
    enum blame blame;
    const char *blame_why;     /* NULL: nobody was asked */
    bool detached;             /* it goes on on its server */
    bool gave_up;              /* nothing of it helped, though the board is there */
    bool lost;                 /* another host has the board, or may have; not kept */
    int64_t started_unix_us;   /* wall clock, UTC; 0: it never began */
    int64_t took_us;           /* lease to release */
    int64_t flash_us, test_us; /* of it: flashing with verify; reset to the last byte */
};

/* Without suites; strings "" or NULL; the verdict is infra until somebody judges. */
struct job_result *job_result_new(void);
void job_result_free(struct job_result *job);

/* The suite of that name, made where it is missing. Pointers to suites end at the next call. */
struct test_suite *job_suite(struct job_result *job, const char *name, size_t length);
/* Takes all suites away. */
void job_drop_suites(struct job_result *job);
struct test_counts job_counts(const struct job_result *job);
/* Forgets the attempts before this one. */
void job_drop_earlier(struct job_result *job);

#endif
