/* SPDX-License-Identifier: MIT
 *
 * minisign: Ed25519 signatures as minisign(1) and signify write them into a file beside the signed
 * one.
 *
 *     minisign_read_key(text, n, &key, err)         the public key: the file, or its second line
 *     minisign_read(text, n, &signature, err)       the .minisig file
 *     minisign_verify(&key, &signature, ...)        says whether the bytes are what was signed
 *
 * Format: https://jedisct1.github.io/minisign/#signature-format. "ED" signs the BLAKE2b-512 of the
 * file, so that a stream will do; the older "Ed" signs the file as a whole. Nothing blocks.
 */
#ifndef HIL_SOURCE_MINISIGN_H
#define HIL_SOURCE_MINISIGN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINISIGN_HASH_BYTES 64 /* BLAKE2b-512 */
#define MINISIGN_COMMENT_MAX 1024
#define MINISIGN_FILE_MAX ((size_t)8192)

struct minisign_key {
    uint8_t id[8], key[32];
};

struct minisign_signature {
    bool hashed; /* of the file's BLAKE2b-512, not of the file */
    uint8_t id[8], bytes[64], global[64];
    char comment[MINISIGN_COMMENT_MAX + 1]; /* trusted once verified */
};

/* -ERR_DATA: not such a file. */
int minisign_read_key(const char *text, size_t count, struct minisign_key *ret, struct err *err);
int minisign_read(const char *text, size_t count, struct minisign_signature *ret, struct err *err);
/* `signed_bytes` is the file, or its hash where signature->hashed. -ERR_REFUSED: another key's, or
 * not what was signed. */
int minisign_verify(const struct minisign_key *key, const struct minisign_signature *signature,
                    const uint8_t *signed_bytes, size_t count, struct err *err);

#endif
