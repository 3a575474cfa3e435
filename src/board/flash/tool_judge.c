/* SPDX-License-Identifier: MIT */
#include "board/flash/tool_judge.h"

#include "base/str.h"
#include "base/text.h"
#include "board/flash/tool_match.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 160 /* bytes of a tool's line in a message */

/* What failed, and the next thing to try. */
static const struct {
    const char *words, *next;
} meanings[TOOL_MEANINGS] = {
    [TOOL_NO_PROBE] = {"no probe found", "is it plugged in, with the serial number that lab.yaml "
                                         "has? `hil discover` shows what is there"},
    [TOOL_TWO_PROBES] = {"several probes could be meant", "say which in lab.yaml; `hil discover` "
                                                          "shows their serial numbers"},
    [TOOL_PROBE_BUSY] = {"the probe is in use", "end the debugger or GDB server that holds it"},
    [TOOL_USB_DENIED] = {"no permission to open the USB device",
                         "it needs udev rules; `hil doctor` shows how"},
    [TOOL_NO_PORT] = {"the port is not there",
                      "is the board plugged in? `hil discover` shows the ports"},
    [TOOL_PORT_BUSY] = {"the port is in use", "end the program that holds it; `fuser` and the "
                                              "port's name show which"},
    [TOOL_PORT_DENIED] = {"no permission to open the port",
                          "add the user to the group dialout: sudo adduser USER dialout"},
    [TOOL_NO_VOLTAGE] = {"the probe sees no target voltage",
                         "is the board powered, and the probe's VTref wired?"},
    [TOOL_NO_TARGET] = {"the probe finds no chip",
                        "is the board powered, and are its debug pins wired and not used by the "
                        "firmware? Connecting under reset helps with the latter"},
    [TOOL_NOT_HALTED] = {"the chip is not halted: held in reset or asleep",
                         "check the reset line, or connect under reset"},
    [TOOL_NO_BOOTLOADER] = {"no answer from the chip's bootloader",
                            "is the board in its bootloader (boot pins, reset), and is this its "
                            "port?"},
    [TOOL_PROTECTED] = {"readout protection is on",
                        "unlocking erases the chip: do it once by hand with the maker's tool"},
    [TOOL_WRITE_PROTECTED] = {"the flash is write protected",
                              "clear the protection once by hand with the maker's tool"},
    [TOOL_UNKNOWN_CHIP] = {"unknown chip", "correct the chip's name in lab.yaml, or take a newer "
                                           "version of the tool"},
    [TOOL_WRONG_CHIP] = {"the chip is not the one that lab.yaml names",
                         "is this the right board and firmware?"},
    [TOOL_OUTSIDE] = {"the firmware lies outside the chip's flash",
                      "is it linked for this chip? `hil image` shows its addresses"},
    [TOOL_ERASE] = {"erasing failed", "is the flash protected, or the supply weak?"},
    [TOOL_WRITE] = {"writing failed", "is the flash protected, or the supply weak?"},
    [TOOL_VERIFY] = {"verify failed",
                     "flash again; if it stays so, the flash is worn or protected, "
                     "or the firmware ran meanwhile"},
    [TOOL_LOST] = {"the connection broke", "check cable, hub and supply"},
    [TOOL_OPTIONS] = {"the tool refuses its options",
                      "correct lab.yaml, or take a version of the tool that knows them"},
    [TOOL_ERROR] = {"it reports an error", "all of its output is in flash.log"},
};

void tool_judge_begin(struct tool_judge *judge, const struct tool_rules *rules)
{
    *judge = (struct tool_judge){.rules = rules};
}

/* ---- progress ------------------------------------------------------------------------------ */

static unsigned marks(const struct tool_judge *judge, const struct tool_match *match, char mark)
{
    unsigned count = 0;

    for (size_t i = match->start; i < judge->size; i++)
        count += judge->line[i] == mark;
    return count;
}

