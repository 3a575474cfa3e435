/* SPDX-License-Identifier: MIT */
#include "serve/rig_slot.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

const char *const rig_state_names[RIG_STATES + 1] = {
    "empty",  "waiting",   "flashing",    "verifying", "provisioning", "testing", "done",
    "failed", "unplugged", "seen-before", NULL};

static unsigned enter(struct rig_slot *slot, enum rig_state state, const char *reason,
                      int64_t now_us)
{
    slot->state = state;
    slot->since_us = now_us;
    slot->percent = -1;
    snprintf(slot->reason, sizeof slot->reason, "%s", reason ? reason : "");
    return RIG_TELL;
}

/* ---- plugged --------------------------------------------------------------------------------- */

static bool same_id(const struct rig_device *a, const struct rig_device *b)
{
    return a->vendor == b->vendor && a->product == b->product;
}

/* The same id with another serial number is another board; another id may be its other guise. */
static bool may_be_same(const struct rig_device *was, const struct rig_device *is)
{
    return !same_id(was, is) || !strcmp(was->serial, is->serial);
}

static unsigned begin(struct rig_slot *slot, int64_t now_us)
{
    slot->device = slot->here;
    slot->swapped = slot->back = false;
    slot->identity[0] = '\0';
    slot->away_us = slot->started_us = slot->took_us = 0;
    return enter(slot, RIG_WAITING, NULL, now_us) | RIG_LOOK_UP;
}

static unsigned cancel(struct rig_slot *slot)
{
    if (slot->ending)
        return 0;
    slot->ending = true;
    return RIG_CANCEL;
}

/* While a worker is at the board that was here. */
static unsigned plug_busy(struct rig_slot *slot)
{
    slot->swapped = !may_be_same(&slot->device, &slot->here);
    slot->back = true;
    if (slot->swapped)
        return cancel(slot);
    slot->away_us = 0;
    return 0;
}

/* Done, and back on the bus soon: as its firmware, or in its bootloader once more. One that has no
 * serial number may be the next board as well, and is taken for it. */
static bool is_still_done(const struct rig_slot *slot, int64_t now_us)
{
    const struct rig_device *was = &slot->device, *is = &slot->here;

    return slot->state == RIG_DONE && now_us - slot->away_us < RIG_RETURN_MS * INT64_C(1000) &&
           (!same_id(was, is) || (*is->serial && !strcmp(was->serial, is->serial)));
}

static unsigned plug(struct rig_slot *slot, const struct rig_device *device, int64_t now_us)
{
    if (slot->present && slot->here.address == device->address && same_id(&slot->here, device) &&
        !strcmp(slot->here.serial, device->serial))
        return 0; /* it was told already */
    slot->present = true;
    slot->here = *device;
    if (slot->busy)
        return plug_busy(slot);
    return !device->matches || is_still_done(slot, now_us) ? 0 : begin(slot, now_us);
}

/* ---- pulled ---------------------------------------------------------------------------------- */

static unsigned pull(struct rig_slot *slot, int64_t now_us)
{
    bool was_soon = now_us - slot->since_us < RIG_RETURN_MS * INT64_C(1000);

    slot->present = slot->swapped = slot->back = false;
    if (!slot->away_us)
        slot->away_us = now_us;
    if (slot->busy)
        return 0;
    switch (slot->state) {
    case RIG_WAITING:
        return enter(slot, RIG_UNPLUGGED, "while it waited for its turn", now_us);
    case RIG_DONE:
        /* soon after it was done it leaves by itself, later by somebody's hand */
        return was_soon ? 0 : enter(slot, RIG_EMPTY, NULL, now_us);
    case RIG_FAILED:
    case RIG_SEEN:
        return enter(slot, RIG_EMPTY, NULL, now_us);
    default:
        return 0;
    }
}

/* ---- the worker ------------------------------------------------------------------------------ */

static unsigned step(struct rig_slot *slot, const struct rig_event *event)
{
    if (!slot->busy)
        return 0;
    unsigned todo =
        event->state == slot->state ? 0 : enter(slot, event->state, NULL, event->now_us);

    slot->percent = event->percent;
    return todo;
}

static unsigned end(struct rig_slot *slot, enum rig_state state, const char *text, int64_t now_us)
{
    slot->busy = slot->ending = false;
    slot->took_us = now_us - slot->started_us;
    if (slot->away_us) /* from here on counts how soon it comes back */
        slot->away_us = now_us;
    return enter(slot, state, text, now_us);
}

/* Where a worker has ended, the board that is there may be one that had no turn. Only one that came
 * meanwhile: what stays where it is would be flashed for ever. */
