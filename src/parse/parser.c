/* SPDX-License-Identifier: MIT */
#include "parse/parser.h"

#include "base/str.h"
#include "parse/collector_state.h"
#include "parse/detect.h"
#include "parse/format.h"
#include "parse/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMATS_NAMED_BYTES 80 /* after which further dialects of a log are not listed */

/* How long the proof of identity may come behind the end of tests: those of a boot loader or of
 * another image, that do not count. */
#define PROOF_WAIT_MS 1000
#define QUESTIONS_MAX 16 /* that are answered */

struct parser {
    struct job_result *job;
    struct parse_options options;
    struct parse_watch watch;
    struct lines *lines;
    struct collector *collector;
    bool automatic;
    struct detector *detector; /* NULL once the format is known */
    struct detector *next;     /* looks for another dialect behind the end of the first; or NULL */
    struct identity_reader identity;
    unsigned questions; /* that the firmware asked for the nonce */
    bool looks;         /* for a proof of identity at all */
    bool question;      /* one of them is not answered yet */
    bool waits;         /* the tests are over, the proof of identity has not come */
    int64_t done_us;    /* since when it does */
    const struct format *format, *first; /* first: in this log */
    void *state;
};

static void show_line(const struct parser *parser, const struct line *line)
{
    if (parser->watch.line)
        parser->watch.line(parser->watch.arg, line->text, line->size);
}

static struct text text_of_line(const struct line *line)
{
    return (struct text){.at = line->text, .size = line->size};
}

static void take_other_line(struct parser *parser, const struct line *line,
                            const struct signs *signs)
{
    parser->collector->line = *line;
    collector_other_line(parser->collector, signs->crash);
}

/* Whether it was the format's own. */
static bool take_own_line(struct parser *parser, const struct line *line)
{
    parser->collector->line = *line;
    return parser->format &&
           parser->format->line(parser->state, text_of_line(line), parser->collector);
}

static void read_line(void *arg, const struct line *line)
{
    if (take_own_line(arg, line))
        return;
    struct signs signs = signs_of(text_of_line(line));
    take_other_line(arg, line, &signs);
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
    parser->format = NULL;
    parser->state = NULL;
}

/* ---- whose results these are --------------------------------------------------------------- */

static uint64_t results(const struct collector *collector)
{
    return job_counts(collector->job).total + collector->open;
}

/* How many results there would be among the lines that no format has been found for yet. */
static uint64_t pending_results(const struct parser *parser)
{
    const struct format *best = parser->detector ? detector_best(parser->detector) : NULL;
    struct parse_options options = {.format = best ? best->name : NULL};
    struct job_result *job;
    struct parser *probe = NULL;
    uint64_t count = 0;

    if (!best)
        return 0;
    job = job_result_new();
    if (parser_new(&options, NULL, job, &probe, NULL) == 0) {
        detector_show(parser->detector, read_line, probe);
        count = results(probe->collector);
    }
    parser_free(probe);
    job_result_free(job);
    return count;
}

/* What was read so far is another firmware's: it does not count. */
static void start_over(struct parser *parser)
{
    const struct format *format = parser->format;

    close_format(parser);
    collector_free(parser->collector);
    detector_free(parser->detector);
    detector_free(parser->next);
    job_drop_suites(parser->job);
    parser->job->format = NULL;
    parser->next = NULL;
    parser->first = NULL;
    parser->collector = collector_new(parser->job, &parser->watch, parser->options.resets_expected);
    parser->detector = parser->automatic ? detector_new() : NULL;
    if (!parser->automatic)
        use_format(parser, format, NULL); /* its options are those that it opened with before */
}

static void tell_identity(const struct parser *parser, const char *what, uint64_t dropped)
{
    char text[128];

    if (!parser->watch.identity)
        return;
    snprintf(text, sizeof text, "%s", what);
    if (dropped)
        snprintf(text, sizeof text, "%s; %" PRIu64 " result%s before that do%s not count", what,
                 dropped, dropped == 1 ? "" : "s", dropped == 1 ? "es" : "");
    parser->watch.identity(parser->watch.arg, text, dropped);
}

/* From here on results count. */
static void proven(struct parser *parser)
{
    uint64_t ignored = results(parser->collector) + pending_results(parser);

    if (ignored || collector_state(parser->collector) != PARSE_MORE)
        start_over(parser);
    parser->job->identity.ignored += ignored;
    parser->waits = false;
    tell_identity(parser, "the board proved that it runs the image", ignored);
}

