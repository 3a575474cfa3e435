/* SPDX-License-Identifier: MIT
 *
 * hash: SHA-256 (FIPS 180-4) as lower-case hexadecimal.
 */
#ifndef HIL_BASE_HASH_H
#define HIL_BASE_HASH_H

#include <stddef.h>

#define SHA256_HEX_SIZE 65 /* 64 digits and the NUL */

void sha256_hex(const void *bytes, size_t count, char out[SHA256_HEX_SIZE]);
/* Any bytes as hexadecimal; `out` holds 2 * count + 1. */
void hex_encode(const void *bytes, size_t count, char *out);

#endif
