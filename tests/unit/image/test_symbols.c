/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "image/symbols.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN HIL_TEST_DATA "/image/symbols/"
#define cleanup_symbols __attribute__((cleanup(close_symbols)))

static void close_symbols(struct symbols **symbols)
{
    symbols_close(*symbols);
}

static struct buf read_golden(const char *name)
{
    cleanup_free char *path = xasprintf(GOLDEN "calls-%s.elf", name);
    struct buf bytes = BUF_INIT(1 << 20);

    cr_assert_eq(fs_read(path, &bytes, NULL), 0, "%s", path);
    return bytes;
}

static struct symbols *open_bytes(const struct buf *bytes)
{
    struct symbols *symbols = NULL;
    struct err err = {0};

    cr_assert_eq(symbols_open(bytes->data, bytes->size, &symbols, &err), 0, "%s", err.message);
    return symbols;
}

/* "read_register calls.c:21 < sum calls.c:34": '<' where it is inlined into the next */
static void expect(struct symbols *symbols, const char *name, uint64_t address, const char *wanted)
{
    struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
    cleanup_buf struct buf got = BUF_INIT(4096);
    size_t count = symbols_lookup(symbols, address, frames);

    for (size_t i = 0; i < count; i++) {
        buf_adds(&got, frames[i].function);
        if (frames[i].file)
            buf_addf(&got, " %s:%u", frames[i].file, frames[i].line);
        buf_adds(&got, frames[i].inlined ? " < " : "");
    }
    cr_expect_str_eq(got.data, wanted, "%s: 0x%x: %s", name, (unsigned)address, got.data);
}

#define C "/build/proj/calls.c"

Test(symbols, functions_files_lines_and_inlined_calls)
{
    static const char *const names[] = {"gcc-5", "gcc-2", "zlib"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_buf struct buf bytes = read_golden(names[i]);
        cleanup_symbols struct symbols *symbols = open_bytes(&bytes);
        const char *n = names[i];
        expect(symbols, n, 0x08000114,
               "read_register " C ":21 < read_twice " C ":27 < sum " C ":34");
        expect(symbols, n, 0x08000112,
               "read_register " C ":21 < read_twice " C ":26 < sum " C ":34");
        expect(symbols, n, 0x08000108, "sum " C ":31");
        expect(symbols, n, 0x08000109, "sum " C ":31"); /* the Thumb bit */
        expect(symbols, n, 0x08000135, "entry " C ":43");
        expect(symbols, n, 0x08000137, "entry " C ":43"); /* what a return address leads to */
        expect(symbols, n, 0x08000100, "in_assembler");   /* is in no unit */
    }
}

/* A crash on each of two boards that have the same image. */
Test(symbols, the_bytes_stay_as_they_are)
{
    cleanup_buf struct buf bytes = read_golden("zlib");
    cleanup_buf struct buf before = read_golden("zlib");

    for (int i = 0; i < 2; i++) {
        cleanup_symbols struct symbols *symbols = open_bytes(&bytes);
        expect(symbols, "zlib", 0x08000108, "sum " C ":31");
    }
    cr_expect_eq(memcmp(bytes.data, before.data, before.size), 0);
}

Test(symbols, debug_information_without_address_tables)
{
    cleanup_buf struct buf bytes = read_golden("clang-4");
    cleanup_symbols struct symbols *symbols = open_bytes(&bytes);

    expect(symbols, "clang-4", 0x0800012C,
           "read_register " C ":21 < read_twice " C ":26 < sum " C ":34");
    expect(symbols, "clang-4", 0x08000104, "sum " C ":31");
}

Test(symbols, the_symbol_table_where_there_is_no_debug_information)
{
    cleanup_buf struct buf bytes = read_golden("symtab");
    cleanup_symbols struct symbols *symbols = open_bytes(&bytes);

    expect(symbols, "symtab", 0x08000100, "in_assembler");
    expect(symbols, "symtab", 0x08000103, "in_assembler");
    expect(symbols, "symtab", 0x08000114, "sum");
    expect(symbols, "symtab", 0x0800012D, "entry");
}

