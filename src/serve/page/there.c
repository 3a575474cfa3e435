/* SPDX-License-Identifier: MIT
 *
 * Boards of servers, as `hil boards` tells of them: asked for by a child, since a server may be
 * slow or away, and only while somebody looks.
 */
#include "serve/page/page_state.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define THERE_EVERY_NS INT64_C(15000000000)
#define THERE_MS 60000

void page_ask_there(struct page *page)
{
    const char *const argv[] = {"boards", "--json", "--lab", page->lab_path, NULL};
    struct page_there *there = &page->there;
    int64_t now_ns = ctx_now_ns();

    if (!page->inventory.lab->servers.count || there->child.proc || now_ns < there->due_ns)
        return;
    there->due_ns = now_ns + THERE_EVERY_NS;
    if (child_start(&there->child, page->program, argv, THERE_MS, &page->ctx, NULL) == 0)
        page_listen_to_child(page, &there->child);
}

static void forget(struct page_there *there)
{
    strv_done(&there->names);
    strv_done(&there->texts);
}

static void keep(struct page_there *there, const cJSON *board)
{
    const char *name = json_get_string(board, "name", NULL);
    char *text;

    if (!name || !json_get_string(board, "server", NULL))
        return;
    text = cJSON_PrintUnformatted(board);
    if (text) {
        strv_add(&there->names, name);
        strv_add(&there->texts, text);
    }
    cJSON_free(text);
}

void page_take_there(struct page *page)
{
    struct page_there *there = &page->there;
    cJSON *tree = child_end_json(&there->child, "boards");
    const cJSON *all;

    if (!tree)
        return;
    forget(there);
    there->told_unix_s = ctx_unix_us() / 1000000;
    all = cJSON_GetObjectItemCaseSensitive(tree, "boards");
    for (const cJSON *board = all ? all->child : NULL; board; board = board->next)
        keep(there, board);
    cJSON_Delete(tree);
    page_say_boards(page);
}

void page_end_there(struct page *page)
{
    if (page->there.child.proc)
        child_end(&page->there.child, NULL);
    forget(&page->there);
}
