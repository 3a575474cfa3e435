/* SPDX-License-Identifier: MIT
 *
 * dwarf_index: the debug information of an ELF file by address; symbols.c's half that asks libdw.
 *
 * libdw's own address tables are not used: .debug_aranges is missing or incomplete in what clang
 * and assemblers write.
 */
#ifndef HIL_IMAGE_DWARF_INDEX_H
#define HIL_IMAGE_DWARF_INDEX_H

#include "base/arena.h"
#include "image/symbols.h"

#include <libelf.h>

struct dwarf_index;

/* NULL: there is none, or none that is safe to read. `elf` must outlive it. */
struct dwarf_index *dwarf_index_open(Elf *elf);
/* As symbols_lookup(); the strings live in `arena`. A function may be NULL: not known. */
size_t dwarf_index_lookup(struct dwarf_index *index, uint64_t address, struct arena *arena,
                          struct symbols_frame ret[SYMBOLS_FRAMES_MAX]);
void dwarf_index_close(struct dwarf_index *index); /* NULL is fine */

#endif
