/* SPDX-License-Identifier: MIT
 *
 * symbols: from a code address to function, file and line, inlined calls included.
 *
 * Out of an ELF file's DWARF (2 to 5, plain or compressed), and its symbol table where there is
 * none for an address. What a look-up may cost and how large tables may be is limited, so that a
 * hostile file gets fewer answers, not a hang. Nothing but the bytes is read: no separate debug
 * file.
 *
 *     symbols_open(image->file_bytes, image->file_size, &symbols, &err)
 *     count = symbols_lookup(symbols, 0x08000228, frames)
 *     symbols_close(symbols)
 *
 * One thread at a time for each struct symbols. Blocks never, but computes.
 */
#ifndef HIL_IMAGE_SYMBOLS_H
#define HIL_IMAGE_SYMBOLS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_FRAMES_MAX 16

struct symbols;

struct symbols_frame {    /* strings live until symbols_close() */
    const char *function; /* as in the source, or the symbol's name; never NULL */
    const char *file;     /* as the compiler saw it, normalized (base/pathname); NULL: not known */
    uint32_t line;        /* 0: not known */
    bool inlined;         /* into the next frame's function */
};

/* Copies `bytes`, so that several threads may open the same. -ERR_DATA: no ELF file, or one without
 * any symbols. */
int symbols_open(const void *bytes, size_t size, struct symbols **ret, struct err *err);
/* The innermost first; 0 where the address lies in no function. Of a return address look up a byte
 * of the call before it (parse/fault). The Thumb bit makes no difference. */
size_t symbols_lookup(struct symbols *symbols, uint64_t address,
                      struct symbols_frame ret[SYMBOLS_FRAMES_MAX]);
void symbols_close(struct symbols *symbols); /* NULL is fine */

#endif
