/* SPDX-License-Identifier: MIT */
#include "parse/detect.h"

#include "base/buf.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define FORMATS_MAX 64

struct detector {
    uint32_t scores[FORMATS_MAX];
    struct buf pending; /* a struct line, its text, and so on */
    bool dropped;
};

struct detector *detector_new(void)
{
    struct detector *detector = xcalloc(1, sizeof(*detector));
    detector->pending = (struct buf)BUF_INIT(DETECT_PENDING_BYTES);
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

const struct format *detector_line(struct detector *detector, const struct line *line)
{
    const struct text text = {.at = line->text, .size = line->size};
    uint32_t best = 0;
    const struct format *sure = NULL;
    for (size_t i = 0; formats[i]; i++) {
        int score = formats[i]->detect ? formats[i]->detect(text) : DETECT_NO;
        if (score == DETECT_NO)
            continue;
        detector->scores[i] += (uint32_t)score;
        if (detector->scores[i] >= DETECT_STRONG && detector->scores[i] > best) {
            best = detector->scores[i];
            sure = formats[i];
        }
    }
    if (detector->pending.size + pending_size(line) > DETECT_PENDING_BYTES)
        drop_older_half(detector);
    buf_add(&detector->pending, line, sizeof(*line));
    buf_add(&detector->pending, line->text, line->size);
    return sure;
}

const struct format *detector_best(const struct detector *detector)
{
    const struct format *best = NULL;
    uint32_t best_score = 0;
    for (size_t i = 0; formats[i]; i++) {
        if (detector->scores[i] > best_score) {
            best_score = detector->scores[i];
            best = formats[i];
        }
    }
    return best;
}

void detector_replay(struct detector *detector, lines_sink *sink, void *arg)
{
    for (size_t at = 0; at < detector->pending.size;) {
        struct line line = pending_at(detector, at);
        at += pending_size(&line);
        sink(arg, &line);
    }
    buf_clear(&detector->pending);
}

bool detector_dropped(const struct detector *detector)
{
    return detector->dropped;
}
