/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "serve/page/page_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define LINGER_NS INT64_C(30000000000) /* a console that nobody looks at any more */

/* ---- runs ------------------------------------------------------------------------------------ */

/* The oldest one that holds no board makes room. */
static bool make_room(struct page *page)
{
    for (size_t i = 0; i < page->run_count; i++) {
        if (page->runs[i]->used)
            continue;
        run_follow_free(page->runs[i]);
        page->run_count--;
        memmove(page->runs + i, page->runs + i + 1, (page->run_count - i) * sizeof *page->runs);
        return true;
    }
    return false;
}

struct run_follow *page_run_of(struct page *page, const char *out)
{
    for (size_t i = 0; i < page->run_count; i++)
        if (str_eq(page->runs[i]->out, out))
            return page->runs[i];
    if (*out != '/' || (page->run_count == PAGE_RUNS_MAX && !make_room(page)))
        return NULL;
    page->runs = xrealloc(page->runs, page->run_count + 1, sizeof *page->runs);
    return page->runs[page->run_count++] = run_follow_new(out);
}

struct run_follow *page_run_by_id(const struct page *page, const char *id, size_t length)
{
    for (size_t i = 0; i < page->run_count; i++)
        if (length == RUN_ID_SIZE - 1 && !memcmp(page->runs[i]->id, id, length))
            return page->runs[i];
    return NULL;
}

void page_forget_runs(struct page *page)
{
    for (size_t i = 0; i < page->run_count; i++)
        run_follow_free(page->runs[i]);
    free(page->runs);
    page->runs = NULL;
    page->run_count = 0;
    while (page->consoles) {
        struct console *console = page->consoles;
        page->consoles = console->next;
        console_free(console);
    }
}

/* ---- consoles -------------------------------------------------------------------------------- */

struct console *page_console(struct page *page, const char *board)
{
    struct console *console = page->consoles;
    size_t count = 0;

    for (; console && !str_eq(console->board, board); console = console->next)
        count++;
    if (!console && count < PAGE_CONSOLES_MAX) {
        console = console_new(board);
        console->next = page->consoles;
        page->consoles = console;
    }
    if (console)
        console->viewers++;
    return console;
}

void page_console_leave(struct console *console)
{
    console->viewers--;
    console->left_ns = ctx_now_ns();
}

/* A viewer that comes back in a moment finds its place again. */
static void drop_consoles(struct page *page)
{
    struct console **at = &page->consoles;

    while (*at) {
        struct console *console = *at;
        if (console->viewers || ctx_now_ns() - console->left_ns < LINGER_NS) {
            at = &console->next;
            continue;
        }
        *at = console->next;
        console_free(console);
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

bool page_pump(struct page *page, bool *ret_changed)
{
    bool more = false, spoken = false;

    for (size_t i = 0; i < page->run_count; i++)
        more |= run_follow_pump(page->runs[i], ret_changed);
    drop_consoles(page);
    for (struct console *console = page->consoles; console; console = console->next)
        more |= console_pump(console, &page->number, &spoken);
    return more;
}

static void listen_to(const struct page *page, const struct tail *tail)
{
    cleanup_free char *path = tail->fd >= 0 ? fs_join(tail->dir, tail->relative) : NULL;

    if (path)
        inotify_add_watch(page->files_fd, path, IN_MODIFY | IN_ATTRIB | IN_DONT_FOLLOW);
}

/* A file that is watched already stays as it is; one that is gone is forgotten by the kernel. */
void page_listen_to_files(const struct page *page)
{
    for (size_t i = 0; i < page->run_count; i++)
        if (page->runs[i]->used)
            listen_to(page, &page->runs[i]->tail);
    for (const struct console *console = page->consoles; console; console = console->next)
        listen_to(page, &console->tail);
}
