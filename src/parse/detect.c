/* SPDX-License-Identifier: MIT */
#include "parse/detect.h"

#include "base/buf.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define FORMATS_MAX 64

struct detector {
    uint64_t asked[256]; /* by a line's first byte but blanks: the formats that want to see it */
    uint64_t variants[FORMATS_MAX]; /* of each: those that want to see its lines */
    uint32_t scores[FORMATS_MAX];
    struct buf pending; /* a struct line, its text, and so on */
    bool dropped;
};

/* What the format of number `i` wants to see. */
static void route_lines(struct detector *detector, size_t i)
{
    const uint64_t bit = UINT64_C(1) << i;
    const char *first = formats[i]->first;
    for (size_t byte = 0; formats[i]->detect && byte < ARRAY_SIZE(detector->asked); byte++)
        if (!first || (byte && strchr(first, (int)byte)))
            detector->asked[byte] |= bit;
    for (size_t k = 0; k < FORMATS_MAX && formats[k]; k++)
        if (formats[i]->variant_of == formats[k])
            detector->variants[k] |= bit;
}

struct detector *detector_new(void)
{
    struct detector *detector = xcalloc(1, sizeof(*detector));
    detector->pending = (struct buf)BUF_INIT(DETECT_PENDING_BYTES);
    for (size_t i = 0; i < FORMATS_MAX && formats[i]; i++)
        route_lines(detector, i);
    return detector;
}

void detector_free(struct detector *detector)
{
    if (!detector)
        return;
    buf_done(&detector->pending);
    free(detector);
}

static size_t pending_size(const struct line *line)
{
    return sizeof(*line) + line->size;
}

/* The line at `at`, with its text where it stands now. */
static struct line pending_at(const struct detector *detector, size_t at)
{
    struct line line;
    memcpy(&line, detector->pending.data + at, sizeof(line));
    line.text = detector->pending.data + at + sizeof(line);
    return line;
}

/* Half at once, so that a long log without tests costs one move a byte. */
static void drop_older_half(struct detector *detector)
{
    size_t at = 0;
    while (at < detector->pending.size / 2) {
        struct line line = pending_at(detector, at);
        at += pending_size(&line);
    }
    buf_drop_front(&detector->pending, at);
    detector->dropped = true;
}

static uint64_t formats_asked(const struct detector *detector, struct text line)
{
    size_t at = 0;
    while (at < line.size && (line.at[at] == ' ' || line.at[at] == '\t'))
        at++;
    return at < line.size ? detector->asked[(unsigned char)line.at[at]] : 0;
}

/* What the line adds to the scores; the format that is sure now, if any: the best, and of equals
 * the first. */
static const struct format *score_line(struct detector *detector, struct text line,
                                       const struct signs *signs)
{
    uint64_t asked = 0, sure = 0;
    for (uint64_t left = formats_asked(detector, line) & signs->formats; left; left &= ~asked) {
        size_t i = (size_t)__builtin_ctzll(left);
        asked |= UINT64_C(1) << i;
        int score = formats[i]->detect(line);
        if (score == DETECT_NO)
            continue;
        detector->scores[i] += (uint32_t)score;
        left |= detector->variants[i];
        if (detector->scores[i] >= DETECT_STRONG)
            sure |= UINT64_C(1) << i;
    }
    const struct format *best = NULL;
    uint32_t best_score = 0;
    for (; sure; sure &= sure - 1) {
        size_t i = (size_t)__builtin_ctzll(sure);
        if (detector->scores[i] > best_score) {
            best_score = detector->scores[i];
            best = formats[i];
        }
    }
    return best;
}

void detector_keep(struct detector *detector, const struct line *line)
{
    if (detector->pending.size + pending_size(line) > DETECT_PENDING_BYTES)
        drop_older_half(detector);
    char *space = buf_space(&detector->pending, pending_size(line));
    if (!space)
        return;
    memcpy(space, line, sizeof(*line));
    if (line->size > 0)
        memcpy(space + sizeof(*line), line->text, line->size);
    buf_grew(&detector->pending, pending_size(line));
}

const struct format *detector_line(struct detector *detector, const struct line *line,
                                   const struct signs *signs)
{
    const struct format *sure =
        score_line(detector, (struct text){.at = line->text, .size = line->size}, signs);
    detector_keep(detector, line);
    return sure;
}

const struct format *detector_best(const struct detector *detector)
{
    const struct format *best = NULL;
    uint32_t best_score = 0;
    for (size_t i = 0; i < FORMATS_MAX && formats[i]; i++) {
        if (detector->scores[i] > best_score) {
            best_score = detector->scores[i];
            best = formats[i];
        }
    }
    return best;
}

void detector_show(const struct detector *detector, lines_sink *sink, void *arg)
{
    for (size_t at = 0; at < detector->pending.size;) {
        struct line line = pending_at(detector, at);
        at += pending_size(&line);
        sink(arg, &line);
    }
}

void detector_replay(struct detector *detector, lines_sink *sink, void *arg)
{
    detector_show(detector, sink, arg);
    buf_clear(&detector->pending);
}

bool detector_dropped(const struct detector *detector)
{
    return detector->dropped;
}
