/* SPDX-License-Identifier: MIT */
#include "serve/page/run_follow.h"

#include "base/hash.h"
#include "base/str.h"
#include "serve/page/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)64 << 10)
#define PIECES 8 /* in one go */
#define TEXT_MAX 400
#define QUIET_MAX 100 /* then it is over, or dead */

struct run_follow *run_follow_new(const char *out)
{
    struct run_follow *run = xcalloc(1, sizeof *run);
    char digest[SHA256_HEX_SIZE];

    sha256_hex(out, strlen(out), digest);
    snprintf(run->id, sizeof run->id, "%.16s", digest);
    run->out = xstrdup(out);
    run->line = (struct buf)BUF_INIT(RUN_LINE_MAX);
    tail_open(&run->tail, out, "events.jsonl", UINT64_MAX);
    return run;
}

static void forget_job(struct run_board *board)
{
    char **const texts[] = {&board->test,      &board->dir,     &board->state, &board->what,
                            &board->case_name, &board->verdict, &board->reason};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        free(*texts[i]);
        *texts[i] = NULL;
    }
    board->percent = -1;
    board->pass = board->fail = board->error = board->skip = 0;
    board->running = false;
}

static void forget_all(struct run_follow *run)
{
    for (size_t i = 0; i < run->count; i++) {
        forget_job(&run->boards[i]);
        free(run->boards[i].board);
    }
    free(run->boards);
    run->boards = NULL;
    run->count = 0;
    free(run->verdict);
    run->verdict = NULL;
    buf_clear(&run->line);
    run->too_long = false;
}

void run_follow_free(struct run_follow *run)
{
    if (!run)
        return;
    forget_all(run);
    tail_close(&run->tail);
    buf_done(&run->line);
    free(run->out);
    free(run);
}

const struct run_board *run_follow_board(const struct run_follow *run, const char *board)
{
    for (size_t i = 0; i < run->count; i++)
        if (str_eq(run->boards[i].board, board))
            return &run->boards[i];
    return NULL;
}

static struct run_board *board_of(struct run_follow *run, const char *name)
{
    for (size_t i = 0; i < run->count; i++)
        if (str_eq(run->boards[i].board, name))
            return &run->boards[i];
    if (run->count == RUN_BOARDS_MAX)
        return NULL;
    run->boards = xrealloc(run->boards, run->count + 1, sizeof *run->boards);
    run->boards[run->count] = (struct run_board){.board = xstrndup(name, TEXT_MAX), .percent = -1};
    return &run->boards[run->count++];
}

/* ---- a line ---------------------------------------------------------------------------------- */

static void set_text(char **text, const cJSON *event, const char *name)
{
    const char *value = json_get_string(event, name, NULL);

    free(*text);
    *text = value ? xstrndup(value, TEXT_MAX) : NULL;
}

static void take_start(struct run_board *board, const cJSON *event)
{
    const char *dir = json_get_string(event, "dir", NULL);

    forget_job(board);
    set_text(&board->test, event, "test");
    if (dir && place_name_ok(dir))
        set_text(&board->dir, event, "dir");
    board->attempt = board->attempt ? board->attempt : 1;
    board->running = true;
}

static void take_progress(struct run_board *board, const cJSON *event)
{
    int64_t bytes = json_get_int(event, "bytes", 0), total = json_get_int(event, "total", 0);

    set_text(&board->what, event, "what");
    board->percent = -1;
    if (total > 0 && bytes >= 0)
        board->percent = bytes >= total ? 100 : (int)((double)bytes * 100 / (double)total);
}

static void take_case(struct run_board *board, const cJSON *event)
{
    const char *result = json_get_string(event, "result", "");

    board->pass += str_eq(result, "pass");
    board->fail += str_eq(result, "fail");
    board->error += str_eq(result, "error");
    board->skip += str_eq(result, "skip");
}

