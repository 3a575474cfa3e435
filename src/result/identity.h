/* SPDX-License-Identifier: MIT
 *
 * identity: whether the board proved that it runs the image that was flashed.
 *
 * Two proofs may be asked for: the image's build-id on the console, and the echo of a nonce, a
 * random line that only firmware which runs now can know. Results count from the moment that all
 * that is asked for was seen; where it never comes they count as they are, which is told, and is a
 * fail where the proof is required.
 */
#ifndef HIL_RESULT_IDENTITY_H
#define HIL_RESULT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* A build-id as text: sha1 has 40 digits, md5 and uuid 32, xxhash 16; less would prove nothing. */
#define BUILD_ID_DIGITS_MIN 8
#define BUILD_ID_DIGITS_MAX 64
#define BUILD_ID_RULE "8 to 64 hexadecimal digits, two for each byte"
bool build_id_valid(const char *text); /* NULL is not */

enum proof {
    PROOF_NONE,    /* not asked for */
    PROOF_UNKNOWN, /* the image has no build-id that could be waited for */
    PROOF_ABSENT,
    PROOF_OTHER, /* another build-id; an echo that was not the nonce */
    PROOF_SEEN,
};
const char *proof_name(enum proof proof); /* "none" "unknown" "absent" "other" "seen" */

struct identity {
    enum proof build_id, nonce;
    const char *expected; /* build-id, lower case; NULL: none asked for or known */
    const char *printed;  /* the other build-id, lower case; NULL: there was none */
    bool nonce_asked;     /* by the firmware */
    bool required;        /* what is asked for and missing is a fail */
    uint64_t ignored;     /* results that were printed before the proof */
};

/* True where all that was asked for and can be seen was seen. */
bool identity_proven(const struct identity *identity);
/* True where some of it was not. */
bool identity_missing(const struct identity *identity);

#endif
