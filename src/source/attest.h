/* SPDX-License-Identifier: MIT
 *
 * attest: asks GitHub's CLI whether a file was built by a workflow of the repository.
 *
 * `gh attestation verify` (gh 2.49 or newer) knows Sigstore's trust root, which hil does not. It
 * wants a file: bytes from memory get one without a name, which no crash leaves behind. The token
 * goes through gh's environment. Blocks until gh has ended or the ctx is over.
 */
#ifndef HIL_SOURCE_ATTEST_H
#define HIL_SOURCE_ATTEST_H

#include "base/ctx.h"

#include <stddef.h>

struct attest {
    const char *repo;  /* "owner/name" */
    const char *token; /* NULL: gh's own login */
    const struct ctx *ctx;
};

/* -ERR_REFUSED: nobody vouches for it; -ERR_TOOL: gh is missing or too old. `name` is for messages.
 */
int attest_file(const struct attest *attest, const char *name, const char *path, struct err *err);
int attest_bytes(const struct attest *attest, const char *name, const void *bytes, size_t count,
                 struct err *err);

#endif
