/* SPDX-License-Identifier: MIT
 *
 * A slot's life: what happens at a port, and what the rig makes of it.
 */
#include "serve/rig_slot.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A step: what happens, seconds after the last, and what follows. */
struct play {
    enum rig_event_kind kind;
    int after_s;
    const char
        *board; /* "A": serial A in its bootloader; "a": as its firmware, which matches, too; "-":
                          no serial number; "?": something else */
    enum rig_state state; /* of RIG_STEP; then the state that it leads to */
    unsigned todo;
};
#define PLAYS_MAX 16

static struct rig_device device_of(const char *board, unsigned address)
{
    bool firmware = *board >= 'a' && *board <= 'z', other = *board == '?';
    struct rig_device device = {.matches = !other,
                                .address = address,
                                .vendor = 0x0483,
                                .product = firmware ? 0x5740
                                           : other  ? 0x1234
                                                    : 0xdf11,
                                .path = "1-1.3",
                                .hub = "1-1"};

    if (!other && *board != '-')
        snprintf(device.serial, sizeof device.serial, "%c%s", *board & ~0x20,
                 firmware ? "-firmware" : "");
    return device;
}

static void run(const char *name, const struct play *plays)
{
    struct rig_slot slot = {.number = 3};
    int64_t now_us = 1000000;

    for (unsigned i = 0; i < PLAYS_MAX && (i == 0 || plays[i].kind || plays[i].board); i++) {
        const struct play *play = &plays[i];
        struct rig_event event = {.kind = play->kind, .state = play->state, .text = "text"};
        now_us += play->after_s * INT64_C(1000000) + 1;
        event.now_us = now_us;
        event.seen = play->state == RIG_SEEN;
        if (play->board)
            event.device = device_of(play->board, i + 1);
        unsigned todo = rig_slot_take(&slot, &event);
        cr_expect_eq(slot.state, play->state, "%s, step %u: %s, not %s", name, i,
                     rig_state_names[slot.state], rig_state_names[play->state]);
        cr_expect_eq(todo, play->todo, "%s, step %u: %u, not %u", name, i, todo, play->todo);
    }
}

#define BEGINS (RIG_TELL | RIG_LOOK_UP)
#define PLAY(name, ...)                                          \
    Test(rig_slot, name)                                         \
    {                                                            \
        run(#name, (const struct play[PLAYS_MAX]){__VA_ARGS__}); \
    }
#define PLUG_AND_START                                                                \
    {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS}, {RIG_KNOWN, 0, NULL, RIG_WAITING, 0}, \
    {                                                                                 \
        RIG_STARTED, 0, NULL, RIG_FLASHING, RIG_TELL                                  \
    }

PLAY(a_good_board, PLUG_AND_START, {RIG_STEP, 1, NULL, RIG_FLASHING, 0},
     {RIG_STEP, 1, NULL, RIG_VERIFYING, RIG_TELL}, {RIG_GOT, 0, NULL, RIG_VERIFYING, 0},
     {RIG_STEP, 1, NULL, RIG_PROVISIONING, RIG_TELL}, {RIG_STEP, 1, NULL, RIG_TESTING, RIG_TELL},
     {RIG_ENDED_OK, 1, NULL, RIG_DONE, RIG_TELL}, {RIG_TIME, 60, NULL, RIG_DONE, 0},
     {RIG_PULLED, 60, NULL, RIG_EMPTY, RIG_TELL}, {RIG_PLUGGED, 1, "B", RIG_WAITING, BEGINS})

PLAY(a_bad_board, PLUG_AND_START, {RIG_ENDED_BAD, 1, NULL, RIG_FAILED, RIG_TELL},
     {RIG_TIME, 60, NULL, RIG_FAILED, 0}, {RIG_PULLED, 1, NULL, RIG_EMPTY, RIG_TELL},
     {RIG_PLUGGED, 1, "A", RIG_WAITING, BEGINS})

PLAY(something_else_is_nobodys_board, {RIG_PLUGGED, 0, "?", RIG_EMPTY, 0},
     {RIG_PULLED, 1, NULL, RIG_EMPTY, 0})

/* What its worker says and what the kernel has told differ: nothing is begun before more is
 * known. */
PLAY(gone_for_its_worker_only, PLUG_AND_START, {RIG_ENDED_AWAY, 1, NULL, RIG_UNPLUGGED, RIG_TELL},
     {RIG_TIME, 0, NULL, RIG_UNPLUGGED, 0}, {RIG_PULLED, 0, NULL, RIG_UNPLUGGED, 0},
     {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS})

PLAY(done_earlier, {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS},
     {RIG_KNOWN, 0, NULL, RIG_SEEN, RIG_TELL}, {RIG_TIME, 9, NULL, RIG_SEEN, 0},
     {RIG_PULLED, 1, NULL, RIG_EMPTY, RIG_TELL})

PLAY(pulled_while_it_waits, {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS},
     {RIG_PULLED, 1, NULL, RIG_UNPLUGGED, RIG_TELL}, {RIG_PULLED, 1, NULL, RIG_UNPLUGGED, 0},
     {RIG_PLUGGED, 1, "A", RIG_WAITING, BEGINS})

/* The worker finds out by itself, which its end tells. */
PLAY(pulled_while_it_is_flashed, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_ENDED_AWAY, 0, NULL, RIG_UNPLUGGED, RIG_TELL}, {RIG_TIME, 99, NULL, RIG_UNPLUGGED, 0},
     {RIG_PLUGGED, 1, "A", RIG_WAITING, BEGINS})

