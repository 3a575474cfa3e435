/* SPDX-License-Identifier: MIT
 *
 * newest: what GitHub has for a watch, and which of it is a board's.
 *
 *     newest_ask(github, conf, ctx, &newest, err)
 *     newest_for_board(&newest, conf, board, &file, &image, err)
 *     newest_fetch(&newest, file, conf, options, dir, ctx, &path, err)
 *     newest_done(&newest)
 *
 * An unchanged answer costs no rate limit (http_cache). Blocking, threads: as github.
 */
#ifndef HIL_SERVE_NEWEST_H
#define HIL_SERVE_NEWEST_H

#include "serve/watch_conf.h"
#include "source/download.h"
#include "source/github.h"

struct newest {
    char *tag; /* "v1.2", or of artifacts "run 4711"; clean text */
    int64_t run_id;
    struct github_files files;
};
int newest_ask(struct github *github, const struct watch_conf *conf, const struct ctx *ctx,
               struct newest *ret, struct err *err);
void newest_done(struct newest *newest); /* zeroed is fine */

/* *ret_image names the bytes: what GitHub says of their digest, else the asset itself, and which
 * member of them is meant; the caller frees. The file is borrowed. */
int newest_for_board(const struct newest *newest, const struct watch_conf *conf,
                     const struct board_conf *board, const struct github_file **ret_file,
                     char **ret_image, struct err *err);

/* Where the file is kept below `dir`: by what it is and how it had to be proved. Caller frees. */
char *newest_place(const struct github_file *file, const struct watch_conf *conf, const char *dir);
/* Downloads it whole to its place, unless it is there and good; checks what the watch requires. The
 * file's path is in *ret_path; the caller frees. `options` says how patiently, and as who. */
int newest_fetch(const struct newest *newest, const struct github_file *file,
                 const struct watch_conf *conf, const struct download_request *options,
                 const char *dir, const struct ctx *ctx, char **ret_path, struct err *err);

#endif
