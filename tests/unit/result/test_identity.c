/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "result/identity.h"

#include <criterion/criterion.h>

Test(identity, build_ids_have_whole_bytes_and_enough_of_them)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"auto", false},
        {"abcdef", false},
        {"ABCDef01", true},
        {"abcdef012", false},
        {"0123456789abcdef", true},
        {"0123456789abcdef0123456789abcdef01234567", true},
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true},
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01", false},
        {"0123456789abcdeg", false},
        {" 0123456789abcde", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(build_id_valid(rows[i].text), rows[i].valid, "%s", rows[i].text);
}

Test(identity, all_that_can_be_seen_must_be)
{
    static const struct {
        enum proof build_id, nonce;
        bool proven, missing;
    } rows[] = {
        {PROOF_NONE, PROOF_NONE, false, false},     {PROOF_SEEN, PROOF_NONE, true, false},
        {PROOF_NONE, PROOF_SEEN, true, false},      {PROOF_SEEN, PROOF_SEEN, true, false},
        {PROOF_SEEN, PROOF_ABSENT, false, true},    {PROOF_ABSENT, PROOF_SEEN, false, true},
        {PROOF_SEEN, PROOF_OTHER, false, true},     {PROOF_OTHER, PROOF_SEEN, false, true},
        {PROOF_UNKNOWN, PROOF_NONE, false, false},  {PROOF_UNKNOWN, PROOF_SEEN, true, false},
        {PROOF_UNKNOWN, PROOF_ABSENT, false, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct identity identity = {.build_id = rows[i].build_id, .nonce = rows[i].nonce};
        cr_expect_eq(identity_proven(&identity), rows[i].proven, "row %zu", i);
        cr_expect_eq(identity_missing(&identity), rows[i].missing, "row %zu", i);
    }
}
