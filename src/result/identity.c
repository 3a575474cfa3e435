/* SPDX-License-Identifier: MIT */
#include "result/identity.h"

#include <stddef.h>
#include <string.h>

bool build_id_valid(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789abcdefABCDEF") : 0;

    return digits >= BUILD_ID_DIGITS_MIN && digits <= BUILD_ID_DIGITS_MAX && digits % 2 == 0 &&
           !text[digits];
}

const char *proof_name(enum proof proof)
{
    static const char *const names[] = {[PROOF_NONE] = "none",
                                        [PROOF_UNKNOWN] = "unknown",
                                        [PROOF_ABSENT] = "absent",
                                        [PROOF_OTHER] = "other",
                                        [PROOF_SEEN] = "seen"};

    return names[proof];
}

/* Nothing is left to be waited for. */
static bool settled(enum proof proof)
{
    return proof == PROOF_SEEN || proof == PROOF_NONE || proof == PROOF_UNKNOWN;
}

bool identity_proven(const struct identity *identity)
{
    bool any = identity->build_id == PROOF_SEEN || identity->nonce == PROOF_SEEN;

    return any && !identity_missing(identity);
}

bool identity_missing(const struct identity *identity)
{
    return !settled(identity->build_id) || !settled(identity->nonce);
}
