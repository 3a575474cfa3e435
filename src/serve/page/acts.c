/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "serve/page/page_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define PRESENCE_EVERY_NS INT64_C(30000000000)
#define PRESENCE_MS 60000
#define ACT_MS 120000
#define ACT_WAIT "2s" /* for a board that somebody holds: a viewer does not queue */
#define OUTPUT_MAX ((size_t)1 << 20)
#define SAID_MAX 600

void page_listen_to_child(const struct page *page, const struct child *child)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = child_fd(child)};

    epoll_ctl(page->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
}

static bool has_ended(const struct child *child)
{
    return child->proc && (!proc_running(child->proc) || child_is_late(child));
}

/* ---- who is there ---------------------------------------------------------------------------- */

void page_ask_presence(struct page *page)
{
    const char *const argv[] = {"labels", "--json", "--lab", page->lab_path, NULL};
    int64_t now_ns = ctx_now_ns();

    if (page->presence.proc || now_ns < page->presence_ns)
        return;
    page->presence_ns = now_ns + PRESENCE_EVERY_NS;
    if (child_start(&page->presence, page->program, argv, PRESENCE_MS, &page->ctx, NULL) == 0)
        page_listen_to_child(page, &page->presence);
}

static void take_presence(struct page *page)
{
    cJSON *tree = child_end_json(&page->presence, "labels");
    const cJSON *item;

    if (!tree)
        return;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(tree, "boards"))
    {
        const char *name = json_get_string(item, "name", NULL);
        struct page_board *board = name ? page_board(page, name) : NULL;
        if (!board)
            continue;
        board->asked = true;
        board->present = json_get_bool(item, "present", false);
        board->healthy = json_get_bool(item, "healthy", false);
        free(board->why);
        board->why = xstrdup(json_get_string(item, "why", NULL));
    }
    cJSON_Delete(tree);
    page_say_boards(page);
}

/* ---- what viewers ask for -------------------------------------------------------------------- */

static struct page_act *free_act(struct page *page, const char *board, struct err *err)
{
    struct page_act *found = NULL;

    for (size_t i = 0; i < PAGE_CHILDREN_MAX; i++) {
        if (str_eq(page->acts[i].board, board)) {
            err_set(err, ERR_BUSY, "%s: its %s is not over", board, page->acts[i].what);
            return NULL;
        }
        if (!page->acts[i].board)
            found = &page->acts[i];
    }
    if (!found)
        err_set(err, ERR_BUSY, "%d boards are at it already", PAGE_CHILDREN_MAX);
    return found;
}

static int start(struct page *page, const char *board, const char *what, struct err *err)
{
    const char *const reset[] = {"reset",  "--lab", page->lab_path, "--wait",
                                 ACT_WAIT, "--",    board,          NULL};
    const char *const power[] = {"power", "--lab", page->lab_path, "--wait", ACT_WAIT,
                                 "--",    board,   what,           NULL};
    const char *const release[] = {"boards", "--lab", page->lab_path, "--release", "--",
                                   board,    NULL};
    struct page_act *act = free_act(page, board, err);
    int rc;

    if (!act)
        return -(int)ERR_BUSY;
    rc = child_start(&act->child, page->program,
                     str_eq(what, "reset")     ? reset
                     : str_eq(what, "release") ? release
                                               : power,
                     ACT_MS, &page->ctx, err);
    if (rc < 0)
        return rc;
    act->board = xstrdup(board);
    act->what = xstrdup(what);
    page_listen_to_child(page, &act->child);
    page_say_act(page, board, what, "running", NULL);
    return 0;
}

int page_act(struct page *page, const char *board, const char *what, struct err *err)
{
    static const char *const known[] = {"reset", "on", "off", "cycle", "release"};
    const struct board_conf *conf = lab_board(page->inventory.lab, board);

    if (!conf)
        return err_set(err, ERR_NOT_FOUND, "the lab has no board '%.100s'", board);
    page_tell_of(page, JOURNAL_NOTICE, (struct journal_field){"HIL_BOARD", conf->name},
                 "%s: %.20s, asked for on the page", conf->name, what);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(what, known[i]))
            return start(page, conf->name, known[i], err);
    return err_set(err, ERR_USAGE, "'%.20s' is nothing that can be done with a board", what);
}

static void take_act(struct page *page, struct page_act *act)
{
    cleanup_buf struct buf text = BUF_INIT(OUTPUT_MAX);
    bool late = child_is_late(&act->child);
    int code = child_end(&act->child, &text);
    cleanup_free char *said = text_clean_dup(text.data, SAID_MAX, TEXT_ONE_LINE);

    page_say_act(page, act->board, act->what, code == 0 ? "done" : "failed",
                 late ? "took too long, and was ended" : said);
    free(act->board);
    free(act->what);
    *act = (struct page_act){.board = NULL};
    page->store.asked_ns = 0; /* it may have changed what is remembered */
    page_look(page);
}

void page_take_children(struct page *page)
{
    if (has_ended(&page->presence))
        take_presence(page);
    if (has_ended(&page->there.child))
        page_take_there(page);
    for (size_t i = 0; i < PAGE_CHILDREN_MAX; i++)
        if (has_ended(&page->acts[i].child))
            take_act(page, &page->acts[i]);
}

void page_end_children(struct page *page)
{
    if (page->presence.proc)
        child_end(&page->presence, NULL);
    page_end_there(page);
    for (size_t i = 0; i < PAGE_CHILDREN_MAX; i++) {
        if (page->acts[i].child.proc)
            child_end(&page->acts[i].child, NULL);
        free(page->acts[i].board);
        free(page->acts[i].what);
    }
}
