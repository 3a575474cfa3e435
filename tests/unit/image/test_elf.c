/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/fs.h"
#include "load.h"

#include <elf.h>
#include <stddef.h>
#include <stdio.h>

static struct buf read_golden(const char *name)
{
    char path[512];
    struct buf bytes = BUF_INIT(1 << 20);

    snprintf(path, sizeof path, "%s/image/%s", HIL_TEST_DATA, name);
    cr_assert_eq(fs_read(path, &bytes, NULL), 0, "%s", path);
    return bytes;
}

static struct image *load_golden(const char *name)
{
    cleanup_buf struct buf bytes = read_golden(name);

    return load_bytes(bytes.data, bytes.size);
}

/* A little-endian 32-bit executable with `count` program headers and 32 bytes behind them. */
static size_t make_elf(uint8_t *file, const Elf32_Phdr *segments, size_t count)
{
    size_t at = sizeof(Elf32_Ehdr) + count * sizeof *segments;
    Elf32_Ehdr header = {.e_ident = {0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_ARM,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof header,
                         .e_ehsize = sizeof header,
                         .e_phentsize = sizeof *segments,
                         .e_phnum = (Elf32_Half)count};

    memcpy(file, &header, sizeof header);
    memcpy(file + sizeof header, segments, count * sizeof *segments);
    for (uint8_t i = 0; i < 32; i++)
        file[at + i] = i;
    return at + 32;
}

/* The same firmware through objcopy and srec_cat: other people's idea of what is to be loaded. */
Test(elf, every_format_of_one_firmware_loads_alike)
{
    static const char *const names[] = {"firmware.hex", "firmware-srec_cat.hex", "firmware.srec",
                                        "firmware-srec_cat.s37"};
    cleanup_image struct image *elf = load_golden("firmware.elf");

    cr_assert_eq(elf->count, 2);
    cr_expect_eq(elf->entry, 0x0800FFE9);
    cr_expect_str_eq(elf->build_id, "00112233445566778899aabbccddeeff01234567");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cleanup_image struct image *other = load_golden(names[i]);
        cr_assert_eq(other->count, elf->count, "%s", names[i]);
        cr_expect(other->has_entry);
        cr_expect_eq(other->entry, elf->entry, "%s", names[i]);
        for (size_t k = 0; k < elf->count; k++)
            expect_segment(other, k, elf->segments[k].address, elf->segments[k].bytes,
                           elf->segments[k].size);
    }
}

Test(elf, loads_data_at_its_physical_address)
{
    cleanup_image struct image *image = load_golden("firmware.elf");
    cleanup_buf struct buf options = read_golden("options.bin");

    /* .data runs at 0x20000000 and is stored right behind the code: one segment */
    cr_expect_eq(image->segments[0].address, 0x0800FFE0);
    cr_expect_eq(image->segments[0].size, 0x50 + 0x38);
    expect_segment(image, 1, 0x1FFF7800, options.data, options.size);
}

Test(elf, reads_other_classes_and_byte_orders)
{
    cleanup_image struct image *big = load_golden("big-endian.elf");
    cleanup_image struct image *wide = load_golden("wide.elf");

    cr_expect_eq(big->entry, 0x0800FFE9);
    cr_expect_eq(big->segments[0].address, 0x0800FFE0);
    cr_expect_eq(big->segments[0].bytes[0], 0x20); /* 0x20002000, most significant byte first */
    cr_expect_str_eq(big->build_id, "00112233445566778899aabbccddeeff01234567");
    cr_expect_eq(wide->segments[0].address, 0x123456789000);
    cr_expect_eq(wide->entry, 0x123456789000);
    cr_expect_null(wide->build_id);
}

/* By program header alone in a file without sections, by section alone where no header points
 * there. */
Test(elf, finds_the_build_id_either_way)
{
    const Elf32_Phdr segments[] = {
        {.p_type = PT_NOTE, .p_offset = 0x74, .p_filesz = 20},
        {.p_type = PT_LOAD, .p_offset = 0x74, .p_vaddr = 0x1000, .p_filesz = 4},
    };
    uint8_t file[256];
    size_t size = make_elf(file, segments, 2);
    cleanup_image struct image *by_section = load_golden("note-section.elf");
    cleanup_image struct image *by_header = NULL;

    memcpy(file + 0x74, "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\xCA\xFE\0\1", 20);
    by_header = load_bytes(file, size);
    cr_expect_str_eq(by_header->build_id, "cafe0001");
    cr_expect_str_eq(by_section->build_id, "feed");
}

