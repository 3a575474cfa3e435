/* SPDX-License-Identifier: MIT */
#include "base/journal.h"

#include "base/str.h"
#include "base/text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MESSAGE_MAX 4096
#define VALUE_MAX 1024
#define ENTRY_MAX ((size_t)64 << 10) /* a datagram of this size every kernel takes */

/* Set for stderr where that is the journal's, and inherited by programs whose output is elsewhere:
 * so it names the stream. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat stat;

    if (!stream || fstat(fd, &stat) < 0)
        return false;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
    return str_eq(stream, own);
}

void journal_open(struct journal *journal, int out_fd, const char *socket_path)
{
    *journal = (struct journal){.fd = -1, .socket = socket_path};
    if (is_journal(out_fd))
        journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void add(struct buf *entry, const char *name, const char *value, size_t max)
{
    cleanup_free char *clean = text_clean_dup(value, max, TEXT_ONE_LINE);

    buf_addf(entry, "%s=%s\n", name, clean);
}

bool journal_send(const struct journal *journal, enum journal_priority priority,
                  const char *message, const struct journal_field *fields)
{
    cleanup_buf struct buf entry = BUF_INIT(ENTRY_MAX);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (journal->fd < 0 || strlen(journal->socket) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, journal->socket, strlen(journal->socket));
    buf_addf(&entry, "SYSLOG_IDENTIFIER=hil\nPRIORITY=%d\n", priority);
    add(&entry, "MESSAGE", message, MESSAGE_MAX);
    for (; fields && fields->name; fields++)
        if (fields->value && *fields->value)
            add(&entry, fields->name, fields->value, VALUE_MAX);
    /* Not connected: a journal that is started anew has another socket at the same place. */
    return sendto(journal->fd, entry.data, entry.size, MSG_NOSIGNAL, (struct sockaddr *)&address,
                  sizeof address) == (ssize_t)entry.size;
}

void journal_close(struct journal *journal)
{
    close_fd(&journal->fd);
}
