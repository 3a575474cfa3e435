/* SPDX-License-Identifier: MIT */
#include "source/minisign.h"

#include "base/hash.h"
#include "base/str.h"

#include <sodium.h>
#include <string.h>

#define ALGORITHM_BYTES 2
#define ID_BYTES 8

/* The next line without its end; false at the end of the text. */
static bool next_line(const char **at, const char *end, const char **ret_line, size_t *ret_length)
{
    const char *line = *at, *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

    if (line >= end)
        return false;
    if (!stop)
        stop = end;
    *at = stop < end ? stop + 1 : end;
    if (stop > line && stop[-1] == '\r')
        stop--;
    *ret_line = line;
    *ret_length = (size_t)(stop - line);
    return true;
}

static bool decode(const char *line, size_t length, uint8_t *ret, size_t expected)
{
    size_t got = 0;

    return sodium_base642bin(ret, expected, line, length, NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == expected;
}

static bool is_comment(const char *line, size_t length, const char *kind)
{
    return length >= strlen(kind) && !memcmp(line, kind, strlen(kind));
}

int minisign_read_key(const char *text, size_t count, struct minisign_key *ret, struct err *err)
{
    uint8_t bytes[ALGORITHM_BYTES + ID_BYTES + sizeof ret->key];
    const char *line, *end = text + count;
    size_t length;

    if (!next_line(&text, end, &line, &length) ||
        (is_comment(line, length, "untrusted comment:") &&
         !next_line(&text, end, &line, &length)) ||
        !decode(line, length, bytes, sizeof bytes) || memcmp(bytes, "Ed", ALGORITHM_BYTES) != 0)
        return err_set(err, ERR_DATA, "is no minisign public key");
    memcpy(ret->id, bytes + ALGORITHM_BYTES, ID_BYTES);
    memcpy(ret->key, bytes + ALGORITHM_BYTES + ID_BYTES, sizeof ret->key);
    return 0;
}

int minisign_read(const char *text, size_t count, struct minisign_signature *ret, struct err *err)
{
    static const char trusted[] = "trusted comment: ";
    uint8_t bytes[ALGORITHM_BYTES + ID_BYTES + sizeof ret->bytes];
    const char *line, *end = text + count;
    size_t length;

    if (!next_line(&text, end, &line, &length) || !is_comment(line, length, "untrusted comment:") ||
        !next_line(&text, end, &line, &length) || !decode(line, length, bytes, sizeof bytes) ||
        (memcmp(bytes, "Ed", ALGORITHM_BYTES) != 0 && memcmp(bytes, "ED", ALGORITHM_BYTES) != 0))
        return err_set(err, ERR_DATA, "is no minisign signature");
    ret->hashed = bytes[1] == 'D';
    memcpy(ret->id, bytes + ALGORITHM_BYTES, ID_BYTES);
    memcpy(ret->bytes, bytes + ALGORITHM_BYTES + ID_BYTES, sizeof ret->bytes);
    if (!next_line(&text, end, &line, &length) || !is_comment(line, length, trusted) ||
        length - strlen(trusted) > MINISIGN_COMMENT_MAX)
        return err_set(err, ERR_DATA, "is a signature without a trusted comment");
    memset(ret->comment, 0, sizeof ret->comment);
    memcpy(ret->comment, line + strlen(trusted), length - strlen(trusted));
    if (strlen(ret->comment) != length - strlen(trusted) ||
        !next_line(&text, end, &line, &length) ||
        !decode(line, length, ret->global, sizeof ret->global))
        return err_set(err, ERR_DATA, "is a signature whose comment is not signed");
    return 0;
}

int minisign_verify(const struct minisign_key *key, const struct minisign_signature *signature,
                    const uint8_t *signed_bytes, size_t count, struct err *err)
{
    uint8_t global[sizeof signature->bytes + MINISIGN_COMMENT_MAX];
    size_t length = strlen(signature->comment);

    if (memcmp(key->id, signature->id, ID_BYTES) != 0) {
        char wants[2 * ID_BYTES + 1], has[2 * ID_BYTES + 1];
        hex_encode(key->id, ID_BYTES, wants);
        hex_encode(signature->id, ID_BYTES, has);
        return err_set(err, ERR_REFUSED, "is signed by another key (id %s, not %s)", has, wants);
    }
    if (crypto_sign_verify_detached(signature->bytes, signed_bytes, count, key->key) != 0)
        return err_set(err, ERR_REFUSED,
                       "wrong signature: these are not the bytes that were signed");
    memcpy(global, signature->bytes, sizeof signature->bytes);
    memcpy(global + sizeof signature->bytes, signature->comment, length);
    if (crypto_sign_verify_detached(signature->global, global, sizeof signature->bytes + length,
                                    key->key) != 0)
        return err_set(err, ERR_REFUSED, "wrong signature of the trusted comment");
    return 0;
}
