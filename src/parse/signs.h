/* SPDX-License-Identifier: MIT
 *
 * signs: what a line may be, found in one pass over it, before anybody reads it in earnest: a
 * crash's, and whose of the formats.
 *
 * The table of words is made when it is first needed, once for all threads, and constant from then
 * on. Never blocks.
 */
#ifndef HIL_PARSE_SIGNS_H
#define HIL_PARSE_SIGNS_H

#include "parse/crash.h"

struct signs {
    enum crash_kind crash; /* the worst that is in it */
    uint64_t formats;      /* a bit for each row of formats[] that has a sign of its own in it, or
                            * has no signs to go by */
};
struct signs signs_of(struct text line);

#endif
