/* SPDX-License-Identifier: MIT */
#include "parse/formats/panic.h"

#include "parse/crash.h"

#include <string.h>

#define PANIC_BYTES 1024

struct panic panic_init(void)
{
    return (struct panic){.file = BUF_INIT(PANIC_BYTES), .text = BUF_INIT(PANIC_BYTES)};
}

void panic_done(struct panic *panic)
{
    buf_done(&panic->file);
    buf_done(&panic->text);
}

static void begin(struct panic *panic, struct text place, struct text words)
{
    struct text file = {0};
    panic->line = 0;
    crash_place(place, &file, &panic->line);
    text_store(file, &panic->file);
    text_store(words, &panic->text);
    panic->state = words.size ? PANIC_TEXT : PANIC_PLACE;
}

bool panic_begins(struct panic *panic, struct text line)
{
    struct scan scan = scan_begin(line);
    struct text before, words = {0};
    if (text_starts(line, "note: test did not panic as expected")) {
        scan_word(&scan, "note: ");
        words = scan_rest(&scan);
        begin(panic, words, words);
        return true;
    }
    if (!scan_until(&scan, "panicked at ", &before))
        return false;
    struct text place = scan_rest(&scan);
    const char *quote = place.size ? memrchr(place.at, '\'', place.size) : NULL;
    if (quote && quote > place.at && *place.at == '\'') {
        words = (struct text){.at = place.at + 1, .size = (size_t)(quote - place.at - 1)};
        place = (struct text){.at = quote, .size = (size_t)(place.at + place.size - quote)};
    } else if (!text_ends(place, ":")) {
        words = place;
    }
    begin(panic, place, words);
    if (words.size == 0) /* until they come */
        text_store((struct text){.at = before.at + before.size, .size = line.size - before.size},
                   &panic->text);
    return true;
}

bool panic_goes_on(struct panic *panic, struct text line)
{
    struct text words = text_trim(line);
    if (panic->state == PANIC_PLACE) {
        text_store(words, &panic->text);
        panic->state = PANIC_TEXT;
        return true;
    }
    if (!text_starts(words, "left:") && !text_starts(words, "right:"))
        return false;
    if (panic->text.size + words.size + 3 < PANIC_BYTES)
        buf_addf(&panic->text, ", %.*s", (int)words.size, words.at);
    return true;
}

struct finding panic_take(struct panic *panic)
{
    panic->state = PANIC_NONE;
    return (struct finding){.message = text_of_buf(&panic->text),
                            .file = text_of_buf(&panic->file),
                            .line = panic->line,
                            .duration_us = -1};
}
