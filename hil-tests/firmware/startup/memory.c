/* SPDX-License-Identifier: MIT
 *
 * The functions that GCC calls even in freestanding code, for copies and clears it does not inline.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    char *out = to;
    const char *in = from;
    while (size--)
        *out++ = *in++;
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    char *out = to;
    while (size--)
        *out++ = (char)byte;
    return to;
}
