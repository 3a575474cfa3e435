/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The vectors are NIST's for SHA-256 (FIPS 180-4, examples). */
Test(hash, sha256_vectors)
{
    char out[SHA256_HEX_SIZE];
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char *million = malloc(1000000);

    sha256_hex("", 0, out);
    cr_assert_str_eq(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex(NULL, 0, out);
    cr_assert_str_eq(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abc", 3, out);
    cr_assert_str_eq(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(two_blocks, strlen(two_blocks), out);
    cr_assert_str_eq(out, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', 1000000);
    sha256_hex(million, 1000000, out);
    cr_assert_str_eq(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

Test(hash, hexadecimal_of_every_byte)
{
    unsigned char bytes[256];
    char out[513];

    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    hex_encode(bytes, sizeof bytes, out);
    cr_assert_eq(strlen(out), 512);
    for (int i = 0; i < 256; i++) {
        char pair[3] = {out[2 * i], out[2 * i + 1], '\0'};
        cr_assert_eq(strtol(pair, NULL, 16), i);
        cr_assert_eq(strpbrk(pair, "ABCDEF"), NULL);
    }
    hex_encode(bytes, 0, out);
    cr_assert_str_eq(out, "");
}
