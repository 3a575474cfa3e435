/* SPDX-License-Identifier: MIT
 *
 * agent_files: the files that a verb leaves in its run directory, on their way over a link.
 *
 *     agent_files_follow(&files, link, err)     while it runs: what those that are followed have got
 *     agent_files_send(&files, link, err)       once it has ended: the rest of them, and all others
 *
 * A "file" frame is {name, at, last} and a piece whose first byte stands at offset `at`; pieces of
 * several files may alternate. One that has become shorter, or was replaced by the end, is sent
 * anew from its beginning, and `last` says how long it is in the end. So what a board has said is
 * here as far as the link lasted. While more than AGENT_QUEUE bytes wait for the link, nothing is
 * read. One thread; blocks as the disk does.
 */
#ifndef HIL_REMOTE_AGENT_FILES_H
#define HIL_REMOTE_AGENT_FILES_H

#include "base/str.h"
#include "remote/link.h"

#define AGENT_QUEUE ((size_t)1 << 20)

struct agent_files {
    char *dir;          /* OUT, whose directories OUT/BOARD/ hold them; NULL: nobody wants any */
    struct strv follow; /* names */
    struct agent_file {
        char *path;
        int fd; /* -1: not open */
        uint64_t at;
        bool sent; /* to its end */
    } * items;
    size_t count;
    bool listed;
};

int agent_files_follow(struct agent_files *files, struct link *link, struct err *err);
/* 1: all of them are on their way; 0: call again once the link has taken some. */
int agent_files_send(struct agent_files *files, struct link *link, struct err *err);
void agent_files_done(struct agent_files *files);

#endif
