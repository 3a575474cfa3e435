/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "serve/page/page_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_EVERY_NS INT64_C(10000000000)
#define AWAY_EVERY_NS (ASKER_AWAY_MS * INT64_C(1000000))
#define FILE_BYTES_MAX ((size_t)1 << 20)

/* ---- the store ------------------------------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether it was written to since it was read: by its file or by its log. A server does not tell,
 * and is asked now and then. */
static bool store_is_news(struct page *page)
{
    static const char *const names[] = {"history.db", "history.db-wal"};
    int64_t now_ns = ctx_now_ns();
    bool news = false;

    if (page->inventory.lab->store.url) {
        int64_t every_ns = page->store.why ? AWAY_EVERY_NS : SERVER_EVERY_NS;
        news = !page->store.asked_ns || now_ns - page->store.asked_ns >= every_ns;
        if (news)
            page->store.asked_ns = now_ns;
        return news;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = fs_join(page->state_dir, names[i]);
        struct stat now = {0};
        if (stat(path, &now) < 0)
            now = (struct stat){0};
        news |= !is_same_file(&now, &page->store.seen[i]);
        page->store.seen[i] = now;
    }
    return news;
}

/* ---- boards ---------------------------------------------------------------------------------- */

/* What the store said last still holds. */
static void keep_memory(struct standing *now, const struct standing *before)
{
    now->has_last = before->has_last;
    now->last = before->last;
    now->quarantined = before->quarantined;
    now->quarantine = before->quarantine;
    free(now->held_back);
    now->held_back = xstrdup(before->held_back);
}

static void set_text(char **text, const char *value)
{
    char *copy = xstrdup(value);

    free(*text);
    *text = copy;
}

/* The run that has it, and where in its directory the board's files are. */
static struct run_follow *find_run(struct page *page, struct page_board *board)
{
    const struct holder *holder = &board->standing.holder;
    struct run_follow *run = NULL;

    if (board->standing.held && holder->out)
        run = page_run_of(page, holder->out);
    if (!run)
        return NULL;
    run->quiet = 0;
    if (!str_eq(board->out, run->out)) {
        set_text(&board->out, run->out);
        set_text(&board->dir, NULL);
        page->runs_changed = true;
    }
    return run;
}

/* The run that has it now; NULL: none. */
static struct run_follow *look_at_board(struct page *page, size_t i)
{
    struct page_board *board = &page->boards[i];
    struct standing now;

    standing_look(&page->inventory, NULL, i, &now, NULL);
    standing_share(&now, page->store.leases, page->store.lease_count);
    keep_memory(&now, &board->standing);
    standing_done(&board->standing);
    board->standing = now;
    return find_run(page, board);
}

void page_glimpse(struct page *page, const char *name)
{
    for (size_t i = 0; i < page->inventory.lab->count; i++) {
        if (!str_eq(page->boards[i].lock_name, name))
            continue;
        look_at_board(page, i);
        if (page->runs_changed)
            page_remember(page);
        page->runs_changed = false;
        return;
    }
}

void page_forget_boards(struct page *page)
{
    for (size_t i = 0; page->boards && i < page->inventory.lab->count; i++) {
        struct page_board *board = &page->boards[i];
        standing_done(&board->standing);
        free(board->reason);
        free(board->why);
        free(board->out);
        free(board->dir);
        free(board->lock_name);
    }
    free(page->boards);
    page->boards = NULL;
    page_forget_store(page);
}

/* ---- other services' files ------------------------------------------------------------------- */

/* A crash leaves the file; whether anybody stands behind it is seen by the process. */
static bool is_alive(const cJSON *state)
{
    int64_t pid = json_get_int(state, "pid", 0);

    return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static cJSON *read_state(const char *path, const char *name, const char *lab)
{
    cleanup_buf struct buf text = BUF_INIT(FILE_BYTES_MAX);
    cJSON *state = NULL;

    if (fs_read(path, &text, NULL) < 0 ||
        json_parse(text.data, text.size, FILE_BYTES_MAX, name, &state, NULL) < 0)
        return NULL;
    if (str_eq(json_get_string(state, "service", NULL), name) &&
        str_eq(json_get_string(state, "lab", lab), lab) && is_alive(state))
        return state;
    cJSON_Delete(state);
    return NULL;
}

static void look_at_files(struct page *page)
{
    static const char *const names[] = {"watch", "rig"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *name = xasprintf("service-%s.json", names[i]);
        cleanup_free char *path = fs_join(page->inventory.runtime_dir, name);
        cJSON *state = read_state(path, names[i], page->inventory.lab->name);
        page_say_file(page, names[i], state);
        cJSON_Delete(state);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

void page_look_again(struct page *page)
{
    for (size_t i = 0; i < page->run_count; i++)
        page->runs[i]->used = false;
    for (size_t i = 0; i < page->inventory.lab->count; i++) {
        struct run_follow *run = look_at_board(page, i);
        if (run)
            run->used = true;
    }
    page->looked_ns = ctx_now_ns();
    look_at_files(page);
    page_say_boards(page);
    page_say_services(page);
    page_say_lab(page);
}

void page_look(struct page *page)
{
    if (!page->store.asking && store_is_news(page))
        page_ask_store(page);
    page_look_again(page);
}
