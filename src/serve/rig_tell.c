/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "report/words.h"
#include "serve/message_id.h"
#include "serve/rig_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAINT_EVERY_NS INT64_C(50000000)
#define SECONDS_EVERY_NS INT64_C(200000000) /* the clocks of boards at work */
#define PUBLISH_EVERY_NS INT64_C(250000000)
#define SAID_MAX 2048

/* ---- lines ----------------------------------------------------------------------------------- */

struct line { /* what goes with the words */
    enum term_style style;
    enum journal_priority priority;
    const char *id; /* serve/message_id.h; NULL: it has none */
};

static bool add_to_journal(const struct rig *rig, const struct rig_slot *slot, struct line line,
                           const char *text)
{
    char number[16] = "";
    cleanup_free char *whole = NULL;

    if (slot)
        snprintf(number, sizeof number, "%u", slot->number);
    const struct journal_field fields[] = {
        {"MESSAGE_ID", line.id},
        {"HIL_LAB", rig->setup.lab->name},
        {"HIL_SLOT", number},
        {"HIL_PATH", slot ? slot->device.path : NULL},
        {"HIL_SERIAL", slot ? slot->device.serial : NULL},
        {"HIL_IDENTITY", slot ? slot->identity : NULL},
        {"HIL_STATE", slot ? rig_state_names[slot->state] : NULL},
        {NULL, NULL}};

    whole = slot ? xasprintf("slot %u %s%s%s: %s", slot->number, slot->device.path,
                             *slot->device.serial ? " " : "", slot->device.serial, text)
                 : xasprintf("hil rig: %s", text);
    return journal_send(&rig->journal, line.priority, whole, fields);
}

static void add_line(struct rig *rig, const struct rig_slot *slot, struct line line,
                     const char *text)
{
    const struct term *term = &rig->request->term;
    cleanup_buf struct buf clean = BUF_INIT(SIZE_MAX / 4);

    if (rig->request->quiet || add_to_journal(rig, slot, line, text))
        return;
    if (slot)
        buf_addf(&rig->said, "%sslot %u %s%s%s:%s ", term_style(term, TERM_DIM), slot->number,
                 slot->device.path, *slot->device.serial ? " " : "",
                 words_screen(&clean, slot->device.serial, strlen(slot->device.serial), false),
                 term_style(term, TERM_PLAIN));
    else
        buf_addf(&rig->said, "%shil rig:%s ", term_style(term, TERM_DIM),
                 term_style(term, TERM_PLAIN));
    buf_addf(&rig->said, "%s%s%s\n", term_style(term, line.style),
             words_screen(&clean, text, strlen(text), false), term_style(term, TERM_PLAIN));
    rig->stale = true;
}

