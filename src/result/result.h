/* SPDX-License-Identifier: MIT
 *
 * result: what a run found, as plain data. Parsers fill it, reports read it.
 *
 * A run has jobs: one image on one board. A job has suites, a suite has cases. Everything that a
 * job points to lives in the job's arena and is freed by job_result_free(). Times on the console
 * are microseconds since the capture began (the board's reset); -1 where unknown. Strings that a
 * board printed are raw bytes without NUL: reports clean them (base/text).
 */
#ifndef HIL_RESULT_RESULT_H
#define HIL_RESULT_RESULT_H

#include "base/arena.h"
#include "result/identity.h"
#include "result/name_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,  /* the firmware is to blame */
    VERDICT_INFRA, /* the lab is to blame */
};
const char *verdict_name(enum verdict verdict); /* "pass" "fail" "infra" */
int verdict_exit_code(enum verdict verdict);    /* 0 1 3 */
/* The one that stands for both: fail before infra before pass. */
enum verdict verdict_worse(enum verdict a, enum verdict b);

enum case_result {
    CASE_PASS,
    CASE_FAIL,  /* an assertion failed */
    CASE_ERROR, /* begun and never ended: crash, hang, reset */
    CASE_SKIP,
};
const char *case_result_name(enum case_result result); /* "pass" "fail" "error" "skip" */

struct test_case {
    const char *name;       /* as printed */
    const char *message;    /* one line: why it failed or was skipped; NULL: nothing was said */
    const char *detail;     /* more lines, parted by LF; NULL: none */
    const char *file;       /* as printed; NULL: not printed */
    const char *path;       /* the same as the repository has it; NULL: it is none of its files, or
                             * more than one could be meant, or nobody asked */
    const char *error_type; /* of CASE_ERROR: "crash" "hang" "reset" "unfinished"; else NULL */
    uint32_t line;          /* 0: not printed */
    enum case_result result;
    int64_t start_us; /* -1: no start seen */
    int64_t end_us;
    int64_t duration_us; /* what the firmware printed, else end - start, else -1 */
    uint64_t log_begin;  /* bytes into uart.log: the lines that belong to it */
    uint64_t log_end;
    const struct earlier *earlier; /* how it failed in earlier attempts, the first one first; NULL:
                                    * it did not. attempts_settle() fills it in */
};

struct earlier {
    unsigned attempt; /* from 1 */
    const char *board;
    const struct test_case *failed; /* of an attempt that the job holds */
    const struct earlier *next;
};

struct test_suite {
    const char *name; /* "" where the format has no suites */
    struct test_case *cases;
    size_t count, room;
};

struct test_counts {
    size_t total, pass, fail, error, skip;
    size_t flaky; /* of those that passed: failed in an earlier attempt */
};

/* What the kernel counts on a tty: each stands for bytes that are missing or wrong, but a break,
 * which a board may send with every reset. */
struct line_errors {
    uint64_t overrun; /* the UART's FIFO was full */
    uint64_t buffer;  /* the kernel's own was */
    uint64_t framing;
    uint64_t parity;
    uint64_t breaks;
};
bool line_errors_any(const struct line_errors *errors); /* breaks do not count */

/* Where in uart.log errors were noticed: at `at` or a read before it. */
struct line_gap {
    uint64_t at; /* bytes into uart.log */
    int64_t us;  /* since the reset */
    struct line_errors errors;
};
#define LINE_GAPS_MAX 100 /* that are kept; the sums go on */

/* What the console's reader saw besides tests. */
struct capture_stats {
    uint64_t bytes;        /* in uart.log */
    uint64_t before_reset; /* of them: earlier than the reset, never parsed */
    int64_t reset_us;      /* from the start of uart.timing to the reset */
    uint64_t lines;
    uint64_t replaced_bytes; /* that were no valid UTF-8 or no allowed character */
    uint64_t cut_lines;      /* longer than the ceiling of a line */
    bool line_known;         /* the console's tty counts errors; since the reset: */
    struct line_errors line;
    const struct line_gap *gaps; /* in the job's arena */
    size_t gap_count;
};

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