Test(elf, refuses_a_segment_that_passes_the_end_of_memory)
{
    cleanup_buf struct buf bytes = read_golden("wide.elf");

    memset(bytes.data + sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_paddr), 0xFF, 8);
    refuse_bytes(bytes.data, bytes.size, ERR_DATA,
                 "fw: segment 0: 3 bytes at 0xffffffffffffffff pass the end of memory");
}

Test(elf, refuses_what_is_not_linked)
{
    cleanup_buf struct buf bytes = read_golden("object.elf");

    refuse_bytes(bytes.data, bytes.size, ERR_DATA, "fw: is an object file, not linked firmware");
}

Test(elf, refuses_every_truncation)
{
    cleanup_buf struct buf bytes = read_golden("firmware.elf");

    for (size_t size = 1; size < 0x157; size++) { /* where the last segment ends */
        struct image *image = NULL;
        struct err err = {0};
        int rc = image_load("fw", bytes.data, size, NULL, &image, &err);
        cr_assert_eq(rc, -ERR_DATA, "cut at %zu", size);
        cr_assert_null(image);
    }
}

Test(elf, ignores_empty_segments_and_needs_one)
{
    const Elf32_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_offset = 0x60, .p_paddr = 0x100, .p_filesz = 0, .p_memsz = 64},
    };
    uint8_t file[256];

    refuse_bytes(file, make_elf(file, segments, 1), ERR_DATA, "fw: holds nothing to load");
}

Test(elf, takes_virtual_addresses_where_no_physical_one_is_given)
{
    const Elf32_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_offset = 0x74, .p_vaddr = 0x1000, .p_filesz = 4, .p_memsz = 4},
        {.p_type = PT_LOAD, .p_offset = 0x78, .p_vaddr = 0x2000, .p_filesz = 4, .p_memsz = 4},
    };
    uint8_t file[256];
    cleanup_image struct image *image = load_bytes(file, make_elf(file, segments, 2));

    cr_assert_eq(image->count, 2);
    expect_segment(image, 0, 0x1000, "\0\1\2\3", 4);
    expect_segment(image, 1, 0x2000, "\4\5\6\7", 4);
    cr_expect_not(image->has_entry);
}

Test(elf, names_the_segment_that_is_wrong)
{
    static const struct {
        Elf32_Phdr segments[2];
        const char *message;
    } cases[] = {
        {{{.p_type = PT_LOAD, .p_offset = 0x74, .p_paddr = 16, .p_filesz = 4},
          {.p_type = PT_LOAD, .p_offset = 0x74, .p_paddr = 32, .p_filesz = 33}},
         "fw: segment 1 (33 bytes at offset 0x74) is outside the file of 148 bytes: "
         "the file is truncated"},
        {{{.p_type = PT_LOAD, .p_offset = 0xFFFFFFFF, .p_paddr = 16, .p_filesz = 4}},
         "fw: segment 0 (4 bytes at offset 0xffffffff) is outside the file of 148 bytes: "
         "the file is truncated"},
        {{{.p_type = PT_LOAD, .p_offset = 0x74, .p_paddr = 16, .p_filesz = 4},
          {.p_type = PT_LOAD, .p_offset = 0x74, .p_paddr = 18, .p_filesz = 4}},
         "fw: segments 0 and 1 both hold address 0x12"},
        {{{.p_type = PT_INTERP}},
         "fw: needs a dynamic loader: a program for an operating system, not firmware"},
    };
    uint8_t file[256];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_bytes(file, make_elf(file, cases[i].segments, 2), ERR_DATA, cases[i].message);
}

Test(elf, a_limit_holds_for_what_is_to_be_loaded)
{
    size_t size = IMAGE_LOAD_MAX + 4096;
    uint8_t *file = calloc(1, size);
    const Elf32_Phdr segments[] = {{.p_type = PT_LOAD, .p_filesz = IMAGE_LOAD_MAX + 1}};

    make_elf(file, segments, 1);
    refuse_bytes(file, size, ERR_LIMIT, "fw: segment 0: more than 64 MiB to load");
    free(file);
}
