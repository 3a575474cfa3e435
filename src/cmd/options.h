/* SPDX-License-Identifier: MIT
 *
 * options: what `run` and `replay` take alike: how to read the console, and what to expect of it.
 */
#ifndef HIL_CMD_OPTIONS_H
#define HIL_CMD_OPTIONS_H

#include "base/opt.h"
#include "run/job.h"

#define OPTIONS_ROWS_PARSE                                                                        \
    {"format", 'f', "FORMAT",                                                                     \
     "The test output's dialect, as hil formats lists them; auto (the default) decides from the " \
     "stream.",                                                                                   \
     "Reading the console"},                                                                      \
        {"pass", 0, "REGEX",                                                                      \
         "A line that matches is a test that passed (PCRE2; named groups name, suite, message, "  \
         "file, line, ms). Implies --format regex.",                                              \
         NULL},                                                                                   \
        {"fail", 0, "REGEX", "A line that matches is a test that failed.", NULL},                 \
        {"skip", 0, "REGEX", "A line that matches is a test that was skipped.", NULL},            \
        {"end", 0, "REGEX", "A line that matches ends the run.", NULL},                           \
        {"expect-resets", 0, NULL, "The tests reset the board on purpose: a reset is no crash.",  \
         NULL},                                                                                   \
        {"expect-tests", 0, "N", "Fewer tests than this are a failure.", "What is expected"},     \
        {"require", 0, "GLOB",                                                                    \
         "A test with this name (or SUITE.NAME) must pass. May be given several times. In hil "   \
         "run the words digest, signature and attestation name no test: they must be proved of "  \
         "the download, as in hil fetch.",                                                        \
         NULL},                                                                                   \
        {"build-id", 0, "auto|ID",                                                                \
         "What the console must say before results count: auto, the image's GNU build-id, or "    \
         "its digits. Firmware prints it as 'hil: build-id ID'; any line that has all of its "    \
         "digits as a word will do.",                                                             \
         "Whether it is the right firmware"},                                                     \
    {                                                                                             \
        "require-build-id", 0, NULL,                                                              \
            "A build-id, or a nonce, that never comes is a failure and not only a note. Implies " \
            "--build-id auto where neither is asked for.",                                        \
            NULL                                                                                  \
    }

/* Takes the option where it is one of the rows above: 1; 0: not ours; negative: an error. */
int options_take_parse(const struct opt_row *row, const char *value, struct parse_options *parse,
                       struct expect *expect, struct err *err);

#endif