/* Whom further runs put a failure down to. */
enum blame { BLAME_NONE, BLAME_BOARD, BLAME_FIRMWARE, BLAME_FLAKY };
const char *blame_name(enum blame blame); /* "unknown" "board" "firmware" "flaky" */

/* How a capture ended. */
enum capture_end {
    END_NONE,    /* it never began */
    END_DONE,    /* the format saw its end marker */
    END_BOOT,    /* nothing came within the boot deadline */
    END_IDLE,    /* silence for longer than the idle deadline */
    END_TOTAL,   /* the total deadline */
    END_REBOOTS, /* a boot loop */
    END_CRASH,   /* a crash that the firmware does not come back from */
    END_OTHER,   /* the board said that it runs another image */
    END_GONE,    /* the console vanished */
    END_CANCELLED,
    END_EOF, /* replay: the log is over */
};
const char *capture_end_name(enum capture_end end); /* "done" "boot" ... */
bool capture_end_parse(const char *name, enum capture_end *ret);

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
    bool gave_up;              /* nothing of it helped, though the board is there */
    bool lost;                 /* another host has the board, or may have; not kept */
    int64_t started_unix_us;   /* wall clock, UTC; 0: it never began */
    int64_t took_us;           /* lease to release */
    int64_t flash_us, test_us; /* of it: flashing with verify; reset to the last byte */
};

/* Whether a shell-like pattern (str_glob) matches NAME or SUITE.NAME. */
bool case_like(const char *suite, const char *name, const char *pattern);
/* The file as reports name it: the repository's path, else what was printed; NULL: none. */
const char *case_file(const struct test_case *test_case);

/* Which commit was tested, and where its run is to be seen. All borrowed, NULL where not known. */
struct run_origin {
    const char *server_url; /* "https://github.com" */
    const char *repository; /* "owner/name" */
    const char *sha;
    const char *ref; /* the branch or tag, of a pull request its branch */
    const char *run_url;
    const char *describe; /* as git describe says */
    bool dirty_known;     /* somebody looked, to the end */
    bool dirty;           /* files differ from the commit */
    bool files_known;     /* the repository was asked for every case's file: one without a path is
                           * none that can be linked to */
};

struct run_result {
    struct arena arena;  /* of what belongs to no single job */
    const char *lab;     /* borrowed; NULL for a replay without one */
    const char *version; /* hil's own; borrowed; NULL: not known */
    struct run_origin origin;
    enum verdict verdict;
    struct job_result **jobs; /* in the order of the plan; owned */
    size_t count;
    int64_t started_unix_us;
    int64_t took_us;
};

/* The suite of that name, made where it is missing. Pointers to suites end at the next call. */
struct test_suite *job_suite(struct job_result *job, const char *name, size_t length);
/* Takes all suites away. */
void job_drop_suites(struct job_result *job);
/* A new zeroed case at the end; the times are -1. The pointer ends at the next call. */
struct test_case *suite_add(struct job_result *job, struct test_suite *suite);
struct test_counts suite_counts(const struct test_suite *suite);
struct test_counts job_counts(const struct job_result *job);
struct test_counts run_counts(const struct run_result *run);

/* Without suites; strings "" or NULL; the verdict is infra until somebody judges. */
struct job_result *job_result_new(void);
void job_result_free(struct job_result *job);
void run_result_done(struct run_result *run);

/* Forgets the attempts before this one. */
void job_drop_earlier(struct job_result *job);
/* Says of each case of the last attempt how it failed in those before, and of none elsewhere. Returns
 * the first test that failed before and did not pass in the last attempt, which it must: skipped or
 * not seen again is no proof. NULL: there is none. */
const char *attempts_settle(struct job_result *job);
/* It passed, and failed in an earlier attempt. */
bool case_flaky(const struct test_case *test_case);
/* It passed, and an earlier attempt failed for which the lab was not to blame. */
bool job_flaky(const struct job_result *job);
/* Flaky cases, and jobs that are flaky as a whole: they crashed, or fell silent. */
size_t run_flaky(const struct run_result *run);

#endif
