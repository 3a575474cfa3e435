/* SPDX-License-Identifier: MIT
 *
 * Prints for ever, and nothing of it is a test.
 */
#include "print.h"

int main(void)
{
    for (uint32_t second = 0;; second++) {
        print_text("[");
        print_uint(second);
        print_text("] radio: scanning channel ");
        print_uint(11 + second % 16);
        print_text(", no beacon\n");
    }
}
