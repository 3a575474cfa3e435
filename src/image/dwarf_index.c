/* SPDX-License-Identifier: MIT */
#include "image/dwarf_index.h"

#include "base/pathname.h"
#include "base/str.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Far above what firmware has. libdw keeps some hundred bytes for each row of a line table. */
#define LINE_TABLE_MAX (16u * 1024 * 1024)
#define RANGE_TABLE_MAX (8u * 1024 * 1024)
#define UNCOMPRESSED_MAX (256u * 1024 * 1024)
#define RANGES_MAX 1000000
#define OPEN_MS 2000 /* of the thread's processor time */
#define LOOKUP_MS 500
#define NESTING_MAX 64 /* of blocks and inlined calls in a function */
#define NAMESPACES_MAX 8
#define OVERLAPS_MAX 64
#define NAME_MAX_BYTES 1024
#define PATH_MAX_BYTES 4096

struct range {
    uint64_t low, high; /* high: behind it */
    Dwarf_Off unit;     /* of its unit's entry */
};

struct dwarf_index {
    Dwarf *dwarf;
    struct range *ranges; /* by low */
    size_t count, room;
    bool has_lines;
};

/* ---- limits -------------------------------------------------------------------------------- */

struct budget {
    int64_t end_ns;
    unsigned steps;
};

static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct budget budget_of(int64_t ms)
{
    return (struct budget){.end_ns = cpu_ns() + ms * 1000000};
}

/* To be asked before each step that reads a bounded amount. */
static bool spent(struct budget *budget)
{
    return ++budget->steps % 16 == 0 && cpu_ns() > budget->end_ns;
}

struct tables {
    bool info, lines, odd;
    uint64_t uncompressed;
};

static bool is_ranges(const char *name)
{
    return str_eq(name, ".debug_ranges") || str_eq(name, ".debug_rnglists");
}

static void look_at_section(Elf_Scn *scn, const GElf_Shdr *header, const char *name,
                            struct tables *tables)
{
    uint64_t size = header->sh_size;
    GElf_Chdr compressed;

    if (header->sh_flags & SHF_COMPRESSED) {
        if (!gelf_getchdr(scn, &compressed)) {
            tables->odd = true;
            return;
        }
        size = compressed.ch_size;
        tables->uncompressed += size < UNCOMPRESSED_MAX ? size : UNCOMPRESSED_MAX;
    }
    tables->info = tables->info || str_eq(name, ".debug_info");
    tables->lines = tables->lines || (str_eq(name, ".debug_line") && size <= LINE_TABLE_MAX);
    if (is_ranges(name) && size > RANGE_TABLE_MAX)
        tables->odd = true;
    /* The first names another file, which libdw would open; the second hides its size. */
    if (str_eq(name, ".gnu_debugaltlink") || str_starts(name, ".zdebug_"))
        tables->odd = true;
}

static struct tables look_at_sections(Elf *elf)
{
    struct tables tables = {0};
    size_t names;
    Elf_Scn *scn = NULL;
    GElf_Shdr header;

    if (elf_getshdrstrndx(elf, &names) < 0)
        return tables;
    while ((scn = elf_nextscn(elf, scn))) {
        const char *name =
            gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (name && header.sh_type != SHT_NOBITS)
            look_at_section(scn, &header, name, &tables);
    }
    return tables;
}

/* ---- units by address ---------------------------------------------------------------------- */

static void add_range(struct dwarf_index *index, uint64_t low, uint64_t high, Dwarf_Off unit)
{
    /* Linkers leave functions that they dropped at 0, on top of what really is there. */
    if (low == 0 || low >= high || index->count == RANGES_MAX)
        return;
    if (index->count == index->room) {
        index->room = index->room ? index->room * 2 : 256;
        index->ranges = xrealloc(index->ranges, index->room, sizeof *index->ranges);
    }
    index->ranges[index->count++] = (struct range){.low = low, .high = high, .unit = unit};
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return x->high == y->high ? 0 : x->high > y->high ? -1 : 1; /* the narrowest last */
}

/* ---- strings without an end ---------------------------------------------------------------- */

/* How many bytes there are from `at` to the end of the section that it lies in; 0: it lies in
 * none. */
