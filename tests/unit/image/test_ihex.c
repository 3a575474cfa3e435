/* SPDX-License-Identifier: MIT */
#include "load.h"

#define END_RECORD ":00000001FF\n"

Test(ihex, reads_records_and_entry)
{
    cleanup_image struct image *image = load_text(":020000040800F2\n"
                                                  ":0400100001020304E2\n"
                                                  ":04000005080000D51A\n" END_RECORD);

    cr_assert_eq(image->count, 1);
    cr_expect_str_eq(image->format, "ihex");
    expect_segment(image, 0, 0x08000010, "\1\2\3\4", 4);
    cr_expect(image->has_entry);
    cr_expect_eq(image->entry, 0x080000D5);
    cr_expect_eq(image->size_bytes, 4);
}

Test(ihex, joins_adjoining_records_in_any_order_and_keeps_gaps)
{
    cleanup_image struct image *image = load_text(":0100120003EA\n"
                                                  ":0100100001EE\n"
                                                  ":0100110002EC\n"
                                                  ":0100140005E6\n" END_RECORD);

    cr_assert_eq(image->count, 2);
    expect_segment(image, 0, 0x10, "\1\2\3", 3);
    expect_segment(image, 1, 0x14, "\5", 1);
    cr_expect_not(image->has_entry);
}

Test(ihex, takes_lower_case_crlf_blank_lines_and_no_last_newline)
{
    cleanup_image struct image *image = load_text("\r\n  :02001000abcd76\r\n\r\n:00000001ff");

    cr_assert_eq(image->count, 1);
    expect_segment(image, 0, 0x10, "\xAB\xCD", 2);
}

Test(ihex, linear_record_counts_on_past_64_kib)
{
    cleanup_image struct image *image =
        load_text(":020000040001F9\n:04FFFE0001020304F5\n" END_RECORD);

    cr_assert_eq(image->count, 1);
    expect_segment(image, 0, 0x1FFFE, "\1\2\3\4", 4);
}

Test(ihex, linear_record_wraps_at_4_gib)
{
    cleanup_image struct image *image =
        load_text(":02000004FFFFFC\n:04FFFE0001020304F5\n" END_RECORD);

    cr_assert_eq(image->count, 2);
    expect_segment(image, 0, 0, "\3\4", 2);
    expect_segment(image, 1, 0xFFFFFFFE, "\1\2", 2);
}

Test(ihex, segment_offset_wraps_within_its_segment)
{
    cleanup_image struct image *image =
        load_text(":020000021000EC\n:04FFFE0001020304F5\n:040000031234000AA9\n" END_RECORD);

    cr_assert_eq(image->count, 2);
    expect_segment(image, 0, 0x10000, "\3\4", 2);
    expect_segment(image, 1, 0x1FFFE, "\1\2", 2);
    cr_expect_eq(image->entry, 0x1234A);
}

Test(ihex, names_line_and_reason_of_what_is_wrong)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {":0400100001020304E2\n:0400100001020304E3\n", "fw:2: checksum 0xe3, should be 0xe2"},
        {":0400100001020304e2\n\n:04001000010203ZZE2\n",
         "fw:3: column 16: 'Z' is not a hexadecimal digit"},
        {":0400100001020304E2 ; code\n", "fw:1: column 20: byte 0x20 is not a hexadecimal digit"},
        {":0400100001020304E\n", "fw:1: column 18: ends in the middle of a byte"},
        {":0300100001020304E3\n", "fw:1: record announces 3 data bytes and holds 4"},
        {":0500100001020304E1\n", "fw:1: record announces 5 data bytes and holds 4"},
        {":00000001\n", "fw:1: record of 4 bytes: too short"},
        {":00000006FA\n", "fw:1: unknown record type 0x06"},
        {":03000004080000F1\n", "fw:1: record of type 0x04 holds 3 data bytes, should be 2"},
        {":0200000508F1\n", "fw:1: record announces 2 data bytes and holds 1"},
        {":0100100001EE\n0100110002EC\n", "fw:2: a record must begin with ':'"},
        {":0100100001EE\n", "fw:1: no end-of-file record: the file is truncated"},
        {":0100100001EE\n" END_RECORD "\n:0100110002EC\n",
         "fw:4: data after the end-of-file record"},
        {END_RECORD, "fw: holds nothing to load"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_text(cases[i].text, cases[i].message);
}

Test(ihex, names_both_lines_of_an_overlap)
{
    refuse_text(
        ":020000040800F2\n:0400100001020304E2\n:0400140001020304DE\n:0100170009DF\n" END_RECORD,
        "fw: lines 3 and 4 both hold address 0x8000017");
}

Test(ihex, refuses_a_line_without_end)
{
    char text[2000] = ":";

    memset(text + 1, '0', sizeof text - 2);
    refuse_text(text, "fw:1: record of more than 260 bytes");
}
