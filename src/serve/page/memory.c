/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "serve/page/page_state.h"
#include "serve/page/place.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)4 << 20)

/* STATE/serve/LAB.json */
static char *memory_path(const struct page *page)
{
    cleanup_free char *dir = fs_join(page->state_dir, "serve");
    cleanup_free char *safe = fs_safe_name(page->inventory.lab->name);
    cleanup_free char *name = xasprintf("%s.json", safe);

    return fs_join(dir, name);
}

static void recall_board(struct page *page, const cJSON *item)
{
    const char *name = json_get_string(item, "board", NULL);
    const char *out = json_get_string(item, "out", NULL), *dir = json_get_string(item, "dir", NULL);
    struct page_board *board = name ? page_board(page, name) : NULL;

    if (!board || board->out || !out || !page_run_of(page, out))
        return;
    board->out = xstrdup(out);
    if (dir && place_name_ok(dir))
        board->dir = xstrdup(dir);
}

void page_recall(struct page *page)
{
    cleanup_free char *path = memory_path(page);
    cleanup_buf struct buf text = BUF_INIT(MEMORY_MAX);
    cJSON *tree = NULL;
    const cJSON *runs;

    if (fs_read(path, &text, NULL) < 0 ||
        json_parse(text.data, text.size, MEMORY_MAX, path, &tree, NULL) < 0)
        return;
    runs = cJSON_GetObjectItemCaseSensitive(tree, "runs");
    for (const cJSON *item = runs ? runs->child : NULL; item; item = item->next)
        recall_board(page, item);
    cJSON_Delete(tree);
}

/* Where it cannot be written, a restart forgets: no reason to stop. */
void page_remember(const struct page *page)
{
    cleanup_free char *path = memory_path(page);
    cleanup_free char *dir = fs_dirname(path);
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_key(&out, "runs");
    json_array(&out);
    for (size_t i = 0; i < page->inventory.lab->count; i++) {
        const struct page_board *board = &page->boards[i];
        if (!board->out)
            continue;
        json_object(&out);
        json_kv_string(&out, "board", page->inventory.lab->boards[i].name);
        json_kv_string(&out, "out", board->out);
        json_kv_string(&out, "dir", board->dir);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    json_end(&out, NULL);
    if (fs_mkdirs(dir, 0755, NULL) == 0)
        fs_write(path, out.pending.data, out.pending.size, NULL);
    json_done(&out);
}