/* False: the line says that nothing of this counts. */
static bool look_for_identity(struct parser *parser, const struct line *line)
{
    struct identity *identity = &parser->job->identity;
    bool was_proven = identity_proven(identity);
    enum identity_word word = identity_line(&parser->identity, text_of_line(line), parser->job);

    if (word == IDENTITY_QUESTION)
        parser->question = parser->questions++ < QUESTIONS_MAX;
    if (word == IDENTITY_PROOF && !was_proven && identity_proven(identity))
        proven(parser);
    if (word != IDENTITY_OTHER)
        return true;
    identity->ignored += results(parser->collector) + pending_results(parser);
    start_over(parser);
    tell_identity(parser, "the board runs another image", identity->ignored);
    return false;
}

bool parser_has_question(const struct parser *parser)
{
    return parser->question;
}

bool parser_take_question(struct parser *parser)
{
    bool question = parser->question;

    parser->question = false;
    return question;
}

/* The format's end marker ends nothing where what it ends may not count. */
static enum parse_state done_or_waits(struct parser *parser, int64_t time_us)
{
    if (!parser->waits)
        parser->done_us = time_us;
    parser->waits = true;
    return time_us - parser->done_us < PROOF_WAIT_MS * INT64_C(1000) ? PARSE_MORE : PARSE_DONE;
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool is_another(const struct format *now, const struct format *found)
{
    return found != now && found->variant_of != now && now->variant_of != found;
}

/* Behind the end of the run: firmware may have tests of two frameworks. */
static void look_for_another(struct parser *parser, const struct line *line,
                             const struct signs *signs)
{
    if (!parser->next)
        parser->next = detector_new();
    if (!signs) { /* the format's own, such as a rule, which both have */
        detector_keep(parser->next, line);
        return;
    }
    const struct format *found = detector_line(parser->next, line, signs);
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
    bool own = take_own_line(parser, line);
    struct signs signs;
    if (!own) {
        signs = signs_of(text_of_line(line));
        take_other_line(parser, line, &signs);
    }
    if (!parser->automatic || !parser->format)
        return;
    if (!collector_ended(parser->collector)) {
        detector_free(parser->next);
        parser->next = NULL;
    } else {
        look_for_another(parser, line, own ? NULL : &signs);
    }
}

static void take_line(void *arg, const struct line *line)
{
    struct parser *parser = arg;
    show_line(parser, line);
    if (parser->looks &&
        (parser->job->identity.build_id == PROOF_OTHER || !look_for_identity(parser, line)))
        return;
    if (!parser->detector) {
        take_known_line(parser, line);
        return;
    }
    struct signs signs = signs_of(text_of_line(line));
    const struct format *format = detector_line(parser->detector, line, &signs);
    if (format)
        decide(parser, format);
    else
        take_other_line(parser, line, &signs);
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
    identity_begin(&parser->identity, &options->identity, job);
    parser->looks = options->identity.build_id || options->identity.ask_nonce;
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
    if (parser->job->identity.build_id == PROOF_OTHER)
        return PARSE_OTHER;
    enum parse_state state = collector_state(parser->collector);
    bool waits = state == PARSE_DONE && identity_missing(&parser->job->identity);
    if (waits)
        return done_or_waits(parser, time_us);
    parser->waits = false;
    return state;
}

int64_t parser_patience_ms(const struct parser *parser)
{
    return parser->waits ? PROOF_WAIT_MS : parser->collector->patience_ms;
}

enum capture_end parser_silence(const struct parser *parser)
{
    if (parser->collector->crash != CRASH_NONE)
        return END_CRASH;
    if (parser->waits)
        return END_DONE;
    return parser->collector->patience_ms >= 0 ? END_DONE : END_IDLE;
}

/* `trouble` with what is missing of a proof that is required, and why there are no tests. */
static const char *with_identity(struct job_result *job, const char *trouble)
{
    const struct identity *identity = &job->identity;
    const char *comma = trouble ? "; " : "";

    trouble = trouble ? trouble : "";
    if (identity->ignored && !job_counts(job).total) {
        trouble =
            arena_printf(&job->arena, "%s%s%" PRIu64 " before the proof of identity do not count",
                         trouble, comma, identity->ignored);
        comma = "; ";
    }
    if (identity->required && identity->build_id == PROOF_ABSENT) {
        trouble =
            arena_printf(&job->arena, "%s%sthe image's build-id was not seen", trouble, comma);
        comma = "; ";
    }
    if (identity->required && identity->build_id == PROOF_UNKNOWN) {
        trouble = arena_printf(&job->arena, "%s%sthe image has no build-id that could be seen",
                               trouble, comma);
        comma = "; ";
    }
    if (identity->required && (identity->nonce == PROOF_ABSENT || identity->nonce == PROOF_OTHER))
        trouble = arena_printf(&job->arena, "%s%sthe nonce was not echoed", trouble, comma);
    return *trouble ? trouble : NULL;
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
    return with_identity(parser->job, collector_finish(parser->collector, end));
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
