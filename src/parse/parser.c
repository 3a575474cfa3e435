/* SPDX-License-Identifier: MIT */
#include "parse/parser.h"

#include "base/str.h"
#include "parse/collector_state.h"
#include "parse/detect.h"
#include "parse/format.h"
#include "parse/lines.h"

#include <stdlib.h>
#include <string.h>

#define FORMATS_NAMED_BYTES 80 /* after which further dialects of a log are not listed */

struct parser {
    struct job_result *job;
    struct parse_options options;
    struct parse_watch watch;
    struct lines *lines;
    struct collector *collector;
    bool automatic;
    struct detector *detector; /* NULL once the format is known */
    struct detector *next;     /* looks for another dialect behind the end of the first; or NULL */
    const struct format *format, *first; /* first: in this log */
    void *state;
};

static void show_line(const struct parser *parser, const struct line *line)
{
    if (parser->watch.line)
        parser->watch.line(parser->watch.arg, line->text, line->size);
}

/* Whether it was the format's own. */
static bool try_line(struct parser *parser, const struct line *line)
{
    struct text text = {.at = line->text, .size = line->size};
    parser->collector->line = *line;
    bool own = parser->format && parser->format->line(parser->state, text, parser->collector);
    if (!own)
        collector_other_line(parser->collector);
    return own;
}

static void read_line(void *arg, const struct line *line)
{
    try_line(arg, line);
}

static void note_format(struct job_result *job, const char *name)
{
    if (!job->format)
        job->format = name;
    else if (strlen(job->format) < FORMATS_NAMED_BYTES)
        job->format = arena_printf(&job->arena, "%s, %s", job->format, name);
}

static int use_format(struct parser *parser, const struct format *format, struct err *err)
{
    parser->state = xcalloc(1, format->state_size);
    int rc = format->open ? format->open(parser->state, &parser->options, err) : 0;
    if (rc < 0) {
        if (format->done)
            format->done(parser->state);
        free(parser->state);
        parser->state = NULL;
        return rc;
    }
    parser->format = format;
    parser->first = parser->first ? parser->first : format;
    note_format(parser->job, format->name);
    parser->collector->repeats = format->repeats;
    parser->collector->resets_between = format->resets;
    return 0;
}

/* Reads what was pending with the format that it turned out to be. A format that auto may choose
 * needs no options, so that it opens. */
static void decide(struct parser *parser, const struct format *format)
{
    struct detector *detector = parser->detector;
    parser->detector = NULL;
    if (format && use_format(parser, format, NULL) == 0) {
        if (!detector_dropped(detector))
            collector_forget(parser->collector);
        detector_replay(detector, read_line, parser);
    }
    detector_free(detector);
}

static void close_format(struct parser *parser)
{
    if (parser->format && parser->format->done)
        parser->format->done(parser->state);
    free(parser->state);
    parser->state = NULL;
    parser->format = NULL;
}

static bool is_another(const struct format *now, const struct format *found)
{
    return found != now && found->variant_of != now && now->variant_of != found;
}

/* Behind the end of the run: firmware may have tests of two frameworks. */
static void look_for_another(struct parser *parser, const struct line *line, bool own)
{
    if (!parser->next)
        parser->next = detector_new();
    if (own) { /* such as a rule, which both have */
        detector_keep(parser->next, line);
        return;
    }
    const struct format *found = detector_line(parser->next, line);
    if (!found || !is_another(parser->format, found))
        return;
    if (parser->format->end)
        parser->format->end(parser->state, parser->collector);
    close_format(parser);
    collector_another(parser->collector, found == parser->first);
    struct detector *pending = parser->next;
    parser->next = NULL;
    use_format(parser, found, NULL);
    detector_replay(pending, read_line, parser);
    detector_free(pending);
}

static void take_known_line(struct parser *parser, const struct line *line)
{
    bool own = try_line(parser, line);
    if (!parser->automatic || !parser->format)
        return;
    if (!collector_ended(parser->collector)) {
        detector_free(parser->next);
        parser->next = NULL;
    } else {
        look_for_another(parser, line, own);
    }
}

static void take_line(void *arg, const struct line *line)
{
    struct parser *parser = arg;
    show_line(parser, line);
    if (!parser->detector) {
        take_known_line(parser, line);
        return;
    }
    const struct format *format = detector_line(parser->detector, line);
    if (format)
        decide(parser, format);
    else
        read_line(parser, line);
}

int parser_new(const struct parse_options *options, const struct parse_watch *watch,
               struct job_result *job, struct parser **ret, struct err *err)
{
    const struct format *format = NULL;
    bool automatic = !options->format || str_eq(options->format, "auto");
    if (!automatic && !(format = format_find(options->format, err)))
        return -ERR_USAGE;

    struct parser *parser = xcalloc(1, sizeof(*parser));
    parser->job = job;
    parser->options = *options;
    parser->automatic = automatic;
    parser->watch = watch ? *watch : (struct parse_watch){0};
    parser->collector = collector_new(job, watch, options->resets_expected);
    parser->lines = lines_new(take_line, parser);
    job->format = NULL;
    if (automatic)
        parser->detector = detector_new();
    int rc = format ? use_format(parser, format, err) : 0;
    if (rc < 0) {
        parser_free(parser);
        return rc;
    }
    *ret = parser;
    return 0;
}

enum parse_state parser_feed(struct parser *parser, const void *bytes, size_t size, int64_t time_us,
                             uint64_t offset)
{
    lines_feed(parser->lines, bytes, size, time_us, offset);
    return collector_state(parser->collector);
}

int64_t parser_patience_ms(const struct parser *parser)
{
    return parser->collector->patience_ms;
}

enum capture_end parser_silence(const struct parser *parser)
{
    if (parser->collector->crash != CRASH_NONE)
        return END_CRASH;
    return parser->collector->patience_ms >= 0 ? END_DONE : END_IDLE;
}

const char *parser_finish(struct parser *parser, enum capture_end end, int64_t time_us)
{
    lines_finish(parser->lines);
    if (parser->detector)
        decide(parser, detector_best(parser->detector));
    parser->collector->line.time_us = time_us;
    if (parser->format && parser->format->end)
        parser->format->end(parser->state, parser->collector);
    lines_count(parser->lines, &parser->job->capture);
    return collector_finish(parser->collector, end);
}

void parser_free(struct parser *parser)
{
    if (!parser)
        return;
    close_format(parser);
    detector_free(parser->detector);
    detector_free(parser->next);
    collector_free(parser->collector);
    lines_free(parser->lines);
    free(parser);
}
