/* SPDX-License-Identifier: MIT */
#include "serve/rig_summary.h"

#include "base/ctx.h"
#include "base/rows.h"
#include "base/str.h"
#include "report/words.h"
#include "store/rigged.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REASONS_SHOWN 10
#define NOT_ENDED "cut short" /* its worker was killed, or the power went */

/* ---- reading --------------------------------------------------------------------------------- */

static void free_try(struct rig_try *try)
{
    const char *const texts[] = {try->board,   try->path, try->image,  try->sha256,
                                 try->outcome, try->step, try->reason, try->identity};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free((void *)(uintptr_t)texts[i]);
}

void rig_summary_done(struct rig_summary *summary)
{
    for (size_t i = 0; i < summary->try_count; i++)
        free_try(&summary->tries[i]);
    for (size_t i = 0; i < summary->reason_count; i++)
        free(summary->reasons[i].text);
    free(summary->tries);
    free(summary->reasons);
    free(summary->lab);
    *summary = (struct rig_summary){0};
}

static char *copy(const char *text)
{
    return xstrdup(text ? text : "");
}

static void take(void *arg, const struct store_rigged *rigged)
{
    struct rig_summary *summary = arg;

    summary->tries = xrealloc(summary->tries, summary->try_count + 1, sizeof *summary->tries);
    summary->tries[summary->try_count++] = (struct rig_try){
        .slot = rigged->slot,
        .board = copy(rigged->board),
        .path = copy(rigged->path),
        .image = copy(rigged->image_file),
        .sha256 = copy(rigged->image_sha256),
        .outcome = copy(rigged->outcome ? rigged->outcome : NOT_ENDED),
        .step = copy(rigged->step),
        .reason = copy(rigged->reason),
        .identity = copy(rigged->identity),
        .started_us = rigged->started_us,
        .took_us = rigged->took_us,
        .last = true,
    };
}

static int by_board(const void *left, const void *right)
{
    const struct rig_try *a = *(struct rig_try *const *)left, *b = *(struct rig_try *const *)right;
    int order = strcmp(a->board, b->board);

    return order ? order : (a > b) - (a < b);
}

/* Of several tries of one board the last one counts. */
static void mark_last(struct rig_summary *summary)
{
    size_t count = summary->try_count;
    cleanup_free struct rig_try **sorted = xcalloc(count, sizeof(*sorted));

    for (size_t i = 0; i < count; i++)
        sorted[i] = &summary->tries[i];
    if (count)
        qsort(sorted, count, sizeof(*sorted), by_board);
    for (size_t i = 0; i + 1 < count; i++)
        if (*sorted[i]->board && !strcmp(sorted[i]->board, sorted[i + 1]->board))
            sorted[i]->last = false;
}

/* ---- reasons --------------------------------------------------------------------------------- */

/* A word with a digit in it is a place or a number. */
char *rig_summary_reason(const char *reason)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    while (*reason) {
        size_t length = strcspn(reason, " "), digits = 0;
        for (size_t i = 0; i < length; i++)
            digits += isdigit((unsigned char)reason[i]) != 0;
        if (!digits)
            buf_add(&out, reason, length);
        else
            buf_addf(&out, "#%s",
                     length && strchr(",:;", reason[length - 1]) ? (char[]){reason[length - 1], 0}
                                                                 : "");
        reason += length;
        for (; *reason == ' '; reason++)
            buf_adds(&out, " ");
    }
    return buf_steal(&out);
}

static void count_reason(struct rig_summary *summary, const struct rig_try *try)
{
    cleanup_free char *plain = rig_summary_reason(try->reason);
    char *text =
        !strcmp(try->outcome, "unplugged") ? xasprintf("unplugged %s", plain) : xstrdup(plain);

    for (size_t i = 0; i < summary->reason_count; i++) {
        if (strcmp(summary->reasons[i].text, text) != 0)
            continue;
        summary->reasons[i].boards++;
        free(text);
        return;
    }
    summary->reasons =
        xrealloc(summary->reasons, summary->reason_count + 1, sizeof *summary->reasons);
    summary->reasons[summary->reason_count++] = (struct rig_reason){text, 1};
}

static int by_count(const void *left, const void *right)
{
    const struct rig_reason *a = left, *b = right;

    if (a->boards != b->boards)
        return a->boards < b->boards ? 1 : -1;
    return strcmp(a->text, b->text);
}

static void count(struct rig_summary *summary)
{
    int64_t sum_us = 0;

    for (size_t i = 0; i < summary->try_count; i++) {
        const struct rig_try *try = &summary->tries[i];
        if (!try->last)
            continue;
        if (!strcmp(try->outcome, "done")) {
            summary->done++;
            sum_us += try->took_us;
            if (try->took_us > summary->longest_us)
                summary->longest_us = try->took_us;
        } else if (!strcmp(try->outcome, "failed") || !strcmp(try->outcome, "unplugged")) {
            summary->failed += *try->outcome == 'f';
            summary->unplugged += *try->outcome == 'u';
            count_reason(summary, try);
        } else {
            summary->cut_short++;
        }
    }
    if (summary->done)
        summary->mean_us = sum_us / (int64_t)summary->done;
    if (summary->reason_count)
        qsort(summary->reasons, summary->reason_count, sizeof *summary->reasons, by_count);
}

int rig_summary_read(struct store *store, const char *lab, int64_t since_us,
                     struct rig_summary *ret, struct err *err)
{
    int rc;

