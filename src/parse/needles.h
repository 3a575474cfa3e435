/* SPDX-License-Identifier: MIT
 *
 * needles: which of many words a line holds, found in one pass over it.
 *
 *     needles_add(&needles, "Halting system", false);      0, 1, 2 ... in this order
 *     needles_find(&needles, line, sink, arg)              sink(arg, number, where in the line)
 *
 * Groups of four bytes at every other place of the line are looked up by their hash, as Karp and
 * Rabin did ("Efficient randomized pattern-matching algorithms", 1987): of a word of five bytes and
 * more one such group lies at its first or second byte, whatever its place, and no look-up waits
 * for the one before. Never blocks, has no memory of its own; constant once the words are in it.
 */
#ifndef HIL_PARSE_NEEDLES_H
#define HIL_PARSE_NEEDLES_H

#include "parse/scan.h"

#include <stdbool.h>
#include <stdint.h>

#define NEEDLE_MIN 5 /* bytes of the shortest */
#define NEEDLE_GROUP 4
#define NEEDLE_STRIDE (NEEDLE_MIN - NEEDLE_GROUP + 1)
#define NEEDLES_MAX 256
#define NEEDLES_HASH_BITS 13

struct needles {
    struct needle {
        const char *text; /* borrowed for as long as the needles live */
        size_t size;
        bool any_case;
    } items[NEEDLES_MAX];
    struct needle_group {
        uint32_t bytes;                     /* upper and lower case fall together */
        uint16_t next;                      /* 1 + the next group of this hash; 0: none */
    } groups[NEEDLES_MAX * NEEDLE_STRIDE];  /* by needle and place */
    uint16_t first[1 << NEEDLES_HASH_BITS]; /* 1 + the first group of a hash; 0: none */
    size_t count;
};

/* Zeroed needles are empty. A text that is too short, or one too many, is a mistake of the
 * program's own and aborts. */
void needles_add(struct needles *needles, const char *text, bool any_case);
typedef void needle_sink(void *arg, size_t number, const char *at);
/* Each place of each word once; of one place the order is not said. */
void needles_find(const struct needles *needles, struct text line, needle_sink *sink, void *arg);

#endif
