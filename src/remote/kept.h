/* SPDX-License-Identifier: MIT
 *
 * kept: the files of runs that went on after their link had ended, until they are collected.
 *
 * A directory STATE/agent/kept/KEY each, locked for as long as its run is at work. The client makes
 * the key, KEPT_KEY_SIZE - 1 hexadecimal digits, and is told nothing of other keys. What nobody has
 * collected for KEPT_MAX_S since its run ended goes when the next agent begins; the oldest beyond
 * KEPT_MAX, or KEPT_BYTES_MAX in all, goes for a new one. What is at work stays. Blocks as the disk
 * does.
 */
#ifndef HIL_REMOTE_KEPT_H
#define HIL_REMOTE_KEPT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_KEY_SIZE 33
#define KEPT_MAX 64
#define KEPT_MAX_S (14 * 24 * 3600)
#define KEPT_BYTES_MAX (UINT64_C(4) << 30)

enum { KEPT_AT_WORK = 1, KEPT_NONE = 2 }; /* codes of an "end" */

bool kept_key_valid(const char *key);
int kept_key_make(char key[KEPT_KEY_SIZE], struct err *err);
/* Ends what is too old, and the oldest until there are at most so many, with so many bytes. */
void kept_sweep(const char *base, size_t max, uint64_t max_bytes);
/* A new one; *ret_fd holds it, *ret_dir is the directory in it that the run may make its own. Both
 * are the caller's. */
int kept_begin(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err);
/* Its run has ended: from now on it ages, by the clock as it is now. */
void kept_end(int fd);
/* -ERR_BUSY: its run is at work; -ERR_NOT_FOUND. */
int kept_open(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err);
void kept_forget(const char *base, const char *key);

#endif