PLAY(back_before_its_worker_has_ended, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_PLUGGED, 1, "A", RIG_FLASHING, 0}, {RIG_ENDED_AWAY, 0, NULL, RIG_UNPLUGGED, RIG_TELL},
     {RIG_TIME, 0, NULL, RIG_WAITING, BEGINS})

/* A flashing program may wait for ever for what will not come back. */
PLAY(a_worker_that_does_not_find_out, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_TIME, 9, NULL, RIG_FLASHING, 0}, {RIG_TIME, 2, NULL, RIG_FLASHING, RIG_CANCEL},
     {RIG_TIME, 1, NULL, RIG_FLASHING, 0}, {RIG_ENDED_AWAY, 0, NULL, RIG_UNPLUGGED, RIG_TELL})

PLAY(firmware_that_goes_into_its_bootloader, {RIG_PLUGGED, 0, "a", RIG_WAITING, BEGINS},
     {RIG_STARTED, 0, NULL, RIG_FLASHING, RIG_TELL}, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_PLUGGED, 2, "A", RIG_FLASHING, 0}, {RIG_TIME, 60, NULL, RIG_FLASHING, 0},
     {RIG_PULLED, 0, NULL, RIG_FLASHING, 0}, {RIG_PLUGGED, 1, "a", RIG_FLASHING, 0},
     {RIG_ENDED_OK, 1, NULL, RIG_DONE, RIG_TELL}, {RIG_PULLED, 60, NULL, RIG_EMPTY, RIG_TELL})

PLAY(it_leaves_when_it_is_done, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_ENDED_OK, 0, NULL, RIG_DONE, RIG_TELL}, {RIG_TIME, 99, NULL, RIG_DONE, 0},
     {RIG_PLUGGED, 9, "B", RIG_WAITING, BEGINS})

PLAY(it_leaves_when_it_is_done_and_comes_back_as_its_firmware, PLUG_AND_START,
     {RIG_ENDED_OK, 1, NULL, RIG_DONE, RIG_TELL}, {RIG_PULLED, 1, NULL, RIG_DONE, 0},
     {RIG_PLUGGED, 2, "a", RIG_DONE, 0}, {RIG_PULLED, 60, NULL, RIG_EMPTY, RIG_TELL},
     {RIG_PLUGGED, 2, "a", RIG_WAITING, BEGINS})

PLAY(another_board_right_after_one_that_is_done, PLUG_AND_START,
     {RIG_ENDED_OK, 1, NULL, RIG_DONE, RIG_TELL}, {RIG_PULLED, 1, NULL, RIG_DONE, 0},
     {RIG_PLUGGED, 1, "B", RIG_WAITING, BEGINS})

PLAY(two_without_serial_numbers, {RIG_PLUGGED, 0, "-", RIG_WAITING, BEGINS},
     {RIG_STARTED, 0, NULL, RIG_FLASHING, RIG_TELL}, {RIG_ENDED_OK, 1, NULL, RIG_DONE, RIG_TELL},
     {RIG_PULLED, 1, NULL, RIG_DONE, 0}, {RIG_PLUGGED, 1, "-", RIG_WAITING, BEGINS})

/* Somebody swaps them while the worker is at it. */
PLAY(another_board_while_the_first_is_flashed, PLUG_AND_START,
     {RIG_PULLED, 1, NULL, RIG_FLASHING, 0}, {RIG_PLUGGED, 1, "B", RIG_FLASHING, RIG_CANCEL},
     {RIG_ENDED_AWAY, 0, NULL, RIG_UNPLUGGED, RIG_TELL}, {RIG_TIME, 0, NULL, RIG_WAITING, BEGINS})

