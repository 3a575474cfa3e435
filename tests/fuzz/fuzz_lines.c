/* SPDX-License-Identifier: MIT
 *
 * Lines are the same at once and in pieces, clean, bounded, and in order.
 */
#include "base/buf.h"
#include "base/str.h"
#include "parse/lines.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

struct seen {
    struct buf text;
    uint64_t begin, end;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_line(void *arg, const struct line *line)
{
    struct seen *seen = arg;
    require(line->size <= 2 * LINE_PIECE && line->begin < line->end);
    require(line->begin >= seen->end || line->begin == seen->begin); /* head and tail */
    for (size_t i = 0; i < line->size; i++) {
        unsigned char c = (unsigned char)line->text[i];
        require(c == '\t' || (c >= 0x20 && c != 0x7f));
    }
    seen->begin = line->begin;
    seen->end = line->end;
    buf_addf(&seen->text, "%llu-%llu ", (unsigned long long)line->begin,
             (unsigned long long)line->end);
    buf_add(&seen->text, line->text, line->size);
    buf_adds(&seen->text, "\n");
}

static struct capture_stats split(const uint8_t *bytes, size_t count, size_t step,
                                  struct seen *seen)
{
    struct lines *lines = lines_new(check_line, seen);
    for (size_t at = 0; at < count; at += step)
        lines_feed(lines, bytes + at, count - at < step ? count - at : step, 0, at);
    lines_finish(lines);
    struct capture_stats stats = {0};
    lines_count(lines, &stats);
    lines_free(lines);
    require(seen->end <= count);
    return stats;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct seen whole = {.text = BUF_INIT((size_t)64 * 1024 * 1024)};
    struct seen pieces = {.text = BUF_INIT((size_t)64 * 1024 * 1024)};
    struct capture_stats a = split(bytes, count, count ? count : 1, &whole);
    struct capture_stats b = split(bytes, count, count ? 1 + bytes[0] % 9 : 1, &pieces);
    require(whole.text.size == pieces.text.size);
    require(memcmp(whole.text.data, pieces.text.data, whole.text.size) == 0);
    require(a.lines == b.lines && a.replaced_bytes == b.replaced_bytes);
    require(a.cut_lines == b.cut_lines);
    buf_done(&whole.text);
    buf_done(&pieces.text);
    return 0;
}
