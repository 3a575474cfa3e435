/* SPDX-License-Identifier: MIT
 *
 * Whether a board proved what it runs must be in every report.
 */
#include "base/str.h"
#include "report/report.h"
#include "report/words.h"
#include "samples.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ID "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"

Test(identity, in_words)
{
    static const struct {
        struct identity identity;
        const char *words; /* NULL: none */
    } rows[] = {
        {{0}, NULL},
        {{.build_id = PROOF_SEEN}, "the image's build-id was seen"},
        {{.build_id = PROOF_ABSENT}, "the image's build-id was not seen"},
        {{.build_id = PROOF_OTHER}, "another image's build-id was seen"},
        {{.build_id = PROOF_UNKNOWN}, "the image has no build-id that could be seen"},
        {{.nonce = PROOF_SEEN, .ignored = 1},
         "the nonce was echoed; 1 result before it does not count"},
        {{.nonce = PROOF_ABSENT}, "the firmware never asked for the nonce"},
        {{.nonce = PROOF_ABSENT, .nonce_asked = true}, "the nonce was asked for and not echoed"},
        {{.build_id = PROOF_SEEN, .nonce = PROOF_OTHER, .ignored = 2},
         "the image's build-id was seen, what was echoed is not the nonce; 2 results before it do "
         "not count"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
        struct job_result job = {.end = END_DONE, .identity = rows[i].identity};
        cr_expect(str_eq(words_identity(&out, &job), rows[i].words), "row %zu: %s", i, out.data);
        job.end = END_NONE; /* of a test that never began there is nothing to be said */
        cr_expect_null(words_identity(&out, &job));
    }
}

static void written(const struct report_format *format, struct identity identity, struct buf *ret)
{
    cleanup_close int fd = memfd_create("report", MFD_CLOEXEC);
    struct run_result run = {0};
    struct job_result *job = sample_job(&run, "nucleo-3", "blinky", VERDICT_PASS, "");

    sample_case(job, "math", "test_add", CASE_PASS, NULL);
    job->identity = identity;
    cr_assert_eq(format->write(&run, fd, NULL), 0);
    read_back(fd, ret);
    run_result_done(&run);
}

static const struct {
    const struct report_format *format;
    const char *seen, *absent;
} reports[] = {
    {&report_junit, "name=\"build_id_proof\" value=\"seen\"",
     "name=\"build_id_proof\" value=\"absent\""},
    {&report_json, "\"build_id\": \"seen\"", "\"build_id\": \"absent\""},
    {&report_summary, "1 of 1 board proved to run the image", "the image's build-id was not seen"},
    {&report_html, "build-id was seen", "build-id was not seen"},
};

Test(identity, in_every_report)
{
    struct identity seen = {.build_id = PROOF_SEEN, .expected = ID};
    struct identity absent = {.build_id = PROOF_ABSENT, .expected = ID};

    for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
        cleanup_buf struct buf yes = BUF_INIT(1 << 22), no = BUF_INIT(1 << 22);
        written(reports[i].format, seen, &yes);
        written(reports[i].format, absent, &no);
        cr_expect(strstr(yes.data, reports[i].seen), "%s", reports[i].format->name);
        cr_expect(strstr(no.data, reports[i].absent), "%s", reports[i].format->name);
        cr_expect_null(strstr(no.data, reports[i].seen), "%s", reports[i].format->name);
    }
}
