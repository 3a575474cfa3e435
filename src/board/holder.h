/* SPDX-License-Identifier: MIT
 *
 * holder: who has a lease, as written into its lock file for others to read.
 *
 * Blocks never. Strings belong to the holder; holder_done() frees them.
 */
#ifndef HIL_BOARD_HOLDER_H
#define HIL_BOARD_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOLDER_RECORD_MAX 16384

/* Whose turn comes first where several wait for a board that hosts share. */
enum holder_rank {
    RANK_CI,    /* in GitHub Actions, here or where it was asked for */
    RANK_WATCH, /* hil watch's */
    RANK_DESK,
};

struct holder {
    pid_t pid;             /* 0: not known */
    enum holder_rank rank; /* not in the record */
    char *
        seat; /* not in the record: its number among those who wait for a shared board; NULL: none */
    char *host;           /* another one's; NULL: it is on this host */
    char *user, *command; /* command: argv joined by blanks */
    int64_t since_unix_s;
    char *out; /* its run directory, an absolute path; NULL: it is no run, or said none */
    /* In GitHub Actions, else NULL: */
    char *repository, *run_id, *job, *attempt, *run_url;
};

/* Us: from the process and the GITHUB_* environment. What a server's hil does for somebody
 * elsewhere is told by $HIL_FOR instead of its command line. */
void holder_self(int argc, char *const *argv, struct holder *ret);
/* Takes the run directory into the record: it must be there. One that cannot be said is left
 * out. */
void holder_set_out(struct holder *holder, const char *dir);
/* What stands in $HIL_FOR of such a process: "alice@desk: hil run a.elf", in Actions with the run's
 * address. Caller frees. */
char *holder_for(const struct holder *holder);
/* "alice (pid 4711, hil run a.elf) since 12:03:44", of another host "alice on bench-2 (pid ...",
 * one line, clean text; in Actions with the run's address. Caller frees. */
char *holder_describe(const struct holder *holder);
void holder_done(struct holder *holder);

/* The record as JSON, with `since_unix_s` in place of the holder's own (caller frees); and back. A
 * record comes from a file that anybody may write: what is none reads as a holder that is not
 * known, and gives false. */
char *holder_to_json(const struct holder *holder, int64_t since_unix_s);
bool holder_from_json(const char *bytes, size_t count, struct holder *ret);

#endif
