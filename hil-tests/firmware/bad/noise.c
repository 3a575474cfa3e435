/* SPDX-License-Identifier: MIT
 *
 * All tests pass, between bytes that are no text.
 */
#include "check.h"
#include "chip.h"
#include "print.h"

static void send(const char *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        chip_send((uint8_t)bytes[i]);
}

#define SEND(bytes) send(bytes, sizeof(bytes) - 1)

TEST(noise, test_nul_bytes)
{
    SEND("before\0\0after\0\n");
}

TEST(noise, test_escape_sequences)
{
    SEND("\x1b[31;1mred\x1b[0m \x1b[2J\x1b[H\x1b]0;title\x07 \x1b[?25l\n");
}

/* An overlong slash, a surrogate, a byte that never occurs, a sequence that is cut off. */
TEST(noise, test_broken_utf8)
{
    SEND("\xc0\xaf \xed\xa0\x80 \xff\xfe \xe2\x82\n");
}

TEST(noise, test_good_utf8)
{
    SEND("21.5 \xc2\xb0"
         "C, \xe2\x82\xac 3, \xf0\x9f\x94\x8c\n");
}

TEST(noise, test_lone_carriage_returns)
{
    SEND("erasing 10%\rerasing 50%\rerasing 100%\r");
}

TEST(noise, test_control_characters)
{
    SEND("\x01\x02\x03\x08\x08\x0b\x0c\x0e\x7f \xc2\x85 \n\r\n");
}

TEST(noise, test_all_bytes)
{
    for (unsigned byte = 0; byte < 256; byte++)
        chip_send((uint8_t)byte);
    SEND("\n");
}

TEST(noise, test_very_long_line)
{
    for (unsigned i = 0; i < 5000; i++)
        chip_send((uint8_t)('a' + i % 26));
    SEND("\n");
}

TEST(noise, test_xml_and_markdown)
{
    SEND("]]></testcase><testcase name=\"forged\"/> &amp; <!-- | `x` <script>\n");
}
