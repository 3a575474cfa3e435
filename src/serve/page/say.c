/* SPDX-License-Identifier: MIT */
/* What viewers are told, as JSON. Texts of boards and tools are cleaned by the writer; the page
 * sets them as text. */
#include "serve/page/page_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void put(struct page *page, const char *key, const char *event, struct json_out *out)
{
    topic_put(&page->topic, key, event, out->pending.data, out->pending.size, &page->number);
    json_done(out);
}

/* ---- boards ---------------------------------------------------------------------------------- */

static const struct run_follow *run_of(const struct page *page, const char *out)
{
    for (size_t i = 0; i < page->run_count; i++)
        if (str_eq(page->runs[i]->out, out))
            return page->runs[i];
    return NULL;
}

static void put_run(const struct page *page, const struct page_board *board, struct json_out *out)
{
    const struct run_follow *run = board->out ? run_of(page, board->out) : NULL;
    const struct run_board *live = run ? run_follow_board(run, board->standing.conf->name) : NULL;

    json_kv_string(out, "run", run ? run->id : NULL);
    json_kv_string(out, "dir", run ? board->dir : NULL);
    json_key(out, "live");
    if (!live) {
        json_null(out);
        return;
    }
    json_object(out);
    run_board_json(live, out);
    json_object_end(out);
}

void page_put_board(const struct page *page, const struct page_board *board, struct json_out *out)
{
    json_object(out);
    standing_json(&board->standing, out);
    json_kv_string(out, "reason", board->standing.has_last ? board->reason : NULL);
    if (board->asked) {
        json_kv_bool(out, "present", board->present);
        json_kv_bool(out, "healthy", board->healthy);
        json_kv_string(out, "why", board->why);
    }
    put_run(page, board, out);
    json_object_end(out);
}

static void say_board(struct page *page, const struct page_board *board)
{
    cleanup_free char *key = xasprintf("board/%s", board->standing.conf->name);
    struct json_out out;

    json_begin(&out, -1, 0);
    page_put_board(page, board, &out);
    put(page, key, "board", &out);
}

static void say_there(struct page *page)
{
    const struct page_there *there = &page->there;

    for (size_t i = 0; i < there->names.count; i++) {
        cleanup_free char *key = xasprintf("board/%s", there->names.items[i]);
        const char *text = there->texts.items[i];
        topic_put(&page->topic, key, "board", text, strlen(text), &page->number);
    }
}

/* Where the run that is on it keeps its files, as soon as the run says so. */
static void find_dir(struct page *page, struct page_board *board)
{
    const struct run_follow *run = board->out ? run_of(page, board->out) : NULL;
    const struct run_board *live = run ? run_follow_board(run, board->standing.conf->name) : NULL;

    if (live && live->dir && !str_eq(live->dir, board->dir)) {
        free(board->dir);
        board->dir = xstrdup(live->dir);
        page->runs_changed = true;
    }
}

static void aim_console(const struct page *page, const struct page_board *board)
{
    struct console *console = page->consoles;

    while (console && !str_eq(console->board, board->standing.conf->name))
        console = console->next;
    if (console && board->out && board->dir) {
        cleanup_free char *log = xasprintf("%s/uart.log", board->dir);
        console_aim(console, board->out, log);
    }
}

void page_say_boards(struct page *page)
{
    topic_begin(&page->topic);
    for (size_t i = 0; i < page->inventory.lab->count; i++) {
        struct page_board *board = &page->boards[i];
        if (!board->standing.conf)
            continue;
        find_dir(page, board);
        aim_console(page, board);
        say_board(page, board);
    }
    say_there(page);
    topic_sweep(&page->topic, "board/", &page->number);
    if (page->runs_changed)
        page_remember(page);
    page->runs_changed = false;
}

/* ---- the lab, services, and what is done ----------------------------------------------------- */

void page_say_lab(struct page *page)
{
    const struct lab *lab = page->inventory.lab;
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "lab", lab->name);
    json_kv_string(&out, "file", page->lab_path);
    json_kv_string(&out, "version", page->request->version);
    json_kv_int(&out, "boards", (int64_t)(lab->count + page->there.names.count));
    json_kv_int(&out, "started", page->started_unix_s);
    json_kv_string(&out, "store", page->store.why);
    json_kv_bool(&out, "login", page->access.token);
    json_kv_string(&out, "key", page->request->control ? page->access.key : NULL);
    json_object_end(&out);
    put(page, "lab", "lab", &out);
}

void page_say_services(struct page *page)
{
    for (size_t i = 0; page->services.items[i].row; i++) {
        const struct service *service = &page->services.items[i];
        cleanup_free char *key = xasprintf("service/%s", service->row->name);
        struct json_out out;
        if (!service->wanted)
            continue;
        json_begin(&out, -1, 0);
        json_object(&out);
        json_kv_string(&out, "name", service->row->name);
        json_kv_string(&out, "what", service->row->what);
        json_kv_bool(&out, "running", service->proc);
        json_kv_int(&out, "since", service->since_unix_s);
        json_kv_int(&out, "exit_code", service->exit_code);
        json_kv_int(&out, "failures", service->failures);
        json_object_end(&out);
        put(page, key, "service", &out);
    }
}

void page_say_file(struct page *page, const char *service, const cJSON *state)
{
    cleanup_free char *key = xasprintf("state/%s", service);
    char *text;

    if (!state) {
        topic_begin(&page->topic);
        topic_sweep(&page->topic, key, &page->number);
        return;
    }
    text = cJSON_PrintUnformatted(state);
    if (text)
        topic_put(&page->topic, key, service, text, strlen(text), &page->number);
    cJSON_free(text);
}

void page_say_act(struct page *page, const char *board, const char *what, const char *state,
                  const char *text)
{
    cleanup_free char *key = xasprintf("act/%s", board);
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "board", board);
    json_kv_string(&out, "do", what);
    json_kv_string(&out, "state", state);
    json_kv_string(&out, "text", text);
    json_kv_int(&out, "time", (int64_t)time(NULL));
    json_object_end(&out);
    put(page, key, "act", &out);
}
