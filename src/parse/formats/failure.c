/* SPDX-License-Identifier: MIT */
#include "parse/formats/failure.h"

#include <string.h>

bool place_read(struct text text, struct place *ret)
{
    text = text_trim(text);
    const char *colon = text.size ? memrchr(text.at, ':', text.size) : NULL;
    if (!colon || colon == text.at)
        return false;
    struct scan scan = {.at = colon + 1, .end = text.at + text.size};
    uint64_t line;
    if (!scan_number(&scan, &line) || !scan_done(&scan) || line > UINT32_MAX)
        return false;
    ret->file = (struct text){.at = text.at, .size = (size_t)(colon - text.at)};
    ret->line = (uint32_t)line;
    return true;
}

static size_t keep(struct text text, char *out, size_t room)
{
    size_t size = text.size < room ? text.size : room;
    if (size > 0)
        memcpy(out, text.at + text.size - size, size); /* of a path the end says more */
    return size;
}

/* Output that lacked a line end stands before the file's name: it is taken off where the name is
 * known. */
static struct text without_glue(const struct failure *failure, struct text file)
{
    size_t known = failure->known_size;
    if (known > 0 && file.size > known &&
        memcmp(file.at + file.size - known, failure->known, known) == 0)
        return (struct text){.at = file.at + file.size - known, .size = known};
    return file;
}

void failure_place(struct failure *failure, const struct place *place)
{
    if (failure->file_size > 0 || place->file.size == 0)
        return;
    struct text file = without_glue(failure, place->file);
    failure->line = place->line;
    failure->file_size = keep(file, failure->file, sizeof(failure->file));
    failure->known_size = keep(file, failure->known, sizeof(failure->known));
}

void failure_begin(struct failure *failure, const struct place *place, struct text words,
                   struct collector *collector)
{
    collector_note_failure(collector, words, without_glue(failure, place->file), place->line);
    failure->open = !failure->noted;
    if (failure->noted)
        return;
    failure->noted = true;
    failure->file_size = failure->words_size = 0;
    failure_place(failure, place);
    failure_more(failure, words);
}

void failure_more(struct failure *failure, struct text words)
{
    words = text_trim(words);
    if (!failure->open || words.size == 0)
        return;
    size_t room = sizeof(failure->words) - failure->words_size;
    size_t blank = failure->words_size > 0;
    if (room <= blank)
        return;
    if (blank)
        failure->words[failure->words_size++] = ' ';
    size_t size = words.size < room - blank ? words.size : room - blank;
    memcpy(failure->words + failure->words_size, words.at, size);
    failure->words_size += size;
}

void failure_give(struct failure *failure, struct finding *ret)
{
    if (failure->noted && ret->result != CASE_PASS) {
        if (ret->message.size == 0)
            ret->message = (struct text){.at = failure->words, .size = failure->words_size};
        if (ret->file.size == 0 && failure->file_size > 0) {
            ret->file = (struct text){.at = failure->file, .size = failure->file_size};
            ret->line = failure->line;
        }
    }
    failure->noted = failure->open = false;
}