PLAY(another_board_that_goes_again, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_PLUGGED, 1, "B", RIG_FLASHING, RIG_CANCEL}, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_ENDED_AWAY, 0, NULL, RIG_UNPLUGGED, RIG_TELL}, {RIG_TIME, 1, NULL, RIG_UNPLUGGED, 0})

PLAY(done_in_spite_of_it, PLUG_AND_START, {RIG_PULLED, 1, NULL, RIG_FLASHING, 0},
     {RIG_PLUGGED, 1, "B", RIG_FLASHING, RIG_CANCEL}, {RIG_ENDED_OK, 0, NULL, RIG_DONE, RIG_TELL},
     {RIG_TIME, 0, NULL, RIG_WAITING, BEGINS})

PLAY(refused, {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS},
     {RIG_REFUSED, 0, NULL, RIG_FAILED, RIG_TELL}, {RIG_PULLED, 1, NULL, RIG_EMPTY, RIG_TELL})

PLAY(plugged_in_elsewhere, {RIG_PLUGGED, 0, "A", RIG_WAITING, BEGINS},
     {RIG_PULLED, 1, NULL, RIG_UNPLUGGED, RIG_TELL}, {RIG_MOVED, 1, NULL, RIG_EMPTY, RIG_TELL})

/* ---- whose turn ------------------------------------------------------------------------------ */

struct seat {
    const char *hub, *controller;
    enum rig_state state;
    bool busy;
    uint64_t order;
};

static int next_of(const struct seat *seats, size_t count, struct max_parallel limits)
{
    struct rig_slot slots[8] = {{0}};

    for (size_t i = 0; i < count; i++) {
        slots[i].state = seats[i].state;
        slots[i].present = true;
        slots[i].busy = seats[i].busy;
        slots[i].order = seats[i].order;
        snprintf(slots[i].device.hub, sizeof slots[i].device.hub, "%s", seats[i].hub);
        snprintf(slots[i].device.controller, sizeof slots[i].device.controller, "%s",
                 seats[i].controller);
    }
    struct rig_slot *next = rig_slots_next(slots, count, &limits);
    return next ? (int)(next - slots) : -1;
}

Test(rig_slot, turns)
{
    const struct seat seats[] = {
        {"1-1", "a", RIG_FLASHING, true, 1}, {"1-1", "a", RIG_WAITING, false, 4},
        {"1-2", "a", RIG_TESTING, true, 2},  {"1-2", "a", RIG_WAITING, false, 5},
        {"2-1", "b", RIG_WAITING, false, 6}, {"2-1", "b", RIG_DONE, false, 3}};
    static const struct {
        struct max_parallel limits;
        int next;
    } rows[] = {
        {{0, 0, 0}, 1}, {{2, 0, 0}, 1}, {{1, 0, 0}, -1}, {{0, 1, 0}, 3},
        {{0, 1, 1}, 4}, {{0, 2, 0}, 1}, {{0, 0, 1}, 4},  {{1, 0, 1}, -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(next_of(seats, ARRAY_SIZE(seats), rows[i].limits), rows[i].next, "row %zu", i);
}

Test(rig_slot, twins)
{
    struct rig_slot slots[3] = {{.state = RIG_FLASHING, .present = true, .busy = true},
                                {.state = RIG_WAITING, .present = true},
                                {.state = RIG_WAITING, .present = true}};
    const char *serials[] = {"A", "B", "A"};
    const struct max_parallel none = {0, 0, 0};

    for (size_t i = 0; i < 3; i++) {
        snprintf(slots[i].device.serial, sizeof slots[i].device.serial, "%s", serials[i]);
        slots[i].here = slots[i].device;
        slots[i].order = 3 - i;
    }
    cr_expect_eq(rig_slots_twin(slots, 3, &slots[2]), &slots[0]);
    cr_expect_null(rig_slots_twin(slots, 3, &slots[1]));
    slots[0].present =
        false; /* moved from there to here: its turn comes when its worker has ended */
    cr_expect_null(rig_slots_twin(slots, 3, &slots[2]));
    cr_expect_eq(rig_slots_next(slots, 3, &none), &slots[1]);
    slots[0].busy = false;
    cr_expect_eq(rig_slots_next(slots, 3, &none), &slots[2]);
    slots[0].present = true;
    slots[0].here.serial[0] = slots[2].device.serial[0] = '\0';
    cr_expect_null(rig_slots_twin(slots, 3, &slots[2]));
}
