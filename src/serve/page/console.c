/* SPDX-License-Identifier: MIT */
#include "serve/page/console.h"

#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>

#define KEEP ((uint64_t)128 << 10) /* of a log that is there already */
#define PIECE ((size_t)8 << 10)    /* bytes of a frame */
#define PIECES 16                  /* in one go */

struct console *console_new(const char *board)
{
    struct console *console = xcalloc(1, sizeof *console);

    console->board = xstrdup(board);
    console->tail.fd = -1;
    return console;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    tail_close(&console->tail);
    scroll_clear(&console->scroll);
    free(console->board);
    free(console);
}

void console_aim(struct console *console, const char *dir, const char *relative)
{
    if (tail_is(&console->tail, dir, relative))
        return;
    tail_close(&console->tail);
    tail_open(&console->tail, dir, relative, KEEP);
}

static void add(struct console *console, const struct buf *text, uint64_t *number)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_int(&out, "n", (int64_t)*number + 1); /* a viewer that comes back knows which it has */
    json_kv_string(&out, "board", console->board);
    if (console->tail.began) {
        json_kv_string(&out, "begin", console->tail.relative);
        json_kv_int(&out, "skipped", (int64_t)console->tail.skipped);
    }
    json_key(&out, "text");
    json_bytes(&out, text->data, text->size);
    json_object_end(&out);
    scroll_add(&console->scroll, frame_new("uart", out.pending.data, out.pending.size, ++*number));
    json_done(&out);
}

bool console_pump(struct console *console, uint64_t *number, bool *ret_changed)
{
    char bytes[PIECE];
    ssize_t got = 1;

    for (int i = 0; i < PIECES && got > 0; i++) {
        cleanup_buf struct buf text = BUF_INIT(4 * PIECE); /* U+FFFD has three bytes */
        got = tail_read(&console->tail, bytes, sizeof bytes);
        if (console->tail.began)
            console->text = (struct uart_text){.held_count = 0};
        uart_text_feed(&console->text, bytes, (size_t)got, &text);
        if (!text.size && !console->tail.began)
            continue;
        add(console, &text, number);
        *ret_changed = true;
    }
    return got > 0;
}