Test(symbols, addresses_that_are_no_code)
{
    static const char *const names[] = {"gcc-5", "gcc-2", "clang-4", "zlib", "symtab"};
    static const uint64_t addresses[] = {0,          1,          0x080000FF, 0x080000F0,
                                         0x08100000, 0x20000000, 0xFFFFFFF9, UINT64_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_buf struct buf bytes = read_golden(names[i]);
        cleanup_symbols struct symbols *symbols = open_bytes(&bytes);
        for (size_t k = 0; k < ARRAY_SIZE(addresses); k++)
            expect(symbols, names[i], addresses[k], "");
    }
}

static void refuse(const void *bytes, size_t size, const char *words)
{
    struct symbols *symbols = NULL;
    struct err err = {0};

    cr_expect_eq(symbols_open(bytes, size, &symbols, &err), -ERR_DATA);
    cr_expect_str_eq(err.message, words);
    symbols_close(symbols);
}

Test(symbols, files_without_any)
{
    cleanup_buf struct buf stripped = read_golden("stripped");

    refuse(stripped.data, stripped.size,
           "it is stripped: no debug information and no symbol table");
    refuse("", 0, "no ELF file, so no symbols");
    refuse(":10000000", 9, "no ELF file, so no symbols");
    refuse("\177ELF", 4, "no ELF file, so no symbols");
    refuse("!<arch>\n", 8, "no ELF file, so no symbols");
}

/* The section's header, in the bytes. */
static Elf32_Shdr *find_section(struct buf *bytes, const char *wanted)
{
    Elf32_Ehdr *header = (Elf32_Ehdr *)(void *)bytes->data;
    Elf32_Shdr *sections = (Elf32_Shdr *)(void *)(bytes->data + header->e_shoff);
    const char *names = bytes->data + sections[header->e_shstrndx].sh_offset;

    for (int i = 0; i < header->e_shnum; i++)
        if (str_eq(names + sections[i].sh_name, wanted))
            return &sections[i];
    cr_assert(false, "no section %s", wanted);
    return NULL;
}

/* libdw would open the file that such a section names, a FIFO for example, and wait there. */
Test(symbols, no_other_file_is_opened)
{
    cleanup_buf struct buf bytes = read_golden("altlink");
    cleanup_symbols struct symbols *symbols = open_bytes(&bytes);

    expect(symbols, "altlink", 0x08000114, "sum");
}

Test(symbols, a_section_that_says_it_is_huge_once_it_is_unpacked)
{
    cleanup_buf struct buf bytes = read_golden("zlib");
    Elf32_Shdr *section = find_section(&bytes, ".debug_info");

    cr_assert(section->sh_flags & SHF_COMPRESSED);
    ((Elf32_Chdr *)(void *)(bytes.data + section->sh_offset))->ch_size = 0xFFFFFFF0;
    cleanup_symbols struct symbols *symbols = open_bytes(&bytes);
    expect(symbols, "huge", 0x08000114, "sum");
}

/* Each byte damaged in turn: fewer or wrong answers, and nothing worse. */
Test(symbols, damage_is_survived)
{
    cleanup_buf struct buf bytes = read_golden("gcc-5");

    for (size_t i = 0; i < bytes.size; i++) {
        static const uint64_t addresses[] = {0x08000114, 0x08000135, 0x08000100};
        struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
        struct symbols *symbols = NULL;
        char was = bytes.data[i];
        bytes.data[i] = (char)(i % 3 ? 0xFF : was ^ 0x41);
        if (symbols_open(bytes.data, bytes.size, &symbols, NULL) == 0)
            for (size_t k = 0; k < ARRAY_SIZE(addresses); k++)
                cr_expect_leq(symbols_lookup(symbols, addresses[k], frames), SYMBOLS_FRAMES_MAX);
        symbols_close(symbols);
        bytes.data[i] = was;
    }
}

/* Cut at each length. */
Test(symbols, truncation_is_survived)
{
    cleanup_buf struct buf bytes = read_golden("gcc-5");

    for (size_t size = 0; size < bytes.size; size += 7) {
        struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
        struct symbols *symbols = NULL;
        char *cut = xmalloc(size + 1);
        memcpy(cut, bytes.data, size);
        if (symbols_open(cut, size, &symbols, NULL) == 0)
            symbols_lookup(symbols, 0x08000114, frames);
        symbols_close(symbols);
        free(cut);
    }
}
