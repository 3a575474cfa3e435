/* SPDX-License-Identifier: MIT */
#include "image/layout.h"

#include "base/fs.h"
#include "base/str.h"
#include "load.h"

#include <stdlib.h>
#include <unistd.h>

#define HEAD "#Opt\tId\tName\tType\tIP\tOffset\tBinary\n"
#define FSBL "-\t0x01\tfsbl1-boot\tBinary\tnone\t0x0\ttf-a.stm32\n"

static struct image *load_named(const char *name, const char *text)
{
    struct image *image = NULL;
    struct err err = {0};

    cr_assert_eq(image_load(name, text, strlen(text), NULL, &image, &err), 0, "%s", err.message);
    return image;
}

Test(layout, rows_are_read_as_st_writes_them)
{
    cleanup_image struct image *image =
        load_named("x.tsv", HEAD FSBL "#P\t0x02\ta\tb\tc\td\tcommented\n\n"
                                      "P\t0x03\tssbl\tBinary\t\tmmc0\t0x00084400\tfip/fip.bin\r\n"
                                      "PE\t0x12\tuserfs\tFileSystem\tmmc0\t0x28284400\tnone");

    cr_expect_str_eq(image->format, "tsv");
    cr_expect_eq(image->count, 0);
    cr_assert_eq(image->layout->count, 3);
    cr_expect_str_eq(image->layout->files[0].name, "tf-a.stm32");
    cr_expect_eq(image->layout->files[1].line, 5);
    cr_expect_str_eq(image->layout->files[1].name, "fip/fip.bin");
    cr_expect_null(image->layout->files[2].name);
}

Test(layout, the_head_is_not_needed)
{
    cleanup_image struct image *image = load_named("x.tsv", FSBL);

    cr_expect_eq(image->layout->count, 1);
}

Test(layout, mistakes_are_told_with_their_line)
{
    refuse_text(HEAD FSBL "P\t0x04\tfsbl1\tBinary\tmmc0\ttf-a.stm32\n",
                "fw:3: 6 columns of a flash layout, there must be 7, parted by tabs");
    refuse_text(HEAD "P\t0x04\tfsbl1\tBinary\tmmc0\t0x1\ta\tb\n",
                "fw:2: 8 columns of a flash layout, there must be 7, parted by tabs");
    refuse_text("# only a comment\n",
                "fw: neither ELF, Intel HEX, S-record, UF2 nor a flash layout; "
                "if it is a raw binary, say where it belongs with --at ADDRESS");
}

Test(layout, a_raw_binary_is_none)
{
    struct image_options options = {.has_at = true, .at = 0x08000000};
    struct image *image = NULL;

    cr_assert_eq(image_load("fw", FSBL, strlen(FSBL), &options, &image, NULL), 0);
    cr_expect_str_eq(image->format, "bin");
    image_free(image);
}

static void put(const char *dir, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(dir, name);

    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
}

Test(layout, its_files_are_found_read_and_part_of_the_digest)
{
    struct ctx ctx = ctx_root(-1, NULL);
    cleanup_buf struct buf text = BUF_INIT(65536);
    cleanup_free char *dir = NULL, *name = NULL, *want = NULL;
    char first[SHA256_HEX_SIZE];
    struct err err = {0};

    cr_assert_eq(fs_temp_dir(&dir, NULL), 0);
    name = fs_join(dir, "x.tsv");
    put(dir, "tf-a.stm32", "abc");
    for (int i = 0; i < 2; i++) {
        cleanup_image struct image *image = load_named(name, HEAD FSBL);
        cr_assert_eq(layout_resolve(image, &ctx, &err), 0, "%s", err.message);
        cr_expect_eq(image->size_bytes, i ? 4 : 3);
        if (!i)
            memcpy(first, image->sha256, sizeof first);
        else
            cr_expect_str_neq(image->sha256, first);
        buf_clear(&text);
        cr_assert_eq(layout_write(image, &text, NULL), 0);
        put(dir, "tf-a.stm32", "abcd");
    }
    want = xasprintf("-\t0x01\tfsbl1-boot\tBinary\tnone\t0x0\t%s/tf-a.stm32\n", dir);
    cr_expect_str_eq(text.data, want);
    cleanup_image struct image *image =
        load_named(name, HEAD FSBL "P\t0x3\ta\tb\tc\t0x0\tnot-there.bin\n");
    cr_expect_eq(layout_resolve(image, &ctx, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "x.tsv:3: 'not-there.bin' is no file"), "%s", err.message);
    fs_remove_tree(dir);
}
