/* SPDX-License-Identifier: MIT
 *
 * lock_file: a file whose bytes are locks that all users of the host share.
 *
 * Locks belong to the open file (fcntl F_OFD_SETLK): the kernel drops them with the last process
 * that has it open. The bytes need not exist. Never blocks.
 */
#ifndef HIL_BOARD_LOCK_FILE_H
#define HIL_BOARD_LOCK_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Made where it is missing. Closed by the caller, close-on-exec. */
int lock_file_open(const char *path, int *ret_fd, struct err *err);
/* F_WRLCK, F_RDLCK or F_UNLCK. False: somebody else has the byte. */
bool lock_file_set(int fd, short type, off_t byte);

#endif