static unsigned go_on(struct rig_slot *slot, int64_t now_us)
{
    bool has_had_none = slot->swapped || (slot->state == RIG_UNPLUGGED && slot->back);

    return slot->present && slot->here.matches && has_had_none ? begin(slot, now_us) : 0;
}

static unsigned pass_time(struct rig_slot *slot, int64_t now_us)
{
    bool needs_it = slot->state == RIG_FLASHING || slot->state == RIG_VERIFYING;

    if (!slot->busy)
        return go_on(slot, now_us);
    if (!needs_it || !slot->away_us || now_us - slot->away_us < RIG_RETURN_MS * INT64_C(1000))
        return 0;
    return cancel(slot);
}

static unsigned move(struct rig_slot *slot, int64_t now_us)
{
    bool is_left = slot->state == RIG_UNPLUGGED || (slot->state == RIG_DONE && !slot->present);

    return is_left ? enter(slot, RIG_EMPTY, NULL, now_us) : 0;
}

unsigned rig_slot_take(struct rig_slot *slot, const struct rig_event *event)
{
    int64_t now_us = event->now_us;

    switch (event->kind) {
    case RIG_PLUGGED:
        return plug(slot, &event->device, now_us);
    case RIG_PULLED:
        return pull(slot, now_us);
    case RIG_KNOWN:
        return event->seen && slot->state == RIG_WAITING
                   ? enter(slot, RIG_SEEN, event->text, now_us)
                   : 0;
    case RIG_REFUSED:
        return enter(slot, RIG_FAILED, event->text, now_us);
    case RIG_MOVED:
        return move(slot, now_us);
    case RIG_STARTED:
        slot->busy = true;
        slot->started_us = now_us;
        return enter(slot, RIG_FLASHING, NULL, now_us);
    case RIG_STEP:
        return step(slot, event);
    case RIG_GOT:
        snprintf(slot->identity, sizeof slot->identity, "%s", event->text);
        return 0;
    case RIG_ENDED_OK:
        return end(slot, RIG_DONE, event->text, now_us);
    case RIG_ENDED_BAD:
        return end(slot, RIG_FAILED, event->text, now_us);
    case RIG_ENDED_AWAY:
        return end(slot, RIG_UNPLUGGED, event->text, now_us);
    case RIG_TIME:
        return pass_time(slot, now_us);
    }
    return 0;
}

/* ---- whose turn it is ------------------------------------------------------------------------ */

static bool has_room(const struct rig_slot *slots, size_t count, const struct rig_slot *who,
                     const struct max_parallel *limits)
{
    uint64_t all = 0, hub = 0, controller = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rig_slot *other = &slots[i];
        if (!other->busy || other->state == RIG_TESTING) /* a test needs no programming current */
            continue;
        all++;
        hub += !strcmp(other->device.hub, who->device.hub);
        controller += !strcmp(other->device.controller, who->device.controller);
    }
    return (!limits->lab || all < limits->lab) && (!limits->hub || hub < limits->hub) &&
           (!limits->controller || controller < limits->controller);
}

/* A worker is at the board still, at the port that it was pulled from. */
static bool is_held(const struct rig_slot *slots, size_t count, const struct rig_slot *who)
{
    for (size_t i = 0; i < count; i++)
        if (slots[i].busy && *who->device.serial &&
            !strcmp(slots[i].device.serial, who->device.serial))
            return true;
    return false;
}

struct rig_slot *rig_slots_next(struct rig_slot *slots, size_t count,
                                const struct max_parallel *limits)
{
    struct rig_slot *next = NULL;

    for (size_t i = 0; i < count; i++) {
        struct rig_slot *slot = &slots[i];
        if (slot->state == RIG_WAITING && !slot->busy && slot->present &&
            (!next || slot->order < next->order) && has_room(slots, count, slot, limits) &&
            !is_held(slots, count, slot))
            next = slot;
    }
    return next;
}

const struct rig_slot *rig_slots_twin(const struct rig_slot *slots, size_t count,
                                      const struct rig_slot *slot)
{
    for (size_t i = 0; i < count; i++) {
        const struct rig_slot *other = &slots[i];
        if (other != slot && other->present && other->state != RIG_EMPTY && *slot->device.serial &&
            !strcmp(other->here.serial, slot->device.serial))
            return other;
    }
    return NULL;
}

size_t rig_slots_count(const struct rig_slot *slots, size_t count, enum rig_state state)
{
    size_t in_state = 0;

    for (size_t i = 0; i < count; i++)
        in_state += slots[i].state == state;
    return in_state;
}
