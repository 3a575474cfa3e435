/* SPDX-License-Identifier: MIT */
#include "load.h"

Test(srec, reads_all_address_widths_and_entry)
{
    cleanup_image struct image *image = load_text("S00600004844521B\n"
                                                  "S10510000102E7\n"
                                                  "S206012000AABB73\n"
                                                  "S30708000010CAFE18\n"
                                                  "S5030003F9\n"
                                                  "S70508000011E1\n");

    cr_assert_eq(image->count, 3);
    expect_segment(image, 0, 0x1000, "\1\2", 2);
    expect_segment(image, 1, 0x012000, "\xAA\xBB", 2);
    expect_segment(image, 2, 0x08000010, "\xCA\xFE", 2);
    cr_expect(image->has_entry);
    cr_expect_eq(image->entry, 0x08000011);
}

Test(srec, a_zero_start_address_is_no_entry)
{
    cleanup_image struct image *image = load_text("S10510000102E7\r\nS9030000FC");

    cr_expect_not(image->has_entry);
}

Test(srec, counts_records_in_24_bits_too)
{
    cleanup_image struct image *image = load_text("S10510000102E7\nS604000001FA\nS804000020DB\n");

    cr_expect_eq(image->entry, 0x20);
}

Test(srec, names_line_and_reason_of_what_is_wrong)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"S10510000102E8\n", "fw:1: checksum 0xe8, should be 0xe7"},
        {"S1051000010gE7\n", "fw:1: column 12: 'g' is not a hexadecimal digit"},
        {"S10610000102E6\n", "fw:1: record announces 6 bytes and holds 5"},
        {"S1021000\n", "fw:1: record of 3 bytes: too short"},
        {"S10510000102E7\nS4030000FC\n", "fw:2: unknown record type S4"},
        {"S10510000102E7\nT9030000FC\n", "fw:2: a record must begin with 'S' and a digit"},
        {"S10510000102E7\nS5030002FA\n", "fw:2: counts 2 data records, the file has 1 so far"},
        {"S10510000102E7\n", "fw:1: no termination record (S7, S8 or S9): the file is truncated"},
        {"S9030000FC\nS10510000102E7\n", "fw:2: data after the termination record"},
        {"S9030000FC\n", "fw: holds nothing to load"},
        {"S10510000102E7\nS10510010102E6\nS9030000FC\n",
         "fw: lines 1 and 2 both hold address 0x1001"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_text(cases[i].text, cases[i].message);
}