void rig_say(struct rig *rig, const struct rig_slot *slot, const char *format, ...)
{
    char text[SAID_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_line(rig, slot, (struct line){TERM_YELLOW, JOURNAL_NOTICE, NULL}, text);
}

void rig_tell_refused(struct rig *rig, const struct err *why)
{
    cleanup_free char *text =
        xasprintf("lab.yaml is wrong, so the old one stays: %s", why->message);

    add_line(rig, NULL, (struct line){TERM_YELLOW, JOURNAL_ERR, MESSAGE_ID_CONF_REFUSED}, text);
}

static void tell_done(struct rig *rig, const struct rig_slot *slot)
{
    cleanup_free char *text = NULL;
    char took[32];

    str_from_us(slot->took_us, took);
    text = xasprintf("done in %s%s%s, may be unplugged", took, *slot->identity ? ", " : "",
                     slot->identity);
    add_line(rig, slot, (struct line){TERM_GREEN, JOURNAL_NOTICE, MESSAGE_ID_SLOT_DONE}, text);
}

/* On a terminal the table shows what goes on, and only ends are told for good. */
void rig_tell_slot(struct rig *rig, const struct rig_slot *slot)
{
    static const char *const words[RIG_STATES] = {[RIG_FLASHING] = "flashing",
                                                  [RIG_VERIFYING] = "verifying",
                                                  [RIG_PROVISIONING] = "provisioning",
                                                  [RIG_TESTING] = "testing"};
    cleanup_free char *text = NULL;

    switch (slot->state) {
    case RIG_DONE:
        tell_done(rig, slot);
        break;
    case RIG_FAILED:
        text = xasprintf("FAILED: %s", slot->reason);
        add_line(rig, slot, (struct line){TERM_RED, JOURNAL_ERR, MESSAGE_ID_SLOT_FAILED}, text);
        break;
    case RIG_UNPLUGGED:
        text = xasprintf("unplugged before it was done, %s", slot->reason);
        add_line(rig, slot, (struct line){TERM_YELLOW, JOURNAL_WARNING, NULL}, text);
        break;
    case RIG_SEEN:
        text = xasprintf("seen before, %s; --again flashes it again", slot->reason);
        add_line(rig, slot, (struct line){TERM_PLAIN, JOURNAL_INFO, NULL}, text);
        break;
    default:
        if (!rig->request->term.live && words[slot->state])
            add_line(rig, slot, (struct line){TERM_PLAIN, JOURNAL_INFO, NULL}, words[slot->state]);
    }
}

/* ---- the state for others -------------------------------------------------------------------- */

static char *state_file(const struct rig *rig)
{
    return fs_join(rig->runtime_dir, "service-rig.json");
}

static void write_slot(const struct rig_slot *slot, int64_t unix_less_mono_us, struct json_out *out)
{
    json_object(out);
    json_kv_int(out, "slot", slot->number);
    json_kv_string(out, "path", slot->device.path);
    json_kv_string(out, "serial", *slot->device.serial ? slot->device.serial : NULL);
    json_kv_string(out, "state", rig_state_names[slot->state]);
    json_kv_int(out, "percent", slot->percent);
    json_kv_int(out, "since_us", slot->since_us + unix_less_mono_us);
    json_kv_string(out, "identity", *slot->identity ? slot->identity : NULL);
    json_kv_string(out, "reason", *slot->reason ? slot->reason : NULL);
    json_object_end(out);
}

static void write_counts(const struct rig *rig, struct json_out *out)
{
    int64_t waiting = (int64_t)rig_slots_count(rig->slots, rig->slot_count, RIG_WAITING),
            working = 0;

    for (size_t i = 0; i < rig->slot_count; i++)
        working += rig->slots[i].busy;
    json_key(out, "counts");
    json_object(out);
    json_kv_int(out, "done", (int64_t)rig->counts.done);
    json_kv_int(out, "failed", (int64_t)rig->counts.failed);
    json_kv_int(out, "unplugged", (int64_t)rig->counts.unplugged);
    json_kv_int(out, "seen-before", (int64_t)rig->counts.seen);
    json_kv_int(out, "waiting", waiting);
    json_kv_int(out, "working", working);
    json_object_end(out);
}

/* Nobody needs it that much: where it cannot be written, the rig goes on. */
static void publish(struct rig *rig)
{
    cleanup_free char *path = state_file(rig);
    int64_t now_us = ctx_unix_us(), offset_us = now_us - ctx_now_ns() / 1000;
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "service", "rig");
    json_kv_int(&out, "pid", getpid());
    json_kv_int(&out, "updated_us", now_us);
    json_kv_string(&out, "lab", rig->setup.lab->name);
    json_key(&out, "slots");
    json_array(&out);
    for (size_t i = 0; i < rig->slot_count; i++)
        write_slot(&rig->slots[i], offset_us, &out);
    json_array_end(&out);
    write_counts(rig, &out);
    json_object_end(&out);
    if (json_end(&out, NULL) == 0)
        fs_write(path, out.pending.data, out.pending.size, NULL);
    json_done(&out);
    rig->unpublished = false;
    rig->published_ns = ctx_now_ns();
}

/* ---- when ------------------------------------------------------------------------------------ */

static void paint(struct rig *rig, bool last)
{
    const struct term *term = &rig->request->term;
    cleanup_buf struct buf frame = BUF_INIT(SIZE_MAX / 4);

    if (term->live)
        rig_view_wipe(rig, &frame);
    buf_add(&frame, rig->said.data, rig->said.size);
    buf_clear(&rig->said);
    if (term->live && !rig->request->quiet)
        rig_view_paint(rig, last, &frame);
    if (last)
        rig->painted = 0;
    fwrite(frame.data, 1, frame.size, term->out);
    fflush(term->out);
    rig->stale = false;
    rig->painted_ns = ctx_now_ns();
}

static bool has_clocks(const struct rig *rig)
{
    for (size_t i = 0; i < rig->slot_count; i++)
        if (rig->slots[i].busy || rig->slots[i].state == RIG_WAITING)
            return rig->request->term.live && !rig->request->quiet;
    return false;
}

int64_t rig_show(struct rig *rig)
{
    int64_t now = ctx_now_ns(), due = CTX_NEVER, at;
    bool clocks = has_clocks(rig);

    at = rig->painted_ns + (rig->stale ? PAINT_EVERY_NS : SECONDS_EVERY_NS);
    if (rig->said.size || ((rig->stale || clocks) && now >= at))
        paint(rig, false);
    else if (rig->stale && rig->request->term.live)
        due = at;
    if (clocks && due == CTX_NEVER)
        due = rig->painted_ns + SECONDS_EVERY_NS;
    at = rig->published_ns + PUBLISH_EVERY_NS;
    if (rig->unpublished && now >= at)
        publish(rig);
    else if (rig->unpublished && at < due)
        due = at;
    return due;
}

void rig_show_end(struct rig *rig)
{
    cleanup_free char *path = state_file(rig);

    paint(rig, true);
    unlink(path);
}
