/* SPDX-License-Identifier: MIT
 *
 * collector: where formats put what they found, and where it becomes suites and cases.
 *
 * It keeps the one test that is open, stamps starts and ends, adds the lines between them to the
 * case, and remembers the totals that the firmware printed so that they can be held against what
 * was seen. A result without a start is as good as one with. Text is borrowed for the call.
 */
#ifndef HIL_PARSE_COLLECTOR_H
#define HIL_PARSE_COLLECTOR_H

#include "parse/scan.h"
#include "result/case.h"

struct collector;

struct finding {
    struct text suite; /* empty: the open test's, or the suite that has begun, or none */
    struct text name;  /* empty: the open test's */
    enum case_result result;
    struct text message; /* empty: the failure noted with collector_note_failure(), if any */
    struct text file;
    uint32_t line;
    int64_t duration_us;    /* printed by the firmware; -1: take it from the clock */
    const char *error_type; /* of CASE_ERROR: as in struct test_case; NULL: "crash" */
    bool before;            /* it ended before this line, which tells no more than that */
};

void collector_suite(struct collector *collector, struct text name); /* begins; empty: none */
void collector_start(struct collector *collector, struct text suite, struct text name);
/* The open test was none: what looked like its start were other words. */
void collector_retract(struct collector *collector);
void collector_result(struct collector *collector, const struct finding *finding);
/* A result out of the firmware's own summary: adds the case that was never seen, completes the one
 * whose result was lost, and leaves what is known alone. */
void collector_settle(struct collector *collector, const struct finding *finding);
/* Something that explains the open test's coming failure; `more`: another line of the message. */
void collector_note_failure(struct collector *collector, struct text message, struct text file,
                            uint32_t line);
void collector_note_more(struct collector *collector, struct text more);
/* For the case that ended last: message, place and duration where it has none, and a line of
 * detail. */
void collector_amend(struct collector *collector, const struct finding *finding);
void collector_detail(struct collector *collector, struct text more);
/* The newest case of that name is now the one that collector_amend() and collector_detail() mean;
 * false: there is none. */
bool collector_recall(struct collector *collector, struct text suite, struct text name);
/* A suite whose name is only known after its tests; those below it ("name/...") go with it. */
void collector_rename_suite(struct collector *collector, const char *name, struct text better);

/* Totals that the firmware printed; -1: not printed. They add up within a run, and are compared
 * with what was seen at its end. */
void collector_totals(struct collector *collector, int64_t total, int64_t fail);
/* The run's start marker: one inside an unfinished run is a reboot. */
void collector_run_start(struct collector *collector);
/* The run's end marker. `ok` is the firmware's own word; `more`: further runs or lines may follow,
 * so the capture goes on, for as long as it is patient. */
void collector_run_end(struct collector *collector, bool ok, bool more);
/* The whole run is lost in the format's own words ("Bail out! no sensor"). */
void collector_abort(struct collector *collector, struct text why);
/* Something wrong with the run beyond its cases. */
void collector_complain(struct collector *collector, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Until the next result or start, silence for `ms` means that nothing more comes. */
void collector_patience(struct collector *collector, int64_t ms);

/* The test that is open. */
bool collector_open_test(const struct collector *collector, struct text *ret_name);
size_t collector_seen(const struct collector *collector); /* results of this run so far */

#endif