static unsigned share(uint64_t done, uint64_t total)
{
    if (done >= total)
        return 100;
    return (unsigned)(done > UINT64_MAX / 100 ? done / (total / 100) : done * 100 / total);
}

static unsigned percent_of(const struct tool_judge *judge, const struct tool_progress *row,
                           const struct tool_match *match)
{
    switch (row->kind) {
    case TOOL_STARTS:
        return 0;
    case TOOL_PERCENT:
        return match->count ? share(match->numbers[match->count - 1], 100) : 0;
    case TOOL_RATIO:
        return share(match->numbers[0], match->numbers[1]);
    case TOOL_HASHES:
        return share(marks(judge, match, '#'), 50);
    case TOOL_EQUALS:
        return share(marks(judge, match, '='), 40);
    case TOOL_ENDS:
    default:
        return 100;
    }
}

static void look_for_progress(struct tool_judge *judge, bool whole)
{
    const struct tool_progress *row = judge->rules->progress;
    struct tool_match match;

    for (; row && row->text; row++) {
        const char *step = row->step ? row->step : judge->step;
        unsigned percent;
        if (!whole && row->kind == TOOL_RATIO)
            continue; /* half a number is another number */
        if (!tool_match(row->text, judge->line, judge->size, &match))
            continue;
        if (!step)
            return;
        percent = percent_of(judge, row, &match);
        if (judge->tell && (percent != judge->percent || !str_eq(step, judge->step)))
            judge->tell(judge->arg, step, percent);
        judge->step = step;
        judge->percent = percent;
        return;
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

static void look_for_failure(struct tool_judge *judge)
{
    const struct tool_failure *rows = judge->rules->failures;
    struct tool_match match;

    for (size_t i = 0; rows && rows[i].text; i++) {
        bool whatever_code = rows[i].text[0] == '!';
        if (!tool_match(rows[i].text + whatever_code, judge->line, judge->size, &match))
            continue;
        judge->fatal |= whatever_code;
        if (judge->failed && i >= judge->failure)
            continue;
        judge->failed = true;
        judge->failure = i;
        judge->has_address = match.has_hex;
        judge->address = match.numbers[0];
        size_t blanks = 0;
        while (blanks < judge->size && isspace((unsigned char)judge->line[blanks]))
            blanks++;
        snprintf(judge->why, sizeof judge->why, "%.*s", (int)(judge->size - blanks),
                 judge->line + blanks);
    }
}

static void look_for_chip(const struct tool_judge *judge, const char *pattern, char ret[128])
{
    struct tool_match match;

    if (pattern && !ret[0] && tool_match(pattern, judge->line, judge->size, &match))
        snprintf(ret, 128, "%.*s", (int)match.text_size, judge->line + match.text);
}

static void end_line(struct tool_judge *judge)
{
    struct tool_match match;

    while (judge->size && isspace((unsigned char)judge->line[judge->size - 1]))
        judge->size--;
    if (judge->size) {
        look_for_progress(judge, true);
        look_for_failure(judge);
        look_for_chip(judge, judge->rules->chip, judge->chip);
        look_for_chip(judge, judge->rules->chip_name, judge->chip_name);
        for (size_t i = 0; i < TOOL_SAID_MAX && judge->rules->said[i]; i++)
            judge->saw[i] |= tool_match(judge->rules->said[i], judge->line, judge->size, &match);
    }
    judge->size = 0;
}

static void take_byte(struct tool_judge *judge, char byte)
{
    if (judge->state == TOOL_ESCAPE) {
        judge->state = byte == '[' ? TOOL_CSI : TOOL_TEXT;
    } else if (judge->state == TOOL_CSI && byte != '\n' && byte != '\r') {
        if (byte >= '@' && byte <= '~') /* the final byte: ECMA-48, 5.4 */
            judge->state = TOOL_TEXT;
    } else if (byte == '\n' || byte == '\r') {
        judge->state = TOOL_TEXT;
        end_line(judge);
    } else if (byte == '\033') {
        judge->state = TOOL_ESCAPE;
    } else if (byte && judge->size < sizeof judge->line) {
        judge->line[judge->size++] = byte; /* of a longer line the beginning will do */
    }
}

void tool_judge_feed(struct tool_judge *judge, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_byte(judge, bytes[i]);
    if (judge->size) /* some draw a line over minutes */
        look_for_progress(judge, false);
}

void tool_judge_end(struct tool_judge *judge)
{
    judge->state = TOOL_TEXT;
    end_line(judge);
}

/* ---- verdict ------------------------------------------------------------------------------- */

/* The first pattern that was not seen, or NULL. */
static const char *unsaid(const struct tool_judge *judge)
{
    for (size_t i = 0; i < TOOL_SAID_MAX && judge->rules->said[i]; i++)
        if (!judge->saw[i])
            return judge->rules->said[i];
    return NULL;
}

int tool_judge_tell(enum tool_meaning means, const char *why, struct err *err)
{
    return err_set(err, ERR_TOOL, "%s: \"%s\"; %s", meanings[means].words, why,
                   meanings[means].next);
}

static int tell_known(const struct tool_judge *judge, struct err *err)
{
    enum tool_meaning means = judge->rules->failures[judge->failure].means;
    cleanup_free char *why = text_clean_dup(judge->why, SHOWN_MAX, TEXT_ONE_LINE);
    char at[32] = "";

    if (means == TOOL_VERIFY && judge->has_address)
        snprintf(at, sizeof at, " at 0x%08llx", (unsigned long long)judge->address);
    return err_set(err, means == TOOL_VERIFY ? ERR_REFUSED : ERR_TOOL, "%s%s: \"%s\"; %s",
                   meanings[means].words, at, why, meanings[means].next);
}

int tool_judge_verdict(const struct tool_judge *judge, int exit_code, int signal,
                       const char *last_line, struct err *err)
{
    const char *missing = unsaid(judge);
    bool ok = exit_code == 0 || (judge->rules->also_ok && exit_code == judge->rules->also_ok &&
                                 judge->rules->said[0]);

    if (!signal && ok && !missing && !judge->fatal)
        return 0;
    if (judge->failed)
        return tell_known(judge, err);
    if (signal)
        err_set(err, ERR_TOOL, "killed by SIG%s", sigabbrev_np(signal));
    else if (!ok || !missing)
        err_set(err, ERR_TOOL, "exit %d", exit_code);
    else
        err_set(err, ERR_TOOL, "it ended as if all were well (exit %d), but never said \"%s\"",
                exit_code, missing);
    return err_hint(err, "%s%s", *last_line ? ": " : "", last_line);
}

void tool_judge_explain(const struct tool_judge *judge, struct err *err)
{
    struct err known = {0};

    if (!judge->failed)
        return;
    tell_known(judge, &known);
    err_hint(err, "; %s", known.message);
}

/* ---- chip ---------------------------------------------------------------------------------- */

/* Both hexadecimal, without 0x. An STM32's 32 bits are revision and device: 10016413, and 413. */
static bool same_number(const char *found, const char *wanted)
{
    size_t digits = strlen(wanted), size = strlen(found);

    return digits && size >= digits && !strcasecmp(found + size - digits, wanted);
}

int tool_judge_chip(const struct tool_judge *judge, const char *wanted, struct err *err)
{
    bool number = str_starts(wanted, "0x") || str_starts(wanted, "0X");
    const char *raw = number ? judge->chip : judge->chip_name;
    cleanup_free char *found = text_clean_dup(raw, sizeof judge->chip, TEXT_ONE_LINE);

    if (!*found)
        return err_set(err, ERR_CONFIG,
                       "the tool did not say which chip this is, and lab.yaml wants '%s'", wanted);
    if (number ? same_number(found, wanted + 2) : strcasestr(found, wanted) != NULL)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "this chip is '%s%s', not the '%s' that lab.yaml names; nothing was erased",
                   number ? "0x" : "", found, wanted);
}
