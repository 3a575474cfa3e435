/* SPDX-License-Identifier: MIT
 *
 * failure: what the open test failed of, gathered from the lines that tell of it: where, and in
 * words that may stand on several lines.
 *
 *     failure_begin(&f, place, words, collector);   "test/x.cpp:12: Failure"
 *     failure_more(&f, line);                       "Expected: 3", until the words are over
 *     failure_give(&f, &finding);                   with the test's result
 *
 * The first failure of a test counts; all lines are in the case's detail anyway.
 */
#ifndef HIL_PARSE_FORMATS_FAILURE_H
#define HIL_PARSE_FORMATS_FAILURE_H

#include "parse/collector.h"

#define FAILURE_FILE_MAX 256
#define FAILURE_WORDS_MAX 600

struct place {
    struct text file;
    uint32_t line;
};

struct failure {
    bool noted, open; /* open: the words go on */
    uint32_t line;
    size_t file_size, words_size, known_size;
    char file[FAILURE_FILE_MAX], words[FAILURE_WORDS_MAX];
    char known[FAILURE_FILE_MAX]; /* file of the failure before: what is glued before it is none */
};

/* "FILE:LINE", all of the text. */
bool place_read(struct text text, struct place *ret);
void failure_begin(struct failure *failure, const struct place *place, struct text words,
                   struct collector *collector);
void failure_more(struct failure *failure, struct text words); /* nothing where none is open */
void failure_place(struct failure *failure, const struct place *place); /* where it has none yet */
void failure_give(struct failure *failure, struct finding *ret);        /* and forgets it */

#endif
