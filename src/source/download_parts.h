/* SPDX-License-Identifier: MIT
 *
 * download_parts: what the download*.c files share: what is to be had, and where it goes.
 */
#ifndef HIL_SOURCE_DOWNLOAD_PARTS_H
#define HIL_SOURCE_DOWNLOAD_PARTS_H

#include "source/download.h"
#include "source/github.h"
#include "source/into_dir.h"
#include "source/minisign.h"

#define SIGNATURE_ENDING ".minisig"

/* Where files go: one of the two. */
struct place {
    struct source_files *files;
    struct into_dir *dir;
    size_t keep; /* of `files`: those of earlier downloads */
    struct files_taker taker;
};

struct download {
    const struct download_request *request;
    struct ctx ctx;
    struct github *github;
    char *repo; /* NULL: of no matter */
    struct minisign_key key;
    struct place place;
    struct download_report *report;
};

/* One thing to get. */
struct item {
    const char *kind; /* "artifact" "asset" "url" */
    const char *name;
    const char *sha256; /* "" none */
    int64_t size;       /* -1: not known */
    const struct github_file *file;
    const struct github_file *signature; /* the asset beside it; NULL: none */
};

bool download_wants_attestation(const struct download_request *request);
/* Fetches one thing and judges it; its files are in the place then, and its record in the report.
 */
int download_one(struct download *download, const struct item *item, struct err *err);

#endif
