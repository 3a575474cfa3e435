/* SPDX-License-Identifier: MIT */
#include "board/reset/serial_pattern.h"

#include "board/modem_lines.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define WAIT_MAX_MS 10000 /* all waits of a pattern: a run gives a reset 30 s */
#define WORDS_MAX 8

/* Those of ESP boards are esptool's: two transistors between DTR, RTS, EN and IO0 let EN fall with
 * RTS alone and IO0 with DTR alone (Espressif's "Boot Mode Selection"; esptool's reset.py). An
 * Arduino's reset pin hangs on DTR by a capacitor, so it is the falling edge that counts. dtr-rts
 * is NRST on DTR and BOOT0 on RTS: into an STM32's bootloader. */
static const struct named {
    const char *name;
    const char *words[WORDS_MAX + 1];
} named[] = {
    {"nrst-dtr", {"dtr=1", "100ms", "dtr=0"}},
    {"nrst-rts", {"rts=1", "100ms", "rts=0"}},
    {"arduino", {"dtr=0", "rts=0", "250ms", "dtr=1", "rts=1"}},
    {"esptool", {"dtr=0", "rts=1", "100ms", "rts=0"}},
    {"esptool-boot", {"dtr=0", "rts=1", "100ms", "dtr=1", "rts=0", "50ms", "dtr=0"}},
    {"dtr-rts", {"dtr=1", "rts=0", "100ms", "dtr=0", "100ms"}},
    {"rts-dtr", {"rts=1", "dtr=0", "100ms", "rts=0", "100ms"}},
};

static const char *const line_names[] = {"dtr", "rts"};
static const unsigned line_bits[] = {MODEM_DTR, MODEM_RTS};

/* ---- reading --------------------------------------------------------------------------------- */

static int unknown(const char *word, const char *what, const char *const *known, size_t count,
                   struct err *err)
{
    const char *near = str_nearest(word, known, count);
    int rc = err_set(err, ERR_CONFIG, "unknown %s '%.60s'", what, word);

    if (near)
        return err_hint(err, " (did you mean '%s'?)", near);
    for (size_t i = 0; i < count; i++)
        rc = err_hint(err, "%s%s", i ? ", " : "; there are: ", known[i]);
    return rc;
}

static struct serial_step *last_step(struct serial_pattern *pattern)
{
    return &pattern->steps[pattern->count - 1];
}

/* The step that a change belongs to: a new one after a wait; NULL: there is no more room. */
static struct serial_step *open_step(struct serial_pattern *pattern)
{
    if (pattern->count && !last_step(pattern)->wait_ms)
        return last_step(pattern);
    if (pattern->count == SERIAL_STEPS_MAX)
        return NULL;
    pattern->count++;
    return last_step(pattern);
}

static int read_change(const char *word, struct serial_pattern *pattern, struct err *err)
{
    const char *equals = strchr(word, '=');
    cleanup_free char *name = xstrndup(word, (size_t)(equals - word));
    struct serial_step *step = open_step(pattern);
    size_t line = 0;

    while (line < ARRAY_SIZE(line_names) && strcmp(line_names[line], name) != 0)
        line++;
    if (line == ARRAY_SIZE(line_names))
        return unknown(name, "line", line_names, ARRAY_SIZE(line_names), err);
    if (strcmp(equals + 1, "0") != 0 && strcmp(equals + 1, "1") != 0)
        return err_set(err, ERR_CONFIG, "'%.60s': a line becomes 0 or 1", word);
    if (!step)
        return err_set(err, ERR_CONFIG, "is longer than %d steps", SERIAL_STEPS_MAX);
    if ((step->set | step->clear) & line_bits[line])
        return err_set(err, ERR_CONFIG,
                       "'%.60s': %s was moved already, and what stands without a wait between "
                       "happens at once",
                       word, name);
    *(equals[1] == '1' ? &step->set : &step->clear) |= line_bits[line];
    return 0;
}

static int64_t total_ms(const struct serial_pattern *pattern)
{
    int64_t total = 0;

    for (size_t i = 0; i < pattern->count; i++)
        total += pattern->steps[i].wait_ms;
    return total;
}

static int read_wait(const char *word, struct serial_pattern *pattern, struct err *err)
{
    int64_t ms;

    if (str_to_ms(word, "", &ms, NULL) < 0 || ms == 0)
        return err_set(err, ERR_CONFIG,
                       "'%.60s' is no step: steps are such as dtr=1, rts=0 and 100ms", word);
    if (!pattern->count)
        pattern->count = 1; /* begins with a wait */
    if (ms > WAIT_MAX_MS - total_ms(pattern))
        return err_set(err, ERR_CONFIG, "'%.60s': it may wait for %d s in all", word,
                       WAIT_MAX_MS / 1000);
    last_step(pattern)->wait_ms += ms;
    return 0;
}

static int read_word(const char *word, struct serial_pattern *pattern, struct err *err)
{
    return strchr(word, '=') ? read_change(word, pattern, err) : read_wait(word, pattern, err);
}

static int read_named(const char *name, struct serial_pattern *ret, struct err *err)
{
    const char *names[ARRAY_SIZE(named)];
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
        names[i] = named[i].name;
        if (strcmp(named[i].name, name) != 0)
            continue;
        for (const char *const *word = named[i].words; *word && rc == 0; word++)
            rc = read_word(*word, ret, err);
        return rc;
    }
    return unknown(name, "pattern", names, ARRAY_SIZE(names), err);
}

static bool is_name(const char *word)
{
    return !strchr(word, '=') && !isdigit((unsigned char)*word);
}

static bool moves(const struct serial_pattern *pattern)
{
    for (size_t i = 0; i < pattern->count; i++)
        if (pattern->steps[i].set | pattern->steps[i].clear)
            return true;
    return false;
}

int serial_pattern_read(const struct strv *words, struct serial_pattern *ret, size_t *ret_bad,
                        struct err *err)
{
    int rc = 0;

    *ret = (struct serial_pattern){0};
    *ret_bad = 0;
    if (words->count == 1 && is_name(words->items[0]))
        return read_named(words->items[0], ret, err);
    for (size_t i = 0; i < words->count; i++) {
        *ret_bad = i;
        rc = read_word(words->items[i], ret, err);
        if (rc < 0)
            return rc;
    }
    return moves(ret) ? 0 : err_set(err, ERR_CONFIG, "moves no line");
}

/* ---- running --------------------------------------------------------------------------------- */

static void end_state(const struct serial_pattern *pattern, unsigned *set, unsigned *clear)
{
    *set = *clear = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct serial_step *step = &pattern->steps[i];
        *set = (*set & ~step->clear) | step->set;
        *clear = (*clear & ~step->set) | step->clear;
    }
}

static int run_step(const struct serial_step *step, serial_change *change, void *arg,
                    const struct ctx *ctx, struct err *err)
{
    int rc = ctx_check(ctx, err);

    if (rc == 0 && (step->set | step->clear))
        rc = change(arg, step->set, step->clear, err);
    return rc == 0 && step->wait_ms ? ctx_sleep(ctx, step->wait_ms, err) : rc;
}

int serial_pattern_run(const struct serial_pattern *pattern, serial_change *change, void *arg,
                       const struct ctx *ctx, struct err *err)
{
    unsigned set, clear;
    int rc = 0;

    for (size_t i = 0; i < pattern->count && rc == 0; i++)
        rc = run_step(&pattern->steps[i], change, arg, ctx, err);
    if (rc == -ERR_TIMEOUT || rc == -ERR_CANCELLED) {
        end_state(pattern, &set, &clear);
        change(arg, set, clear, NULL);
    }
    return rc;
}