static void take_end(struct run_board *board, const cJSON *event)
{
    board->running = false;
    board->percent = -1;
    board->attempt = 1; /* unless a retry says otherwise */
    set_text(&board->verdict, event, "verdict");
    set_text(&board->reason, event, "reason");
    if (json_get_int(event, "total", -1) < 0)
        return; /* nothing was tested */
    board->pass = (uint64_t)json_get_int(event, "pass", 0);
    board->fail = (uint64_t)json_get_int(event, "fail", 0);
    board->error = (uint64_t)json_get_int(event, "error", 0);
    board->skip = (uint64_t)json_get_int(event, "skip", 0);
}

static void take_board_event(struct run_board *board, const char *kind, const cJSON *event)
{
    if (str_eq(kind, "job-start")) {
        take_start(board, event);
    } else if (str_eq(kind, "state")) {
        set_text(&board->state, event, "state");
        set_text(&board->what, event, "what"); /* of the step before: none */
        board->percent = -1;
    } else if (str_eq(kind, "progress")) {
        take_progress(board, event);
    } else if (str_eq(kind, "case-start")) {
        set_text(&board->case_name, event, "name");
    } else if (str_eq(kind, "case-end")) {
        set_text(&board->case_name, event, "name");
        take_case(board, event);
    } else if (str_eq(kind, "dropped")) {
        board->pass = board->fail = board->error = board->skip = 0;
    } else if (str_eq(kind, "retry")) {
        board->attempt = (unsigned)json_get_int(event, "attempt", 1) % 1000;
    } else if (str_eq(kind, "job-end")) {
        take_end(board, event);
    }
}

void run_follow_line(struct run_follow *run, const char *bytes, size_t count)
{
    cJSON *event = NULL;
    const char *kind, *name;
    struct run_board *board;

    if (json_parse(bytes, count, RUN_LINE_MAX, "event", &event, NULL) < 0)
        return;
    kind = json_get_string(event, "kind", "");
    name = json_get_string(event, "board", NULL);
    board = name ? board_of(run, name) : NULL;
    if (board)
        take_board_event(board, kind, event);
    else if (str_eq(kind, "run-end"))
        set_text(&run->verdict, event, "verdict");
    cJSON_Delete(event);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void take_bytes(struct run_follow *run, const char *bytes, size_t count)
{
    while (count) {
        const char *end = memchr(bytes, '\n', count);
        size_t length = end ? (size_t)(end - bytes) : count;
        if (!run->too_long && buf_add(&run->line, bytes, length) < 0)
            run->too_long = true;
        if (end) {
            if (!run->too_long)
                run_follow_line(run, run->line.data, run->line.size);
            buf_clear(&run->line);
            run->too_long = false;
            length++;
        }
        bytes += length;
        count -= length;
    }
}

bool run_follow_pump(struct run_follow *run, bool *ret_changed)
{
    char *bytes;
    ssize_t got = 1;

    if (run->used)
        run->quiet = 0;
    else if (run->quiet > QUIET_MAX) {
        close_fd(&run->tail.fd); /* or a directory that is removed would keep its blocks */
        return false;
    }
    bytes = xmalloc(PIECE);
    run->quiet++;
    for (int i = 0; i < PIECES && got > 0; i++) {
        got = tail_read(&run->tail, bytes, PIECE);
        if (run->tail.began)
            forget_all(run);
        if (got > 0 || run->tail.began) {
            *ret_changed = true;
            run->quiet = 0;
        }
        take_bytes(run, bytes, (size_t)got);
    }
    free(bytes);
    return got > 0;
}

void run_board_json(const struct run_board *board, struct json_out *out)
{
    json_kv_string(out, "test", board->test);
    json_kv_bool(out, "running", board->running);
    json_kv_string(out, "state", board->state);
    json_kv_string(out, "what", board->what);
    json_kv_int(out, "percent", board->percent);
    json_kv_int(out, "pass", (int64_t)board->pass);
    json_kv_int(out, "fail", (int64_t)board->fail);
    json_kv_int(out, "error", (int64_t)board->error);
    json_kv_int(out, "skip", (int64_t)board->skip);
    json_kv_int(out, "attempt", board->attempt);
    json_kv_string(out, "case", board->case_name);
    json_kv_string(out, "verdict", board->verdict);
    json_kv_string(out, "reason", board->reason);
}
