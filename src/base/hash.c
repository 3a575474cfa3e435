/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <sodium/crypto_hash_sha256.h>

void hex_encode(const void *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *b = bytes;

    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * count] = '\0';
}

void sha256_hex(const void *bytes, size_t count, char out[SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, bytes, count);
    hex_encode(digest, sizeof digest, out);
}
