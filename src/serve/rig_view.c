/* SPDX-License-Identifier: MIT */
/* The table at the bottom of a terminal: a line a slot, repainted in place.
 *
 *     SLOT PORT   SERIAL        STATE              TIME
 *        1 1-1.1  357B31563235  flashing          1.2 s  ########------------  40%  02:00:00:00:10:00
 *        2 1-1.2  3A7B31563235  done              8.1 s  02:00:00:00:10:01
 *
 * Never more lines than the terminal has, none wider than it is. */
#include "base/str.h"
#include "report/words.h"
#include "serve/rig_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define BAR_CELLS 20
#define SERIAL_COLUMNS_MAX 26
#define STATE_COLUMNS 12
#define TIME_COLUMNS 9
#define LINES_UNKNOWN 24

struct layout {
    size_t lines, columns; /* of the terminal */
    size_t path, serial;   /* columns that they take */
};

void rig_view_wipe(struct rig *rig, struct buf *frame)
{
    if (rig->painted)
        buf_addf(frame, "\033[%zuA\r\033[J", rig->painted);
    rig->painted = 0;
}

static void widen(size_t *columns, const char *text, size_t max)
{
    size_t width = term_width_of(text);

    if (width > max)
        width = max;
    if (width > *columns)
        *columns = width;
}

static struct layout lay_out(const struct rig *rig)
{
    const struct term *term = &rig->request->term;
    struct layout layout = {
        .lines = LINES_UNKNOWN, .columns = (size_t)term->columns, .path = 4, .serial = 6};
    struct winsize size;

    if (ioctl(fileno(term->out), TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
        layout.lines = size.ws_row;
        layout.columns = size.ws_col;
    }
    for (size_t i = 0; i < rig->slot_count; i++) {
        widen(&layout.path, rig->slots[i].device.path, sizeof rig->slots[i].device.path);
        widen(&layout.serial, rig->slots[i].device.serial, SERIAL_COLUMNS_MAX);
    }
    return layout;
}

/* `text` of a board, cut and filled up to `columns`. */
static void add_cell(struct buf *line, const char *text, size_t columns)
{
    cleanup_buf struct buf cell = BUF_INIT(SIZE_MAX / 4);

    words_screen(&cell, text, strlen(text), false);
    words_fit(&cell, columns);
    buf_addf(line, "%s%*s  ", cell.data, (int)(columns - term_width_of(cell.data)), "");
}

static enum term_style style_of(enum rig_state state)
{
    switch (state) {
    case RIG_DONE:
        return TERM_GREEN;
    case RIG_FAILED:
        return TERM_RED;
    case RIG_UNPLUGGED:
        return TERM_YELLOW;
    case RIG_EMPTY:
    case RIG_SEEN:
        return TERM_DIM;
    default:
        return TERM_CYAN;
    }
}

static void add_time(struct buf *line, const struct rig_slot *slot)
{
    int64_t us = slot->busy ? ctx_now_ns() / 1000 - slot->started_us : slot->took_us;
    char words[32] = "";

    if (us && us < 60000000)
        snprintf(words, sizeof words, "%.1f s", (double)us / 1e6);
    else if (us)
        str_from_us(us, words);
    buf_addf(line, "%*s  ", TIME_COLUMNS, words);
}

static void add_bar(struct buf *rest, int percent)
{
    for (int i = 0; i < BAR_CELLS; i++)
        buf_adds(rest, i * 100 < percent * BAR_CELLS ? "#" : "-");
    buf_addf(rest, " %3d%%  ", percent);
}

static void add_rest(struct buf *rest, const struct rig_slot *slot)
{
    cleanup_buf struct buf clean = BUF_INIT(SIZE_MAX / 4);
    const char *text = *slot->reason ? slot->reason : slot->identity;

    if (slot->busy && slot->percent >= 0)
        add_bar(rest, slot->percent);
    buf_adds(rest, words_screen(&clean, text, strlen(text), false));
}

static void paint_slot(const struct rig_slot *slot, const struct term *term,
                       const struct layout *layout, struct buf *frame)
{
    cleanup_buf struct buf rest = BUF_INIT(SIZE_MAX / 4);
    size_t used =
        4 + 1 + layout->path + 2 + layout->serial + 2 + STATE_COLUMNS + 2 + TIME_COLUMNS + 2;

    buf_addf(frame, "%4u ", slot->number);
    add_cell(frame, slot->device.path, layout->path);
    add_cell(frame, slot->device.serial, layout->serial);
    buf_adds(frame, term_style(term, style_of(slot->state)));
    add_cell(frame, rig_state_names[slot->state], STATE_COLUMNS);
    buf_adds(frame, term_style(term, TERM_PLAIN));
    add_time(frame, slot);
    add_rest(&rest, slot);
    /* the last column stays free: a full line would wrap on some terminals */
    if (layout->columns > used + 4)
        buf_adds(frame, words_fit(&rest, layout->columns - used - 1));
    buf_adds(frame, "\n");
}

static void paint_head(struct rig *rig, const struct layout *layout, struct buf *frame)
{
    buf_addf(frame, "%sSLOT %-*s  %-*s  %-*s  %*s%s\n", term_style(&rig->request->term, TERM_DIM),
             (int)layout->path, "PORT", (int)layout->serial, "SERIAL", STATE_COLUMNS, "STATE",
             TIME_COLUMNS, "TIME", term_style(&rig->request->term, TERM_PLAIN));
    rig->painted++;
}

static void paint_totals(struct rig *rig, struct buf *frame)
{
    const struct rig_counts *counts = &rig->counts;
    uint64_t ended = counts->done + counts->failed;
    size_t waiting = rig_slots_count(rig->slots, rig->slot_count, RIG_WAITING), working = 0;

    for (size_t i = 0; i < rig->slot_count; i++)
        working += rig->slots[i].busy;
    buf_addf(frame, "%s%" PRIu64 " done, %" PRIu64 " failed, %zu at work",
             term_style(&rig->request->term, TERM_BOLD), counts->done, counts->failed, working);
    if (waiting)
        buf_addf(frame, ", %zu waiting", waiting);
    if (ended)
        buf_addf(frame, ", yield %.1f %%", 100.0 * (double)counts->done / (double)ended);
    if (!rig->slot_count)
        buf_adds(frame, "; plug boards in");
    buf_addf(frame, "%s\n", term_style(&rig->request->term, TERM_PLAIN));
    rig->painted++;
}

/* Where there are too many, empty slots are left out first. */
void rig_view_paint(struct rig *rig, bool last, struct buf *frame)
{
    struct layout layout = lay_out(rig);
    size_t room = layout.lines > 6 ? layout.lines - 5 : 1, shown = 0, hidden = 0;
    bool all = rig->slot_count <= room;

    if (rig->slot_count)
        paint_head(rig, &layout, frame);
    for (size_t i = 0; i < rig->slot_count; i++) {
        const struct rig_slot *slot = &rig->slots[i];
        if (shown == room || (!all && slot->state == RIG_EMPTY)) {
            hidden++;
            continue;
        }
        paint_slot(slot, &rig->request->term, &layout, frame);
        rig->painted++;
        shown++;
    }
    if (hidden) {
        buf_addf(frame, "     and %zu more slots\n", hidden);
        rig->painted++;
    }
    if (!last) /* the summary comes instead */
        paint_totals(rig, frame);
}
