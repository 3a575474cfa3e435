/* SPDX-License-Identifier: MIT
 *
 * Prints before main(), as boot loaders and constructors do; whoever listens too late misses it.
 */
#include "check.h"
#include "chip.h"
#include "print.h"

static unsigned banners;

__attribute__((constructor)) static void print_banner(void)
{
    print_text("\n\nboot: ");
    print_text(chip.name);
    print_text(" rev A, 3.3 V good\nboot: image is signed\nboot: jumping to ");
    print_hex(0x08000000);
    print_text("\n");
    banners++;
}

TEST(early, test_constructor_ran_once)
{
    CHECK_EQUAL(1, banners);
}

TEST(early, test_first_byte_was_heard)
{
    CHECK(banners != 0);
}
