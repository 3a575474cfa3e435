/* SPDX-License-Identifier: MIT
 *
 * parser: console bytes in, test results out.
 *
 *     bytes → lines (clean, stamped) → format (or `auto`, which decides) → cases of a job_result
 *
 * The same parser serves a live run and a replay: given the same bytes with the same times it gives
 * the same results. It never blocks and never fails: whatever a board prints becomes lines. Memory
 * is bounded but for the cases themselves. One thread at a time.
 */
#ifndef HIL_PARSE_PARSER_H
#define HIL_PARSE_PARSER_H

#include "base/err.h"
#include "base/str.h"
#include "parse/identity.h"
#include "result/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parse_options {
    const char *format; /* a row's name, "auto" or NULL */
    /* The regex format's PCRE2 patterns; named groups name, suite, message, file, line, ms. */
    const char *pass, *fail, *skip, *end;
    /* Resets are part of the tests (watchdog, boot counters): the test that one interrupts is not
     * over, and the run is none the worse for it. */
    bool resets_expected;
    struct identity_options identity;
};

/* What a viewer may want to see while it happens. All may be NULL. Pointers end with the call. A
 * case may end twice: where its result was lost and the firmware's summary has it after all. */
struct parse_watch {
    void *arg;
    void (*line)(void *arg, const char *text, size_t size);
    void (*case_start)(void *arg, const char *suite, const char *name);
    void (*case_end)(void *arg, const char *suite, const struct test_case *test_case);
    /* The board has proved what it runs, or runs something else. `dropped`: cases that have ended
     * and do not count after all. */
    void (*identity)(void *arg, const char *text, uint64_t dropped);
};

enum parse_state {
    PARSE_MORE,    /* go on reading */
    PARSE_DONE,    /* the format's end marker has been seen */
    PARSE_CRASHED, /* the firmware crashed in a way it does not come back from */
    PARSE_REBOOTS, /* it starts over and over */
    PARSE_OTHER,   /* it says that it is another image */
};

struct parser;

/* -ERR_USAGE: no such format (with the nearest), a pattern that does not compile (with offset). The
 * results go into `job`, which must outlive the parser. */
int parser_new(const struct parse_options *options, const struct parse_watch *watch,
               struct job_result *job, struct parser **ret, struct err *err);
/* Bytes as they came, at `time_us` since the reset; `offset` is where they stand in uart.log. */
enum parse_state parser_feed(struct parser *parser, const void *bytes, size_t size, int64_t time_us,
                             uint64_t offset);
/* How long silence may now last before it means that nothing more comes, such as after a crash; -1:
 * the normal idle deadline. It changes with every parser_feed(). */
int64_t parser_patience_ms(const struct parser *parser);
/* What it would mean: END_CRASH, END_DONE (all but the last words are there), else END_IDLE. */
enum capture_end parser_silence(const struct parser *parser);
/* The stream is over: unfinished lines and cases are closed, totals compared. `end` says why it is
 * over. Fills job->suites, format, complete, capture; returns what is wrong with the run beyond its
 * cases as one line ("2 of 12 tests are missing", "no tests were found"), NULL where nothing is.
 * The string lives in the job's arena. */
const char *parser_finish(struct parser *parser, enum capture_end end, int64_t time_us);
/* True once for each time that the firmware has asked for the nonce: it is to be sent now. */
bool parser_take_question(struct parser *parser);
bool parser_has_question(const struct parser *parser); /* whether that would be true */
void parser_free(struct parser *parser);

#endif
