/* SPDX-License-Identifier: MIT
 *
 * letter: a message as mail: header and text of RFC 5322 and 2045, UTF-8 in base64.
 *
 * Whatever a board printed, no line is longer than 76 characters, and nothing of it is a header.
 * Addresses are the caller's to have checked.
 */
#ifndef HIL_NOTIFY_LETTER_H
#define HIL_NOTIFY_LETTER_H

#include "base/str.h"
#include "notify/message.h"

void letter_write(const char *from, const struct strv *to, const struct message *message,
                  struct buf *out);

#endif