static size_t room_at(Elf *elf, const char *at)
{
    Elf_Scn *scn = NULL;

    while ((scn = elf_nextscn(elf, scn))) {
        const Elf_Data *data = elf_getdata(scn, NULL);
        const char *begin = data ? data->d_buf : NULL;
        if (begin && at >= begin && at < begin + data->d_size)
            return data->d_size - (size_t)(at - begin);
    }
    return 0;
}

/* True where the attribute is no string, or one that ends within its section. libdw takes that for
 * granted, of a unit's name and directory when it reads the unit's lines. */
static bool ends(const struct dwarf_index *index, Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    const char *text = dwarf_formstring(dwarf_attr(die, name, &attribute));
    size_t room = text ? room_at(dwarf_getelf(index->dwarf), text) : 0;

    return !text || strnlen(text, room) < room;
}

/* The last string of a table ends where the table does. */
static bool tables_end(Elf *elf)
{
    static const char *const tables[] = {".debug_str", ".debug_line_str"};
    Elf_Scn *scn = NULL;
    GElf_Shdr header;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) < 0)
        return false;
    while ((scn = elf_nextscn(elf, scn))) {
        const char *name =
            gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        for (size_t i = 0; name && i < ARRAY_SIZE(tables); i++) {
            const Elf_Data *data = str_eq(name, tables[i]) ? elf_getdata(scn, NULL) : NULL;
            if (data && data->d_buf && data->d_size &&
                ((const char *)data->d_buf)[data->d_size - 1])
                return false;
        }
    }
    return true;
}

static void read_units(struct dwarf_index *index)
{
    struct budget budget = budget_of(OPEN_MS);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;

    while (dwarf_get_units(index->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        Dwarf_Addr base, low, high;
        ptrdiff_t at = 0;
        if (spent(&budget))
            break;
        if (type != DW_UT_compile) /* what is in a file of its own is not looked for */
            continue;
        if (!ends(index, &die, DW_AT_name) || !ends(index, &die, DW_AT_comp_dir))
            continue;
        while ((at = dwarf_ranges(&die, at, &base, &low, &high)) > 0 && !spent(&budget))
            add_range(index, low, high, dwarf_dieoffset(&die));
    }
    if (index->count)
        qsort(index->ranges, index->count, sizeof *index->ranges, compare_ranges);
}

static bool find_unit(const struct dwarf_index *index, uint64_t address, Dwarf_Die *ret)
{
    size_t low = 0, high = index->count;

    while (low < high) { /* the first range that begins behind the address */
        size_t middle = low + (high - low) / 2;
        if (index->ranges[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && i + OVERLAPS_MAX > low; i--)
        if (address < index->ranges[i - 1].high)
            return dwarf_offdie(index->dwarf, index->ranges[i - 1].unit, ret) != NULL;
    return false;
}

struct dwarf_index *dwarf_index_open(Elf *elf)
{
    struct tables tables = look_at_sections(elf);
    Dwarf *dwarf = NULL;

    if (tables.info && !tables.odd && tables.uncompressed < UNCOMPRESSED_MAX)
        dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    if (!dwarf)
        return NULL;
    if (!tables_end(elf)) {
        dwarf_end(dwarf);
        return NULL;
    }
    struct dwarf_index *index = xcalloc(1, sizeof *index);
    index->dwarf = dwarf;
    index->has_lines = tables.lines;
    read_units(index);
    return index;
}

void dwarf_index_close(struct dwarf_index *index)
{
    if (!index)
        return;
    dwarf_end(index->dwarf);
    free(index->ranges);
    free(index);
}

/* ---- functions by address ------------------------------------------------------------------ */

/* The function and, in it, the inlined calls that lead to the address, the outermost first. */
struct chain {
    Dwarf_Die dies[NESTING_MAX];
    size_t count;
    uint64_t address;
    struct budget budget;
};

static bool covers(Dwarf_Die *die, struct chain *chain)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;

    while (!spent(&chain->budget) && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
        if (low != 0 && chain->address >= low && chain->address < high)
            return true;
    return false;
}

static bool may_hold_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type ||
           tag == DW_TAG_class_type;
}

static bool find_function(Dwarf_Die *parent, unsigned depth, struct chain *chain)
{
    Dwarf_Die child;

    if (depth > NAMESPACES_MAX || dwarf_child(parent, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram && covers(&child, chain)) {
            chain->dies[chain->count++] = child;
            return true;
        }
        if (may_hold_functions(tag) && find_function(&child, depth + 1, chain))
            return true;
    } while (!spent(&chain->budget) && dwarf_siblingof(&child, &child) == 0);
    return false;
}

/* The part of a function, one level down, that the address is in. */
static bool step_into(Dwarf_Die *parent, struct chain *chain, Dwarf_Die *ret)
{
    if (dwarf_child(parent, ret) != 0)
        return false;
    do {
        int tag = dwarf_tag(ret);
        if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
             tag == DW_TAG_subprogram) &&
            covers(ret, chain))
            return true;
    } while (!spent(&chain->budget) && dwarf_siblingof(ret, ret) == 0);
    return false;
}

