/* SPDX-License-Identifier: MIT
 *
 * trail: a few lines out of many, for the detail of a case: the newest, or the first. Bounded in
 * lines and bytes; what is left out is counted.
 */
#ifndef HIL_PARSE_TRAIL_H
#define HIL_PARSE_TRAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "parse/scan.h"

struct trail {
    struct buf text;
    size_t lines, left_out;
    bool keep_first;
};

struct trail trail_init(bool keep_first);
void trail_add(struct trail *trail, struct text line);
void trail_clear(struct trail *trail);
/* The lines behind what is there already, parted by LF; NULL: nothing at all. */
const char *trail_detail(struct arena *arena, const char *before, const struct trail *trail);
void trail_done(struct trail *trail);

#endif
