/* SPDX-License-Identifier: MIT
 *
 * print: the little of printf that test output needs, straight to the USART.
 *
 * "\n" goes out as the chosen format's framework sends it (see speak_newline in speak.h).
 */
#ifndef PRINT_H
#define PRINT_H

#include <stdint.h>

int print_char(int c); /* returns it, as putchar() does */
void print_text(const char *text);
void print_uint(uint32_t number);
void print_hex(uint32_t number); /* 0x0000BEEF */

#endif
