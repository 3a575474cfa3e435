/* SPDX-License-Identifier: MIT
 *
 * panic: what a Rust panic says, over as many lines as it takes:
 *
 *     thread 'ring::keeps_order' (12) panicked at src/ring.rs:29:9:
 *     assertion `left == right` failed
 *       left: 2
 *      right: 3
 *
 * and until Rust 1.72 "... panicked at 'WORDS', src/ring.rs:29:9". Bounded.
 */
#ifndef HIL_PARSE_FORMATS_PANIC_H
#define HIL_PARSE_FORMATS_PANIC_H

#include "parse/collector.h"

struct panic {
    enum { PANIC_NONE, PANIC_PLACE, PANIC_TEXT } state; /* its place was read, its words are */
    struct buf file, text;
    uint32_t line;
};

struct panic panic_init(void);
void panic_done(struct panic *panic);
bool panic_begins(struct panic *panic, struct text line);
/* A line behind it; false: it was over before. */
bool panic_goes_on(struct panic *panic, struct text line);
/* Message and place, until the next panic_begins(). */
struct finding panic_take(struct panic *panic);

#endif
