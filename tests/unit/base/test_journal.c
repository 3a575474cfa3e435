/* SPDX-License-Identifier: MIT */
#include "base/journal.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram socket that stands for the journal's, and a pipe for the stream that goes there. */
struct stand_in {
    char dir[32];
    struct sockaddr_un at;
    int ear, out[2];
};

static void stand_in_open(struct stand_in *it)
{
    struct stat stat;
    char stream[64];

    *it = (struct stand_in){.dir = "/tmp/hil-journal-XXXXXX", .at.sun_family = AF_UNIX};
    cr_assert(mkdtemp(it->dir));
    snprintf(it->at.sun_path, sizeof it->at.sun_path, "%s/socket", it->dir);
    it->ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(it->ear, (struct sockaddr *)&it->at, sizeof it->at), 0);
    cr_assert_eq(pipe(it->out), 0);
    cr_assert_eq(fstat(it->out[1], &stat), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

static void stand_in_close(struct stand_in *it)
{
    close(it->ear);
    close(it->out[0]);
    close(it->out[1]);
    unlink(it->at.sun_path);
    rmdir(it->dir);
    unsetenv("JOURNAL_STREAM");
}

static void check_entry(const struct stand_in *it, const char *expected)
{
    char entry[70000];
    ssize_t got = recv(it->ear, entry, sizeof entry - 1, 0);

    cr_assert_geq(got, 0, "nothing came");
    entry[got] = '\0';
    cr_assert_str_eq(entry, expected);
}

Test(journal, an_entry_has_its_fields_and_no_others)
{
    static const struct journal_field fields[] = {
        {"HIL_BOARD", "uno"}, {"HIL_TAG", NULL},
        {"HIL_IMAGE", ""},    {"HIL_REASON", "a\nPRIORITY=0\r\xff\x1b[2J"},
        {NULL, NULL},
    };
    struct stand_in it;
    struct journal journal;

    stand_in_open(&it);
    journal_open(&journal, it.out[1], it.at.sun_path);
    cr_assert(journal_send(&journal, JOURNAL_ERR, "uno: two\nlines", fields));
    check_entry(&it, "SYSLOG_IDENTIFIER=hil\nPRIORITY=3\nMESSAGE=uno: two lines\nHIL_BOARD=uno\n"
                     "HIL_REASON=a PRIORITY=0 \xEF\xBF\xBD\xEF\xBF\xBD[2J\n");
    cr_assert(journal_send(&journal, JOURNAL_INFO, "", NULL));
    check_entry(&it, "SYSLOG_IDENTIFIER=hil\nPRIORITY=6\nMESSAGE=\n");
    journal_close(&journal);
    stand_in_close(&it);
}

Test(journal, what_is_long_is_cut)
{
    char text[100000];
    struct journal_field fields[] = {{"HIL_REASON", text}, {NULL, NULL}};
    char entry[70000];
    struct stand_in it;
    struct journal journal;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    stand_in_open(&it);
    journal_open(&journal, it.out[1], it.at.sun_path);
    cr_assert(journal_send(&journal, JOURNAL_ERR, text, fields));
    cr_assert_eq(recv(it.ear, entry, sizeof entry, 0),
                 strlen("SYSLOG_IDENTIFIER=hil\nPRIORITY=3\nMESSAGE=\nHIL_REASON=\n") + 4096 +
                     1024);
    journal_close(&journal);
    stand_in_close(&it);
}

Test(journal, only_what_goes_there_anyway_goes_there)
{
    static const char *const streams[] = {NULL, "", "0:0", "1:2:3", "x"};
    struct stand_in it;
    struct journal journal;
    char byte;

    stand_in_open(&it);
    journal_open(&journal, it.ear, it.at.sun_path); /* a descriptor that is another's */
    cr_assert_not(journal_send(&journal, JOURNAL_ERR, "x", NULL));
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        if (streams[i])
            setenv("JOURNAL_STREAM", streams[i], 1);
        else
            unsetenv("JOURNAL_STREAM");
        journal_open(&journal, it.out[1], it.at.sun_path);
        cr_assert_eq(journal.fd, -1, "row %zu", i);
        cr_assert_not(journal_send(&journal, JOURNAL_ERR, "x", NULL));
        journal_close(&journal);
    }
    cr_assert_eq(recv(it.ear, &byte, 1, 0), -1, "nothing was sent");
    stand_in_close(&it);
}

Test(journal, one_that_does_not_listen_does_not_hold_us_up)
{
    struct stand_in it;
    struct journal journal;
    size_t sent = 0;

    stand_in_open(&it);
    journal_open(&journal, it.out[1], it.at.sun_path);
    while (journal_send(&journal, JOURNAL_INFO, "nobody reads it", NULL))
        cr_assert_lt(sent++, 100000, "it never refused one");
    cr_assert_gt(sent, 0);
    /* Started anew, as systemd does: the same place, another socket. */
    close(it.ear);
    unlink(it.at.sun_path);
    cr_assert_not(journal_send(&journal, JOURNAL_INFO, "gone", NULL));
    it.ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(it.ear, (struct sockaddr *)&it.at, sizeof it.at), 0);
    cr_assert(journal_send(&journal, JOURNAL_INFO, "back", NULL));
    check_entry(&it, "SYSLOG_IDENTIFIER=hil\nPRIORITY=6\nMESSAGE=back\n");
    journal_close(&journal);
    stand_in_close(&it);
}
