/* SPDX-License-Identifier: MIT
 *
 * Memory layouts as bootloaders name them. golden/usb/layouts.txt has a name a line and, behind a
 * tab, what is to be read from it.
 */
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "usb/dfuse_map.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

/* "Internal Flash: 08000000 4x16384 rew" */
static void describe(const char *text, struct buf *out)
{
    struct dfuse_map map;
    struct err err = {0};

    if (dfuse_map_parse(text, &map, &err) < 0) {
        buf_adds(out, err.message + strlen("memory layout "));
        return;
    }
    buf_addf(out, "%s:", map.name);
    for (size_t i = 0; i < map.count; i++)
        buf_addf(out, "%s %08" PRIx64 " %" PRIu64 "x%" PRIu64 " %s%s%s", i ? "," : "",
                 map.runs[i].at, map.runs[i].count, map.runs[i].sector_size,
                 map.runs[i].access & DFUSE_READ ? "r" : "",
                 map.runs[i].access & DFUSE_ERASE ? "e" : "",
                 map.runs[i].access & DFUSE_WRITE ? "w" : "");
}

Test(dfuse_map, golden)
{
    cleanup_buf struct buf file = BUF_INIT(65536);
    cleanup_strv struct strv lines = {0};

    cr_assert_eq(fs_read(HIL_TEST_DATA "/usb/layouts.txt", &file, NULL), 0);
    strv_split(&lines, file.data, '\n');
    cr_assert_gt(lines.count, 15);
    for (size_t i = 0; i < lines.count; i++) {
        cleanup_buf struct buf is = BUF_INIT(4096);
        char *tab = strchr(lines.items[i], '\t');
        cr_assert(tab, "line %zu", i + 1);
        *tab = '\0';
        describe(lines.items[i], &is);
        cr_expect_str_eq(is.data, tab + 1);
    }
}

Test(dfuse_map, what_is_allowed_where)
{
    struct dfuse_map map;

    cr_assert_eq(dfuse_map_parse("@F/0x100/2*16 g,1*32 a/0x200/1*16 g", &map, NULL), 0);
    cr_assert_eq(dfuse_map_bytes(&map), 80);
    cr_assert(dfuse_map_allows(&map, 0x100, 32, DFUSE_WRITE));
    cr_assert(dfuse_map_allows(&map, 0x100, 64, DFUSE_READ));
    cr_assert(!dfuse_map_allows(&map, 0x100, 33, DFUSE_WRITE));
    cr_assert(!dfuse_map_allows(&map, 0x100, 65, DFUSE_READ));
    cr_assert(!dfuse_map_allows(&map, 0xff, 1, DFUSE_READ));
    cr_assert(dfuse_map_allows(&map, 0x20f, 1, DFUSE_READ | DFUSE_ERASE | DFUSE_WRITE));
    cr_assert(!dfuse_map_allows(&map, 0x210, 1, DFUSE_READ));
    cr_assert(!dfuse_map_allows(&map, UINT64_MAX, 1, DFUSE_READ));
}

Test(dfuse_map, has_a_ceiling)
{
    cleanup_buf struct buf text = BUF_INIT(65536);
    struct dfuse_map map;

    buf_adds(&text, "@F/0x0/1*1 g");
    for (int i = 1; i < DFUSE_RUNS_MAX; i++)
        buf_adds(&text, ",1*1 g");
    cr_assert_eq(dfuse_map_parse(text.data, &map, NULL), 0);
    cr_assert_eq(map.count, DFUSE_RUNS_MAX);
    buf_adds(&text, ",1*1 g");
    cr_assert_eq(dfuse_map_parse(text.data, &map, NULL), -ERR_DATA);
}
