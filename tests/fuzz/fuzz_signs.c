/* SPDX-License-Identifier: MIT
 *
 * Words are found where memmem() finds them, and no format knows a line that has none of its signs.
 */
#include "base/str.h"
#include "parse/format.h"
#include "parse/needles.h"
#include "parse/signs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char *const words[] = {"hello", "ok 1 a", "[ RUN      ]", "elloh"};

static void count_needle(void *arg, size_t number, const char *at)
{
    if (memcmp(at, words[number], strlen(words[number])) != 0)
        abort();
    ((size_t *)arg)[number]++;
}

static size_t count_word(struct text line, const char *word)
{
    size_t count = 0;
    const char *end = line.at + line.size, *at = line.at;
    while (at < end && (at = memmem(at, (size_t)(end - at), word, strlen(word)))) {
        count++;
        at++;
    }
    return count;
}

static void check_needles(struct text line)
{
    struct needles *needles = xcalloc(1, sizeof(*needles));
    size_t found[ARRAY_SIZE(words)] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        needles_add(needles, words[i], false);
    needles_find(needles, line, count_needle, found);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (found[i] != count_word(line, words[i]))
            abort();
    }
    free(needles);
}

static void check_line(void *arg, const struct line *line)
{
    struct text text = {.at = line->text, .size = line->size};
    (void)arg;
    check_needles(text);
    struct signs signs = signs_of(text);
    for (size_t i = 0; formats[i]; i++) {
        bool sign = signs.formats >> i & 1;
        if (!sign && formats[i]->detect && formats[i]->detect(text) != DETECT_NO) {
            fprintf(stderr, "%s: %.*s\n", formats[i]->name, (int)text.size, text.at);
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct lines *lines = lines_new(check_line, NULL);
    lines_feed(lines, bytes, count, -1, 0);
    lines_finish(lines);
    lines_free(lines);
    return 0;
}
