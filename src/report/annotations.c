/* SPDX-License-Identifier: MIT */
/* Annotations of GitHub Actions: lines on standard output that the runner takes for commands and
 * shows beside the source line. It keeps ten of a kind and 4096 characters of each. */
#include "report/report.h"

#include "base/str.h"
#include "report/escape.h"
#include "report/failures.h"
#include "report/place.h"
#include "report/words.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <string.h>

#define ERRORS_MAX 10
#define BOARDS_NAMED_MAX 8
#define DETAIL_LINES_MAX 12
#define LINE_BYTES_MAX 600
#define MESSAGE_BYTES_MAX 3800 /* with the cut note, and since characters are no bytes, enough */

static const char *screen(struct buf *text, const char *raw)
{
    return words_screen(text, raw, strnlen(raw, LINE_BYTES_MAX), false);
}

static void add_property(struct buf *out, const char *name, const char *raw)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);

    buf_addf(out, "%s=", name);
    escape_property(out, screen(&text, raw));
}

static void add_detail(struct buf *message, const char *detail)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);

    for (size_t lines = 0; *detail && lines < DETAIL_LINES_MAX; detail += *detail != '\0') {
        size_t size = strcspn(detail, "\r\n");
        if (size && ++lines)
            buf_addf(
                message, "\n%s",
                words_screen(&text, detail, size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX, false));
        detail += size;
    }
}

/* "on nucleo-3, virtual-1 and 2 more" */
static void add_boards(struct buf *message, const struct failure *failure)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);

    for (size_t i = 0; i < failure->count && i < BOARDS_NAMED_MAX && failure->seen[i].job; i++)
        buf_addf(message, "%s%s", i ? ", " : "\non ", screen(&text, failure->seen[i].job->board));
    if (failure->count > BOARDS_NAMED_MAX)
        buf_addf(message, " and %zu more", failure->count - BOARDS_NAMED_MAX);
}

/* A file that is none of the repository's would hide the annotation: it goes into the message. */
static void add_message(struct buf *out, const struct failure *failure, bool has_place)
{
    const struct sighting *seen = failure->seen;
    const struct test_case *test_case = seen->test_case;
    cleanup_buf struct buf message = BUF_INIT(SIZE_MAX / 4), text = BUF_INIT(SIZE_MAX / 4);

    if (test_case && test_case->file && !has_place)
        buf_addf(&message, "%s:%" PRIu32 ": ", screen(&text, test_case->file), test_case->line);
    buf_adds(&message, screen(&text, seen->message));
    add_boards(&message, failure);
    if (test_case && test_case->detail)
        add_detail(&message, test_case->detail);
    escape_message(out, words_clean(&text, message.data, MESSAGE_BYTES_MAX, 0));
}

static void annotate(const struct failure *failure, const struct run_origin *origin, FILE *out)
{
    const struct sighting *seen = failure->seen;
    const struct test_case *test_case = seen->test_case;
    cleanup_buf struct buf line = BUF_INIT(SIZE_MAX / 4), path = BUF_INIT(SIZE_MAX / 4);
    cleanup_free char *title = NULL;
    bool has_place = test_case && place_path(&path, origin, test_case);

    if (test_case)
        title = xasprintf("%s: %s%s%s", failure->kind, seen->suite->name,
                          *seen->suite->name ? "." : "", test_case->name);
    else
        title = xasprintf("%s: %s", failure->kind, seen->job ? seen->job->name : "the run");
    buf_adds(&line, "::error ");
    if (has_place) {
        add_property(&line, "file", path.data);
        if (test_case->line)
            buf_addf(&line, ",line=%" PRIu32, test_case->line);
        buf_adds(&line, ",");
    }
    add_property(&line, "title", title);
    buf_adds(&line, "::");
    add_message(&line, failure, has_place);
    fprintf(out, "%s\n", line.data);
}

/* What passed only when tried again, beside the line that failed at first. */
static void annotate_flaky(const struct job_result *job, const struct test_suite *suite,
                           const struct test_case *test_case, const struct run_origin *origin,
                           FILE *out)
{
    const struct test_case *failed = test_case->earlier->failed;
    cleanup_buf struct buf line = BUF_INIT(SIZE_MAX / 4), path = BUF_INIT(SIZE_MAX / 4);
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4), text = BUF_INIT(SIZE_MAX / 4);
    cleanup_free char *title =
        xasprintf("flaky: %s%s%s", suite->name, *suite->name ? "." : "", test_case->name);

    buf_adds(&line, "::warning ");
    if (place_path(&path, origin, failed)) {
        add_property(&line, "file", path.data);
        if (failed->line)
            buf_addf(&line, ",line=%" PRIu32, failed->line);
        buf_adds(&line, ",");
    }
    add_property(&line, "title", title);
    buf_adds(&line, "::");
    words_earlier(&words, test_case->earlier);
    buf_addf(&words, "\npassed in attempt %zu on %s", job->earlier_count + 1, job->board);
    escape_message(&line, words_clean(&text, words.data, MESSAGE_BYTES_MAX, 0));
    fprintf(out, "%s\n", line.data);
}

static void annotate_all_flaky(const struct run_result *run, FILE *out)
{
    size_t told = 0;

    for (size_t i = 0; i < run->count; i++)
        for (size_t k = 0; k < run->jobs[i]->suite_count; k++) {
            const struct test_suite *suite = &run->jobs[i]->suites[k];
            for (size_t n = 0; n < suite->count; n++)
                if (case_flaky(&suite->cases[n]) && told++ < ERRORS_MAX)
                    annotate_flaky(run->jobs[i], suite, &suite->cases[n], &run->origin, out);
        }
}

/* One notice for all that passed without the proof of identity that was asked for: what failed for
 * it is an error already. */
static void annotate_unproven(const struct run_result *run, FILE *out)
{
    cleanup_buf struct buf line = BUF_INIT(SIZE_MAX / 4), words = BUF_INIT(SIZE_MAX / 4);
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4), message = BUF_INIT(SIZE_MAX / 4);
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct job_result *job = run->jobs[i];
        if (job->verdict != VERDICT_PASS || !identity_missing(&job->identity) ||
            !words_identity(&words, job) || count++ >= BOARDS_NAMED_MAX)
            continue;
        buf_addf(&message, "%s%s", message.size ? "\n" : "", screen(&text, job->board));
        buf_addf(&message, " %s: ", screen(&text, job->name));
        buf_adds(&message, words.data);
    }
    if (!count)
        return;
    if (count > BOARDS_NAMED_MAX)
        buf_addf(&message, "\nand %zu more", count - BOARDS_NAMED_MAX);
    buf_adds(&line, "::notice title=passed without proof that the image ran::");
    escape_message(&line, words_clean(&text, message.data, MESSAGE_BYTES_MAX, 0));
    fprintf(out, "%s\n", line.data);
}

void report_annotations(const struct run_result *run, FILE *out)
{
    struct failures found = failures_of(run);

    for (size_t i = 0; i < found.count && i < ERRORS_MAX; i++)
        annotate(&found.items[i], &run->origin, out);
    if (found.count > ERRORS_MAX)
        fprintf(out, "::notice title=hil::and %zu more failures: see the summary or %s\n",
                found.count - ERRORS_MAX, report_junit.file);
    annotate_all_flaky(run, out);
    annotate_unproven(run, out);
    fflush(out);
    failures_done(&found);
}
