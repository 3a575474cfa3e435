/* SPDX-License-Identifier: MIT */
#include "print.h"

#include "chip.h"
#include "speak.h"

int print_char(int c)
{
    if (c != '\n') {
        chip_send((uint8_t)c);
        return c;
    }
    for (const char *end = speak_newline; *end; end++)
        chip_send((uint8_t)*end);
    return c;
}

void print_text(const char *text)
{
    for (; *text; text++)
        print_char(*text);
}

void print_uint(uint32_t number)
{
    char digits[11];
    char *first = digits + sizeof(digits) - 1;
    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    print_text(first);
}

void print_hex(uint32_t number)
{
    print_text("0x");
    for (int shift = 28; shift >= 0; shift -= 4)
        chip_send((uint8_t) "0123456789ABCDEF"[number >> shift & 0xF]);
}
