/* SPDX-License-Identifier: MIT
 *
 * kept: the files of runs that went on after their link had ended, until they are collected.
 *
 * A directory STATE/agent/kept/KEY each, locked for as long as its run is at work. The client makes
 * the key, KEPT_KEY_SIZE - 1 hexadecimal digits, and is told nothing of other keys. What nobody has
 * collected for KEPT_MAX_S makes room, and the oldest beyond KEPT_MAX. Blocks as the disk does.
 */
#ifndef HIL_REMOTE_KEPT_H
#define HIL_REMOTE_KEPT_H

#include "base/err.h"

#include <stdbool.h>

#define KEPT_KEY_SIZE 33
#define KEPT_MAX 64
#define KEPT_MAX_S (14 * 24 * 3600)

enum { KEPT_AT_WORK = 1, KEPT_NONE = 2 }; /* codes of an "end" */

bool kept_key_valid(const char *key);
int kept_key_make(char key[KEPT_KEY_SIZE], struct err *err);
/* A new one; *ret_fd holds it, *ret_dir is the directory in it that the run may make its own. Both
 * are the caller's. */
int kept_begin(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err);
/* -ERR_BUSY: its run is at work; -ERR_NOT_FOUND. */
int kept_open(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err);
void kept_forget(const char *base, const char *key);

#endif
