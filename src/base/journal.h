/* SPDX-License-Identifier: MIT
 *
 * journal: a line for the systemd journal, with fields that it can be asked by.
 *
 *     journal_open(&journal, fileno(out), JOURNAL_SOCKET);
 *     if (!journal_send(&journal, JOURNAL_ERR, text, fields))
 *         fprintf(out, "%s\n", text);
 *     journal_close(&journal);
 *
 * Only where $JOURNAL_STREAM says that the descriptor is the journal's (systemd.exec(5)): elsewhere
 * nothing is opened, and journal_send() is false. Text from outside is made one line of UTF-8, so
 * no board writes fields. Never blocks: an entry that the journal does not take at once is false,
 * too. May be used after a fork.
 *
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */
#ifndef HIL_BASE_JOURNAL_H
#define HIL_BASE_JOURNAL_H

#include <stdbool.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum journal_priority { JOURNAL_ERR = 3, JOURNAL_WARNING, JOURNAL_NOTICE, JOURNAL_INFO };

struct journal_field { /* name: capitals; value NULL or "": left out */
    const char *name, *value;
};

struct journal {
    int fd;             /* -1: the journal is not listened to by whom we print for */
    const char *socket; /* borrowed */
};

void journal_open(struct journal *journal, int out_fd, const char *socket);
/* `fields` ends with a name of NULL; NULL: none. True: it is in the journal. */
bool journal_send(const struct journal *journal, enum journal_priority priority,
                  const char *message, const struct journal_field *fields);
void journal_close(struct journal *journal);

#endif
