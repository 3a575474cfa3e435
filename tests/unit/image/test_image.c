/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

Test(image, takes_a_raw_binary_only_with_an_address)
{
    const struct image_options options = {.has_at = true, .at = 0x08004000};
    cleanup_image struct image *image = NULL;

    refuse_bytes("\0\1\2", 3, ERR_DATA,
                 "fw: neither ELF, Intel HEX, S-record, UF2 nor a flash layout; "
                 "if it is a raw binary, say where it belongs with --at ADDRESS");
    cr_assert_eq(image_load("fw", "\0\1\2", 3, &options, &image, NULL), 0);
    cr_expect_str_eq(image->format, "bin");
    cr_assert_eq(image->count, 1);
    expect_segment(image, 0, 0x08004000, "\0\1\2", 3);
    cr_expect_not(image->has_entry);
    cr_expect_null(image->build_id);
}

Test(image, an_address_is_refused_where_the_file_has_them)
{
    static const char text[] = ":0100100001EE\n:00000001FF\n";
    const struct image_options options = {.has_at = true, .at = 0};
    struct image *image = NULL;
    struct err err = {0};

    cr_expect_eq(image_load("fw", text, sizeof text - 1, &options, &image, &err), -ERR_USAGE);
    cr_expect_str_eq(err.message, "fw: --at is for raw binaries; this ihex file has addresses");
}

Test(image, a_raw_binary_may_begin_as_other_formats_do)
{
    static const char *const texts[] = {":0\1\2", "S1\xFF\xFF",
                                        "\x7F"
                                        "EL",
                                        "UF2\n"};
    const struct image_options options = {.has_at = true, .at = 0};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cleanup_image struct image *image = NULL;
        cr_assert_eq(image_load("fw", texts[i], 4, &options, &image, NULL), 0, "%zu", i);
        cr_expect_str_eq(image->format, "bin");
    }
}

Test(image, knows_the_digest_and_the_bytes_of_the_file)
{
    static const char text[] = "S10510000102E7\nS9030000FC";
    cleanup_image struct image *image = load_text(text);

    cr_expect_str_eq(image->name, "fw");
    cr_assert_eq(image->file_size, strlen(text));
    cr_expect_arr_eq(image->file_bytes, text, strlen(text));
    /* by sha256sum(1) */
    cr_expect_str_eq(image->sha256,
                     "edc358fb7890526db14835e08d2edd4e195b2d776f2c1e23f01c297f43c5da68");
}

Test(image, refuses_nothing_and_the_end_of_memory)
{
    const struct image_options options = {.has_at = true, .at = UINT64_MAX - 1};
    struct image *image = NULL;

    refuse_bytes("", 0, ERR_DATA, "fw: is empty");
    cr_expect_eq(image_load("fw", "abc", 3, &options, &image, NULL), -ERR_USAGE);
    image_free(NULL);
}

/* Every second byte of 5000, each a record of its own. */
Test(image, a_limit_holds_for_the_number_of_segments)
{
    char *text = malloc(5000 * 16), *at = text;

    for (unsigned i = 0; i < 5000; i++)
        at += sprintf(at, ":01%04X0000%02X\n", 2 * i, (0u - 1 - 2 * i / 256 - 2 * i % 256) & 0xFF);
    at += sprintf(at, ":00000001FF\n");
    refuse_bytes(text, (size_t)(at - text), ERR_LIMIT, "fw: more than 4096 segments");
    free(text);
}
