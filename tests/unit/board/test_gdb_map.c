/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_map.h"

#include "base/buf.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *xml, struct gdb_region **ret, size_t *ret_count, struct err *err)
{
    return gdb_map_parse(xml, strlen(xml), ret, ret_count, err);
}

Test(gdb_map, reads_what_the_manual_shows)
{
    static const char xml[] =
        "<?xml version=\"1.0\"?>\n"
        "<!DOCTYPE memory-map\n  PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\"\n"
        "  \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n"
        "<!-- <memory type=\"ram\"/> -->\n"
        "<memory-map>\n"
        "  <memory type='flash' length='0x60000' start='0x08010000'>"
        "<property name='blocksize'> 0x10000 </property></memory>\n"
        "  <memory  type=\"flash\" start = \"0x08000000\" length=\"65536\" >\n"
        "    <property name=\"other\">words</property>"
        "<property name=\"blocksize\">16384</property></memory>\n"
        "  <memory type=\"rom\" start=\"0x1fff0000\" length=\"0x7800\"/>\n"
        "  <memory type=\"ram\" start=\"0\" length=\"0x08000000\"/>\n"
        "</memory-map>\n";
    static const struct gdb_region want[] = {{GDB_RAM, 0, 0x08000000, 0},
                                             {GDB_FLASH, 0x08000000, 0x10000, 0x4000},
                                             {GDB_FLASH, 0x08010000, 0x60000, 0x10000},
                                             {GDB_ROM, 0x1fff0000, 0x7800, 0}};
    struct gdb_region *regions = NULL;
    struct err err = {0};
    size_t count = 0;

    cr_assert_eq(parse(xml, &regions, &count, &err), 0, "%s", err.message);
    cr_assert_eq(count, ARRAY_SIZE(want));
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(regions[i].type, want[i].type, "%zu", i);
        cr_expect_eq(regions[i].start, want[i].start, "%zu", i);
        cr_expect_eq(regions[i].length, want[i].length, "%zu", i);
        cr_expect_eq(regions[i].block_size, want[i].block_size, "%zu", i);
    }
    free(regions);
}

Test(gdb_map, an_empty_map_is_one)
{
    struct gdb_region *regions = NULL;
    size_t count = 1;

    cr_expect_eq(parse("<memory-map></memory-map>", &regions, &count, NULL), 0);
    cr_expect_eq(count, 0);
    free(regions);
}

static const struct {
    const char *xml, *message;
} broken[] = {
    {"<", "memory map: byte 1: no name after <"},
    {"<memory", "memory map: byte 7: no attribute where one should be"},
    {"<memory type", "memory map: byte 12: no attribute where one should be"},
    {"<memory type=ram/>", "memory map: byte 13: an attribute without quotes"},
    {"<memory type=\"ram/>", "memory map: byte 14: a value that does not end"},
    {"<!-- x", "memory map: byte 0: an element that does not end"},
    {"<?xml", "memory map: byte 0: an element that does not end"},
    {"</memory", "memory map: byte 0: an element that does not end"},
    {"<memory type=\"ram\" start=\"0\"/>", "memory map: byte 30: no number where one should be"},
    {"<memory start=\"-1\" length=\"1\"/>", "memory map: byte 31: no number where one should be"},
    {"<memory start=\"0\" length=\"18446744073709551616\"/>",
     "memory map: byte 49: no number where one should be"},
    {"<memory start=\"0\" length=\"0\"/>",
     "memory map: byte 30: a region without a possible length"},
    {"<memory start=\"2\" length=\"0xffffffffffffffff\"/>",
     "memory map: byte 47: a region without a possible length"},
    {"<memory start=\"0\" length=\"000000000000000000000000000000000001\"/>",
     "memory map: byte 65: a number that is too long"},
    {"<memory type=\"flash\" start=\"0\" length=\"1\"/>",
     "memory map: flash at 0x00000000 has no blocksize"},
    {"<memory type=\"flash\" start=\"0\" length=\"1\"><property name=\"blocksize\">",
     "memory map: byte 69: a property that does not end"},
    {"<memory start=\"0\" length=\"2\"/><memory start=\"1\" length=\"2\"/>",
     "memory map: two regions overlap at 0x00000001"},
};

Test(gdb_map, says_where_it_is_broken)
{
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        struct gdb_region *regions = NULL;
        struct err err = {0};
        size_t count = 0;
        cr_expect_lt(parse(broken[i].xml, &regions, &count, &err), 0, "%s", broken[i].xml);
        cr_expect_str_eq(err.message, broken[i].message, "%s: %s", broken[i].xml, err.message);
    }
}

Test(gdb_map, has_ceilings)
{
    struct buf xml = BUF_INIT(1 << 20);
    struct gdb_region *regions = NULL;
    size_t count = 0;

    for (int i = 0; i <= GDB_MAP_REGIONS_MAX; i++)
        buf_addf(&xml, "<memory start=\"%d\" length=\"1\"/>", i);
    cr_expect_eq(parse(xml.data, &regions, &count, NULL), -ERR_LIMIT);
    while (xml.size <= GDB_MAP_BYTES_MAX)
        buf_adds(&xml, "          ");
    cr_expect_eq(parse(xml.data, &regions, &count, NULL), -ERR_LIMIT);
    buf_done(&xml);
}
