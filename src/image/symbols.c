/* SPDX-License-Identifier: MIT */
#include "image/symbols.h"

#include "base/arena.h"
#include "base/str.h"
#include "image/dwarf_index.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX 2000000
#define NEIGHBOURS_MAX 16 /* symbols on the way back to the one that covers an address */
#define NAME_MAX_BYTES 1024

struct symbol {
    uint64_t address, end; /* end: behind it */
    const char *name;      /* in the ELF file's bytes */
    bool sized;
};

struct symbols {
    char *bytes; /* of the file: libelf writes into them as it unpacks sections */
    Elf *elf;
    struct dwarf_index *dwarf; /* NULL: none */
    struct symbol *table;      /* by address */
    size_t count;
    struct arena arena;
};

/* ---- the symbol table ---------------------------------------------------------------------- */

/* $a, $t, $d and $x mark kinds of code (ELF for the Arm Architecture, 5.5.5); .L are labels. */
static bool is_marker(const char *name)
{
    return !*name || *name == '$' || str_starts(name, ".L");
}

/* A function, or what an assembler calls by a name that other files see. */
static bool is_code(const GElf_Sym *symbol, const GElf_Shdr *section)
{
    int type = GELF_ST_TYPE(symbol->st_info), binding = GELF_ST_BIND(symbol->st_info);

    return section->sh_flags & SHF_EXECINSTR &&
           (type == STT_FUNC || (type == STT_NOTYPE && binding != STB_LOCAL));
}

static bool read_symbol(const struct symbols *symbols, const GElf_Sym *symbol, size_t names,
                        bool thumb, struct symbol *ret)
{
    GElf_Shdr section;
    Elf_Scn *scn = symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE
                       ? NULL
                       : elf_getscn(symbols->elf, symbol->st_shndx);

    if (!scn || !gelf_getshdr(scn, &section) || !is_code(symbol, &section))
        return false;
    uint64_t address = thumb ? symbol->st_value & ~UINT64_C(1) : symbol->st_value;
    uint64_t section_end = section.sh_addr + section.sh_size;
    *ret = (struct symbol){.address = address,
                           .end = symbol->st_size ? address + symbol->st_size : section_end,
                           .name = elf_strptr(symbols->elf, names, symbol->st_name),
                           .sized = symbol->st_size > 0};
    return ret->name && !is_marker(ret->name) && ret->end > address;
}

static int compare_symbols(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->sized == y->sized ? strcmp(x->name, y->name) : x->sized ? 1 : -1;
}

static void read_table(struct symbols *symbols, Elf_Scn *scn, const GElf_Shdr *header, bool thumb)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t size = gelf_fsize(symbols->elf, ELF_T_SYM, 1, EV_CURRENT);
    size_t count = data && size ? data->d_size / size : 0;
    GElf_Sym symbol;

    if (count > SYMBOLS_MAX)
        count = SYMBOLS_MAX;
    free(symbols->table); /* of a file with several tables the last counts */
    symbols->count = 0;
    symbols->table = xcalloc(count + !count, sizeof *symbols->table);
    for (size_t i = 0; i < count; i++)
        if (gelf_getsym(data, (int)i, &symbol) &&
            read_symbol(symbols, &symbol, header->sh_link, thumb, &symbols->table[symbols->count]))
            symbols->count++;
    if (symbols->count)
        qsort(symbols->table, symbols->count, sizeof *symbols->table, compare_symbols);
}

/* `thumb`: bit 0 of a function's address is no part of it, but says Thumb code. */
static void read_tables(struct symbols *symbols, bool thumb)
{
    Elf_Scn *scn = NULL;
    GElf_Shdr header;

    while ((scn = elf_nextscn(symbols->elf, scn)))
        if (gelf_getshdr(scn, &header) && header.sh_type == SHT_SYMTAB)
            read_table(symbols, scn, &header, thumb);
}

/* Below the address, the nearest that reaches it. */
static const char *find_symbol(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->table[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && i + NEIGHBOURS_MAX > low; i--)
        if (address < symbols->table[i - 1].end)
            return symbols->table[i - 1].name;
    return NULL;
}

/* ---- open, ask, close ---------------------------------------------------------------------- */

int symbols_open(const void *bytes, size_t size, struct symbols **ret, struct err *err)
{
    struct symbols *symbols = xcalloc(1, sizeof *symbols);
    GElf_Ehdr header;

    elf_version(EV_CURRENT);
    symbols->bytes = xmalloc(size ? size : 1);
    memcpy(symbols->bytes, bytes, size);
    symbols->elf = elf_memory(symbols->bytes, size);
    if (!symbols->elf || elf_kind(symbols->elf) != ELF_K_ELF ||
        !gelf_getehdr(symbols->elf, &header)) {
        symbols_close(symbols);
        return err_set(err, ERR_DATA, "no ELF file, so no symbols");
    }
    read_tables(symbols, header.e_machine == EM_ARM);
    symbols->dwarf = dwarf_index_open(symbols->elf);
    if (!symbols->dwarf && !symbols->count) {
        symbols_close(symbols);
        return err_set(err, ERR_DATA, "it is stripped: no debug information and no symbol table");
    }
    *ret = symbols;
    return 0;
}

size_t symbols_lookup(struct symbols *symbols, uint64_t address,
                      struct symbols_frame ret[SYMBOLS_FRAMES_MAX])
{
    size_t count = 0;

    if (symbols->dwarf)
        count = dwarf_index_lookup(symbols->dwarf, address, &symbols->arena, ret);
    const char *name = find_symbol(symbols, address);
    if (count == 0 && name) {
        ret[0] = (struct symbols_frame){0};
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ret[i].function && name && i == count - 1)
            ret[i].function = arena_strndup(&symbols->arena, name, strnlen(name, NAME_MAX_BYTES));
        if (!ret[i].function)
            ret[i].function = "(unknown)";
    }
    return count;
}

void symbols_close(struct symbols *symbols)
{
    if (!symbols)
        return;
    dwarf_index_close(symbols->dwarf);
    elf_end(symbols->elf);
    free(symbols->bytes);
    arena_done(&symbols->arena);
    free(symbols->table);
    free(symbols);
}