static void find_inlined(struct chain *chain)
{
    Dwarf_Die inner, at = chain->dies[0];

    for (unsigned depth = 1; depth < NESTING_MAX && step_into(&at, chain, &inner); depth++) {
        int tag = dwarf_tag(&inner);
        if (tag == DW_TAG_subprogram) /* a function in a function, as GNU C has it */
            chain->count = 0;
        if (tag != DW_TAG_lexical_block)
            chain->dies[chain->count++] = inner;
        at = inner;
    }
}

/* ---- what reports show --------------------------------------------------------------------- */

static const char *keep_path(struct arena *arena, const char *path)
{
    if (!path || strnlen(path, PATH_MAX_BYTES) == PATH_MAX_BYTES)
        return NULL;
    char *copy = arena_strdup(arena, path);
    pathname_normalize(copy);
    return *copy ? copy : NULL;
}

/* In a damaged file a name need not have an end, and libdw does not look for one. */
static const char *name_of(const struct dwarf_index *index, Dwarf_Die *die, struct arena *arena)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
    size_t room = name ? room_at(dwarf_getelf(index->dwarf), name) : 0;

    if (room > NAME_MAX_BYTES)
        room = NAME_MAX_BYTES;
    return room && *name ? arena_strndup(arena, name, strnlen(name, room)) : NULL;
}

static void set_place(const struct dwarf_index *index, Dwarf_Die *unit, uint64_t address,
                      struct arena *arena, struct symbols_frame *ret)
{
    Dwarf_Line *line = index->has_lines ? dwarf_getsrc_die(unit, address) : NULL;
    int number;

    if (!line)
        return;
    ret->file = keep_path(arena, dwarf_linesrc(line, NULL, NULL));
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        ret->line = (uint32_t)number;
}

/* Where an inlined function was called. */
static void set_call_place(const struct dwarf_index *index, Dwarf_Die *unit, Dwarf_Die *call,
                           struct arena *arena, struct symbols_frame *ret)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file, line;
    Dwarf_Files *files;
    size_t count;

    if (dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &attribute), &line) == 0 &&
        line <= INT32_MAX)
        ret->line = (uint32_t)line;
    if (index->has_lines && dwarf_getsrcfiles(unit, &files, &count) == 0 &&
        dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attribute), &file) == 0 && file < count)
        ret->file = keep_path(arena, dwarf_filesrc(files, file, NULL, NULL));
}

size_t dwarf_index_lookup(struct dwarf_index *index, uint64_t address, struct arena *arena,
                          struct symbols_frame ret[SYMBOLS_FRAMES_MAX])
{
    struct chain chain = {.address = address, .budget = budget_of(LOOKUP_MS)};
    Dwarf_Die unit;
    size_t count = 0;

    if (!find_unit(index, address, &unit))
        return 0;
    if (find_function(&unit, 0, &chain))
        find_inlined(&chain);
    ret[0] = (struct symbols_frame){0};
    set_place(index, &unit, address, arena, &ret[0]);
    for (size_t i = chain.count; i > 0 && count < SYMBOLS_FRAMES_MAX; i--, count++) {
        if (count > 0) {
            ret[count] = (struct symbols_frame){0};
            set_call_place(index, &unit, &chain.dies[i], arena, &ret[count]);
        }
        ret[count].function = name_of(index, &chain.dies[i - 1], arena);
        ret[count].inlined = i > 1;
    }
    return count > 0 ? count : ret[0].file != NULL;
}
