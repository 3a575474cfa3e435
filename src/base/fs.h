/* SPDX-License-Identifier: MIT
 *
 * fs: files and directories, with every error naming its path.
 *
 * Reading has a ceiling; writing a whole file is atomic (a temporary file beside it, then rename),
 * so a reader never sees half of it. Descriptors are close-on-exec. Calls block for as long as the
 * disk does.
 */
#ifndef HIL_BASE_FS_H
#define HIL_BASE_FS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Appends the file's bytes to `ret`, whose ceiling holds (-ERR_LIMIT). */
int fs_read(const char *path, struct buf *ret, struct err *err);
/* Writes the whole file, or leaves what was there. A link is followed, the mode of a file that was
 * there is kept, and what is no regular file (/dev/stdout) is written to as it stands. */
int fs_write(const char *path, const void *bytes, size_t count, struct err *err);
/* A file that is written over a while and becomes visible as a whole:
 * open, write to fd, then commit (rename) or abort (remove). */
struct fs_draft {
    char *path, *draft_path;
    int fd;
};
int fs_draft_open(struct fs_draft *draft, const char *path, struct err *err);
int fs_draft_commit(struct fs_draft *draft, struct err *err); /* also frees */
void fs_draft_abort(struct fs_draft *draft);                  /* harmless after commit */

/* Room on the disk under `dir`, for what is to be written at the end whatever comes before: a
 * descriptor that holds so many bytes until it is closed; -1: none can be held. Its file has no
 * name. */
int fs_hold_room(const char *dir, size_t bytes);

int fs_write_all(int fd, const void *bytes, size_t count, const char *path, struct err *err);
/* mkdir -p. New directories get `mode`. */
int fs_mkdirs(const char *path, mode_t mode, struct err *err);
bool fs_exists(const char *path);
/* A new directory in $TMPDIR or /tmp, for us alone. Caller frees the name. */
int fs_temp_dir(char **ret, struct err *err);
/* rm -rf, which follows no link. What cannot be removed stays. */
void fs_remove_tree(const char *path);
char *fs_join(const char *dir,
              const char *name); /* caller frees; an absolute name stays as it is */
const char *fs_basename(const char *path);
char *fs_dirname(const char *path); /* caller frees; "." where there is none */
/* A name made safe for one path component: anything but [A-Za-z0-9._+-] becomes '_', never empty,
 * never starts with '.' or '-', at most 100 bytes. Caller frees. */
char *fs_safe_name(const char *name);

/* Where locks and sockets live for as long as the host is up: $HIL_RUNTIME_DIR, or
 * /run/lock/hil (shared by all users), or /tmp/hil-runtime. Created where missing. Caller frees. */
int fs_runtime_dir(char **ret, struct err *err);
/* Where history lives: $HIL_STATE_DIR, $XDG_STATE_HOME/hil, ~/.local/state/hil; /var/lib/hil for
 * root without HOME. Not created. Caller frees. */
char *fs_state_dir(void);

#endif
