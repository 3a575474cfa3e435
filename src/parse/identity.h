/* SPDX-License-Identifier: MIT
 *
 * identity: the lines by which firmware says which image it is.
 *
 *     hil: build-id 3f2a...          the image's build-id, all of its digits
 *     hil: nonce?                    the firmware is ready to read a line; hil answers with one
 *     hil: nonce 5b1c...             the line that it has read
 *
 * Each may stand anywhere in a line, behind a log's time stamp or a comment sign. The expected
 * build-id counts in any line that has it as a word of its own, in either case, so that firmware
 * which prints it in words of its own need not be changed; but only the first form can say that
 * another image runs. An id that is cut short, by a reset in the middle of the line, is none.
 * Never blocks, never fails.
 */
#ifndef HIL_PARSE_IDENTITY_H
#define HIL_PARSE_IDENTITY_H

#include "parse/scan.h"
#include "result/job.h"

#define NONCE_DIGITS 32

struct identity_options {
    const char *build_id; /* hexadecimal, or "auto" where the image has none; NULL: not asked for */
    const char *nonce;    /* what the firmware must echo; NULL: not drawn */
    bool ask_nonce;
    bool required;
};

struct identity_reader {
    const char *nonce; /* borrowed */
    size_t digits;     /* of the expected build-id; 0: there is none */
};

enum identity_word {
    IDENTITY_NOTHING,
    IDENTITY_QUESTION, /* the firmware waits for the nonce */
    IDENTITY_PROOF,    /* the build-id or the nonce was seen, for the first time */
    IDENTITY_OTHER,    /* another build-id: what runs is not the image */
};

/* Sets job->identity: what is asked for, and nothing of it seen. */
void identity_begin(struct identity_reader *reader, const struct identity_options *options,
                    struct job_result *job);
/* What the line says; job->identity has it, too. Of two words in a line it is the later row. */
enum identity_word identity_line(const struct identity_reader *reader, struct text line,
                                 struct job_result *job);

#endif
