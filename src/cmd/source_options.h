/* SPDX-License-Identifier: MIT
 *
 * source_options: where firmware is fetched from, as `fetch` and `run` take it alike.
 */
#ifndef HIL_CMD_SOURCE_OPTIONS_H
#define HIL_CMD_SOURCE_OPTIONS_H

#include "base/opt.h"
#include "source/download.h"

#define SOURCE_OPTIONS_ROWS                                                                        \
    {"artifact", 0, "NAME",                                                                        \
     "An artifact of a GitHub Actions run, or a quoted pattern; without --run-id, --commit or "    \
     "--branch, of the run that this is a part of. Of several with one name, the newest.",         \
     "Firmware from GitHub or a URL"},                                                             \
        {"run-id", 0, "N", "The run that made the artifact.", NULL},                               \
        {"commit", 0, "SHA", "Look in the runs for this commit.", NULL},                           \
        {"branch", 0, "BRANCH",                                                                    \
         "Look in the newest run on this branch that succeeded. Runs of forks do not count.",      \
         NULL},                                                                                    \
        {"workflow", 0, "FILE", "Only runs of this workflow: build.yml.", NULL},                   \
        {"repo", 0, "OWNER/NAME",                                                                  \
         "The repository. Without it: $GITHUB_REPOSITORY, or the remote of the clone around us.",  \
         NULL},                                                                                    \
        {"release", 0, "latest|TAG",                                                               \
         "An asset of this release, or of the latest; a quoted pattern: of the newest whose tag "  \
         "is like that.",                                                                          \
         NULL},                                                                                    \
        {"pre", 0, NULL, "With --release latest: a pre-release may be it.", NULL},                 \
        {"asset", 0, "NAME", "Which asset: its name, or a quoted pattern.", NULL},                 \
        {"url", 0, "URL", "A file from anywhere, over http or https. No token goes there.", NULL}, \
        {"sha256", 0, "HEX", "What --url must give.", NULL},                                       \
        {"member", 0, "GLOB", "Which files of an archive: 'fw/*.elf'.", NULL},                     \
        {"token-file", 0, "FILE",                                                                  \
         "Read GitHub's token from here instead of $GITHUB_TOKEN. There is no option that takes "  \
         "the token itself: every process could read it.",                                         \
         NULL},                                                                                    \
        {"minisign", 0, "KEYFILE",                                                                 \
         "The signature beside the asset or URL (NAME.minisig) must be good and by this key.",     \
         NULL},                                                                                    \
        {"attest", 0, NULL, "gh attestation verify must vouch for each file.", NULL},              \
        {"fetch-timeout", 0, "TIMES",                                                              \
         "Deadlines: 10m for the whole download (that is the default), or any of "                 \
         "connect=15s,stall=30s,total=10m.",                                                       \
         NULL},                                                                                    \
    {                                                                                              \
        "fetch-retries", 0, "N",                                                                   \
            "How often to ask again after resets, truncation, server errors and rate limits (5).", \
            NULL                                                                                   \
    }

/* What `require` is of a download; in `run` it is of a test, too. */
#define SOURCE_OPTIONS_REQUIRE                                                              \
    {                                                                                       \
        "require", 0, "digest|signature|attestation",                                       \
            "What must be proved of every file that is downloaded, or it is an error. May " \
            "be given several times. (In hil run and hil replay it is tests that "          \
            "--require names.)",                                                            \
            NULL                                                                            \
    }

/* Takes the option where it is one of the rows above, or `require` with one of those words: 1; 0:
 * not ours; negative: an error. The request starts with DOWNLOAD_DEFAULTS. */
int source_options_take(const struct opt_row *row, const char *value,
                        struct download_request *request, struct err *err);

#endif
