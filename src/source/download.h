/* SPDX-License-Identifier: MIT
 *
 * download: firmware from GitHub Actions, from a GitHub release or from a URL, checked before use.
 *
 *     download_load(&request, ctx, &files, err)          into memory, as source_load() does
 *     download_into(&request, "out", ctx, &report, err)  into a directory
 *
 * Of each download the SHA-256 is compared with what GitHub (or --sha256) says, its signature and
 * its attestation where they are asked for; only then are files handed out. What cannot be checked
 * is told to `note`, or is an error where `require` says so. All strings are borrowed.
 *
 * -ERR_USAGE: the request, or a choice it leaves open. Anything else is the lab's or GitHub's
 * fault. Blocks until `total_ms` at most; starts a thread for unpacking.
 */
#ifndef HIL_SOURCE_DOWNLOAD_H
#define HIL_SOURCE_DOWNLOAD_H

#include "base/ctx.h"
#include "base/hash.h"
#include "source/source.h"

#include <stdbool.h>

enum download_proof { PROOF_DIGEST = 1, PROOF_SIGNATURE = 2, PROOF_ATTESTATION = 4 };

struct download_request {
    const char *artifact; /* a name or a pattern */
    const char *release;  /* a tag, or "latest" */
    const char *url;      /* one of these three */
    const char *repo;     /* "owner/name"; NULL: GITHUB_REPOSITORY, or git's remote */
    uint64_t run_id;      /* 0: GITHUB_RUN_ID */
    const char *commit, *branch, *workflow;
    bool pre;
    const char *asset;  /* a name or a pattern; NULL: the only one that may be firmware, or with
                           `everything` all of them */
    const char *sha256; /* of what `url` gives */
    const char *member; /* of archives; NULL: the one firmware file, or with `everything` all */
    bool everything;
    bool whole;      /* archives stay as they are */
    bool hash_files; /* of download_into(): fill in the files' sha256 */
    const char *token_file;
    const char *minisign; /* the public key's file */
    bool attest;
    unsigned require; /* enum download_proof, or'ed */
    int64_t connect_ms, stall_ms, total_ms;
    unsigned retries;
    const char *version; /* of hil */
    void (*note)(void *arg, const char *text);
    void *arg;
};
#define DOWNLOAD_DEFAULTS .connect_ms = 15000, .stall_ms = 30000, .total_ms = 600000, .retries = 5

bool download_wanted(const struct download_request *request);
/* -ERR_USAGE: options that do not go together, or lack one another. */
int download_check(const struct download_request *request, struct err *err);

int download_load(const struct download_request *request, const struct ctx *ctx,
                  struct source_files *ret, struct err *err);

struct download_report {
    struct download_item { /* what was downloaded */
        const char *kind;  /* "artifact" "asset" "url" */
        char *name;
        uint64_t size;
        char sha256[SHA256_HEX_SIZE];
        unsigned proofs; /* that held */
        char *comment;   /* the signature's trusted comment; NULL: none */
    } * items;
    size_t count;
    struct download_file { /* what was written */
        char *path;
        uint64_t size;
        char sha256[SHA256_HEX_SIZE];
    } * files;
    size_t file_count;
};
int download_into(const struct download_request *request, const char *dir, const struct ctx *ctx,
                  struct download_report *ret, struct err *err);
void download_report_done(struct download_report *report);

#endif
