/* SPDX-License-Identifier: MIT
 *
 * golden/source/minisign was made with minisign 0.11: fw.hex.minisig signs the hash, old.minisig
 * (-l) the bytes; other.pub is another key.
 */
#include "source/minisign.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <sodium/crypto_generichash.h>
#include <string.h>

#define GOLDEN HIL_TEST_DATA "/source/minisign/"

static struct buf load(const char *name)
{
    cleanup_free char *path = fs_join(GOLDEN, name);
    struct buf text = BUF_INIT(8192);
    struct err err = {0};

    cr_assert_eq(fs_read(path, &text, &err), 0, "%s", err.message);
    return text;
}

static int verify(const char *key_name, const char *signature_name, void (*spoil)(struct buf *),
                  struct err *err)
{
    cleanup_buf struct buf file = load("fw.hex"), key_text = load(key_name),
                           text = load(signature_name);
    struct minisign_key key;
    struct minisign_signature signature;
    uint8_t hash[MINISIGN_HASH_BYTES];
    int rc;

    if (spoil)
        spoil(&text);
    rc = minisign_read_key(key_text.data, key_text.size, &key, err);
    if (rc == 0)
        rc = minisign_read(text.data, text.size, &signature, err);
    if (rc < 0)
        return rc;
    crypto_generichash(hash, sizeof hash, (uint8_t *)file.data, file.size, NULL, 0);
    return signature.hashed
               ? minisign_verify(&key, &signature, hash, sizeof hash, err)
               : minisign_verify(&key, &signature, (uint8_t *)file.data, file.size, err);
}

Test(minisign, good_signatures_of_both_kinds)
{
    struct err err = {0};

    cr_expect_eq(verify("key.pub", "fw.hex.minisig", NULL, &err), 0, "%s", err.message);
    cr_expect_eq(verify("key.pub", "old.minisig", NULL, &err), 0, "%s", err.message);
}

Test(minisign, another_key)
{
    struct err err = {0};

    cr_expect_eq(verify("other.pub", "fw.hex.minisig", NULL, &err), -ERR_REFUSED);
    cr_expect(strstr(err.message, "another key"), "%s", err.message);
}

static void spoil_signature(struct buf *text)
{
    char *line = strchr(text->data, '\n') + 1;

    line[40] = line[40] == 'A' ? 'B' : 'A';
}

static void spoil_comment(struct buf *text)
{
    *strstr(text->data, "1.2.3") = '9';
}

static void cut(struct buf *text)
{
    text->size = (size_t)(strstr(text->data, "trusted comment: fw") - text->data);
}

static void hide(struct buf *text)
{
    memset(text->data, 'x', 30);
}

Test(minisign, whatever_was_touched)
{
    static const struct {
        void (*spoil)(struct buf *);
        int rc;
        const char *words;
    } cases[] = {
        {spoil_signature, -ERR_REFUSED, "wrong signature"},
        {spoil_comment, -ERR_REFUSED, "trusted comment"},
        {cut, -ERR_DATA, "without a trusted comment"},
        {hide, -ERR_DATA, "no minisign signature"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        cr_expect_eq(verify("key.pub", "fw.hex.minisig", cases[i].spoil, &err), cases[i].rc, "%zu",
                     i);
        cr_expect(strstr(err.message, cases[i].words), "%zu: %s", i, err.message);
    }
}

Test(minisign, a_bare_key_and_no_key)
{
    cleanup_buf struct buf text = load("key.pub");
    const char *bare = strchr(text.data, '\n') + 1;
    struct minisign_key key;

    cr_expect_eq(minisign_read_key(bare, strlen(bare), &key, NULL), 0);
    cr_expect_eq(minisign_read_key("", 0, &key, NULL), -ERR_DATA);
    cr_expect_eq(minisign_read_key(bare, 40, &key, NULL), -ERR_DATA);
}