    *ret =
        (struct rig_summary){.lab = xstrdup(lab), .since_us = since_us, .until_us = ctx_unix_us()};
    rc = store_rigged_each(store, lab, since_us, take, ret, err);
    if (rc < 0) {
        rig_summary_done(ret);
        return rc;
    }
    mark_last(ret);
    count(ret);
    return 0;
}

/* ---- telling --------------------------------------------------------------------------------- */

static double yield(const struct rig_summary *summary)
{
    uint64_t ended = summary->done + summary->failed;

    return ended ? 100.0 * (double)summary->done / (double)ended : 0;
}

static void print_times(const struct rig_summary *summary, FILE *out)
{
    char mean[32], longest[32];

    if (summary->done)
        fprintf(out, ", %s a board, %s the longest", str_from_us(summary->mean_us, mean),
                str_from_us(summary->longest_us, longest));
}

void rig_summary_print(const struct rig_summary *summary, const struct term *term)
{
    FILE *out = term->out;
    cleanup_buf struct buf clean = BUF_INIT(SIZE_MAX / 4);
    size_t shown = summary->reason_count < REASONS_SHOWN ? summary->reason_count : REASONS_SHOWN;

    fprintf(out, "%s%" PRIu64 " board%s done%s", term_style(term, TERM_BOLD), summary->done,
            words_plural(summary->done), term_style(term, TERM_PLAIN));
    if (summary->failed)
        fprintf(out, ", %s%" PRIu64 " failed%s", term_style(term, TERM_RED), summary->failed,
                term_style(term, TERM_PLAIN));
    if (summary->unplugged)
        fprintf(out, ", %" PRIu64 " unplugged before %s done", summary->unplugged,
                summary->unplugged == 1 ? "it was" : "they were");
    if (summary->cut_short)
        fprintf(out, ", %" PRIu64 " cut short", summary->cut_short);
    if (summary->done + summary->failed)
        fprintf(out, ", yield %.1f %%", yield(summary));
    print_times(summary, out);
    fputs("\n", out);
    for (size_t i = 0; i < shown; i++)
        fprintf(out, "  %4" PRIu64 "  %s\n", summary->reasons[i].boards,
                words_screen(&clean, summary->reasons[i].text, strlen(summary->reasons[i].text),
                             false));
    if (shown < summary->reason_count)
        fprintf(out, "        and %zu other reasons\n", summary->reason_count - shown);
    fflush(out);
}

static const char *given(const char *text)
{
    return *text ? text : NULL;
}

static void describe(struct rows *rows, const struct rig_try *try)
{
    char started[ISO_TIME_SIZE];

    rows_string(rows, "started", words_iso_time(try->started_us, started));
    rows_int(rows, "slot", try->slot);
    rows_string(rows, "path", given(try->path));
    rows_string(rows, "serial", given(try->board));
    rows_string(rows, "identity", given(try->identity));
    rows_string(rows, "outcome", try->outcome);
    rows_string(rows, "step", given(try->step));
    rows_string(rows, "reason", given(try->reason));
    rows_string(rows, "image", given(try->image));
    rows_string(rows, "sha256", given(try->sha256));
    rows_seconds(rows, "seconds", try->took_us);
    rows_bool(rows, "last", try->last);
}

static void json_totals(const struct rig_summary *summary, struct json_out *out)
{
    char since[ISO_TIME_SIZE], until[ISO_TIME_SIZE];

    json_kv_string(out, "lab", summary->lab);
    json_kv_string(out, "since", words_iso_time(summary->since_us, since));
    json_kv_string(out, "until", words_iso_time(summary->until_us, until));
    json_kv_int(out, "since_us", summary->since_us);
    json_kv_int(out, "until_us", summary->until_us);
    json_kv_int(out, "done", (int64_t)summary->done);
    json_kv_int(out, "failed", (int64_t)summary->failed);
    json_kv_int(out, "unplugged", (int64_t)summary->unplugged);
    json_kv_int(out, "cut_short", (int64_t)summary->cut_short);
    json_key(out, "yield_percent");
    json_double(out, yield(summary), 2);
    json_key(out, "mean_seconds");
    json_double(out, (double)summary->mean_us / 1e6, 3);
    json_key(out, "longest_seconds");
    json_double(out, (double)summary->longest_us / 1e6, 3);
    json_key(out, "reasons");
    json_array(out);
    for (size_t i = 0; i < summary->reason_count; i++) {
        json_object(out);
        json_kv_string(out, "reason", summary->reasons[i].text);
        json_kv_int(out, "boards", (int64_t)summary->reasons[i].boards);
        json_object_end(out);
    }
    json_array_end(out);
}

int rig_summary_write(const struct rig_summary *summary, bool csv, int fd, struct err *err)
{
    struct rows rows;

    rows_begin(&rows, csv ? ROWS_CSV : ROWS_JSON, fd);
    if (!csv)
        json_totals(summary, &rows.json);
    rows_list(&rows, "tries");
    describe(&rows, &(struct rig_try){.board = "",
                                      .path = "",
                                      .image = "",
                                      .sha256 = "",
                                      .outcome = "",
                                      .step = "",
                                      .reason = "",
                                      .identity = ""});
    rows_list_rows(&rows);
    for (size_t i = 0; i < summary->try_count; i++) {
        rows_row(&rows);
        describe(&rows, &summary->tries[i]);
        rows_row_end(&rows);
    }
    rows_list_end(&rows);
    return rows_end(&rows, err);
}
