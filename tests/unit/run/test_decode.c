/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "parse/parser.h"
#include "run/decode.h"

#define GOLDEN HIL_TEST_DATA "/run/decode/"
#define cleanup_job __attribute__((cleanup(free_job)))
#define cleanup_image __attribute__((cleanup(free_image)))
#define cleanup_paths __attribute__((cleanup(free_paths)))

static void free_job(struct job_result **job)
{
    job_result_free(*job);
}

static void free_image(struct image **image)
{
    image_free(*image);
}

static void free_paths(struct git_paths **paths)
{
    git_paths_free(*paths);
}

/* crash.elf is hil-tests/firmware's stm32f405/bad-crash-ztest, its debug sections compressed;
 * crash.log is what it printed in QEMU. */
static struct image *load_firmware(void)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
    struct image *image = NULL;

    cr_assert_eq(fs_read(GOLDEN "crash.elf", &bytes, NULL), 0);
    cr_assert_eq(image_load("crash.elf", bytes.data, bytes.size, NULL, &image, NULL), 0);
    return image;
}

/* Writes the log where a run has it, and parses it as one that ended in silence. */
static struct job_result *parse(const char *dir, const char *log, const char **ret_trouble)
{
    cleanup_free char *path = fs_join(dir, "uart.log");
    const struct parse_options options = {.format = "ztest"};
    struct job_result *job = job_result_new();
    struct parser *parser = NULL;

    cr_assert_eq(fs_write(path, log, strlen(log), NULL), 0);
    cr_assert_eq(parser_new(&options, NULL, job, &parser, NULL), 0);
    parser_feed(parser, log, strlen(log), 0, 0);
    *ret_trouble = parser_finish(parser, END_CRASH, 1000);
    parser_free(parser);
    return job;
}

static const struct test_case *last_case(const struct job_result *job)
{
    cr_assert_gt(job->suite_count, 0);
    const struct test_suite *suite = &job->suites[job->suite_count - 1];
    return &suite->cases[suite->count - 1];
}

static void expect_end(const char *text, const char *end)
{
    cr_expect(text && str_ends(text, end), "%s", text ? text : "NULL");
}

#define FAULT "\nfault: divide by zero; forced: escalated from a usage fault"
#define FRAMES                                                     \
    "\n#0 0x08000228 average at hil-tests/firmware/bad/crash.c:17" \
    "\n#1 0x08000245 test_average_of_none at hil-tests/firmware/bad/crash.c:32"

Test(decode, a_real_crash_and_its_replay_say_the_same)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = scratch_text(GOLDEN "crash.log");
    cleanup_image struct image *image = load_firmware();
    const char *trouble, *again;
    struct err err = {0};

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_assert_eq(decode_write(job, image, NULL, dir, &err), 0, "%s", err.message);
    cr_expect_eq(decode_apply(job, trouble, dir), trouble); /* a case has it */
    const struct test_case *crashed = last_case(job);
    cr_expect_str_eq(crashed->name, "test_average_of_none");
    cr_expect_str_eq(crashed->error_type, "crash");
    cr_expect_str_eq(crashed->message, "*** HardFault at 0x08000228");
    cr_expect(str_starts(crashed->detail, "  r0 0x"), "%s", crashed->detail);
    expect_end(crashed->detail, "bfar 0x00000000" FAULT FRAMES);
    cr_expect_str_eq(crashed->file, "hil-tests/firmware/bad/crash.c");
    cr_expect_eq(crashed->line, 17);

    /* the firmware file is not asked any more */
    cleanup_job struct job_result *replay = parse(dir, log, &again);
    decode_apply(replay, again, dir);
    cr_expect_str_eq(last_case(replay)->detail, crashed->detail);
    cr_expect_str_eq(last_case(replay)->file, crashed->file);
    cr_expect_eq(last_case(replay)->line, crashed->line);
    cr_expect_null(job->suites[0].cases[0].detail); /* the others are left alone */
}

Test(decode, without_the_firmware_there_is_the_fault)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = scratch_text(GOLDEN "crash.log");
    cleanup_free char *file = fs_join(dir, DECODE_FILE);
    const char *trouble;

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_assert_eq(decode_write(job, NULL, NULL, dir, NULL), 0);
    cr_expect_not(fs_exists(file));
    decode_apply(job, trouble, dir);
    expect_end(last_case(job)->detail, "bfar 0x00000000" FAULT);
    cr_expect_null(last_case(job)->file);

    cleanup_job struct job_result *bare = parse(dir, log, &trouble);
    decode_log(bare, trouble, NULL, NULL);
    expect_end(last_case(bare)->detail, "bfar 0x00000000" FAULT);
}

Test(decode, files_are_named_as_the_repository_has_them)
{
    static const char *const tracked[] = {"fw/hil-tests/firmware/bad/crash.c", "README.md"};
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = scratch_text(GOLDEN "crash.log");
    cleanup_image struct image *image = load_firmware();
    cleanup_paths struct git_paths *paths = git_paths_new("/r", tracked, ARRAY_SIZE(tracked));
    const char *trouble;

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_assert_eq(decode_write(job, image, paths, dir, NULL), 0);
    decode_apply(job, trouble, dir);
    cr_expect_str_eq(last_case(job)->file, "fw/hil-tests/firmware/bad/crash.c");
    expect_end(last_case(job)->detail,
               "#1 0x08000245 test_average_of_none at fw/hil-tests/firmware/bad/crash.c:32");
}

/* The place is where the team's own code was last, and inlined calls are shown. */
Test(decode, inlined_calls_and_the_innermost_tracked_place)
{
    static const char *const tracked[] = {"hil-tests/firmware/harness/speak_ztest.c"};
    cleanup_scratch char *dir = scratch_make();
    cleanup_image struct image *image = load_firmware();
    cleanup_paths struct git_paths *paths = git_paths_new("/r", tracked, 1);
    const char *trouble;

    cleanup_job struct job_result *job = parse(dir,
                                               "Running TESTSUITE s\nSTART - test_a\n"
                                               "E: ***** BUS FAULT *****\n"
                                               "E: Faulting instruction address (r15/pc): "
                                               "0x08000228\nE: r14/lr: 0x080003f3\n"
                                               "E: >>> ZEPHYR FATAL ERROR 0: CPU exception\n",
                                               &trouble);
    cr_assert_eq(decode_write(job, image, paths, dir, NULL), 0);
    decode_apply(job, trouble, dir);
    expect_end(last_case(job)->detail,
               "\n#0 0x08000228 average at hil-tests/firmware/bad/crash.c:17"
               "\n#1 0x080003f3 word at hil-tests/firmware/harness/speak_ztest.c:16 "
               "(inlined into speak_test_end)"
               "\n#2 0x080003f3 speak_test_end at hil-tests/firmware/harness/speak_ztest.c:72");
    cr_expect_str_eq(last_case(job)->file, "hil-tests/firmware/harness/speak_ztest.c");
    cr_expect_eq(last_case(job)->line, 16);
}

Test(decode, a_jump_to_nowhere)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_image struct image *image = load_firmware();
    const char *trouble;

    cleanup_job struct job_result *job = parse(dir,
                                               "Running TESTSUITE s\nSTART - test_a\n"
                                               "*** HardFault\npc 0x00000004 lr 0x08000245 "
                                               "cfsr 0x00020000\n",
                                               &trouble);
    cr_assert_eq(decode_write(job, image, NULL, dir, NULL), 0);
    decode_apply(job, trouble, dir);
    expect_end(last_case(job)->detail,
               "\n#0 0x00000004 in no function of the image"
               "\n#1 0x08000245 test_average_of_none at hil-tests/firmware/bad/crash.c:32");
    cr_expect_eq(last_case(job)->line, 32);
}

Test(decode, a_crash_outside_every_test)
{
    static const char log[] = "Running TESTSUITE s\nSTART - test_a\n PASS - test_a in 0.1 seconds\n"
                              "pc 0x08000100 says nothing before the crash\r\n"
                              "*** HardFault\r\npc 0x08000228 cfsr 0x02000000\r\n";
    cleanup_scratch char *dir = scratch_make();
    cleanup_image struct image *image = load_firmware();
    const char *trouble, *again;

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_assert_eq(decode_write(job, image, NULL, dir, NULL), 0);
    trouble = decode_apply(job, trouble, dir);
    cr_expect(str_starts(trouble, "the firmware crashed after test_a: *** HardFault"), "%s",
              trouble);
    expect_end(trouble, "; the crash: divide by zero; in average at "
                        "hil-tests/firmware/bad/crash.c:17");
    cleanup_job struct job_result *replay = parse(dir, log, &again);
    again = decode_apply(replay, again, dir);
    cr_expect_str_eq(again, trouble);

    cleanup_free char *path = fs_join(dir, "uart.log"); /* a bare log, with the image */
    cleanup_job struct job_result *bare = parse(dir, log, &again);
    cr_expect_str_eq(decode_log(bare, again, path, image), trouble);
    cleanup_job struct job_result *blind = parse(dir, log, &again);
    expect_end(decode_log(blind, again, path, NULL), "; the crash: divide by zero");
}

Test(decode, what_is_no_crash_is_left_alone)
{
    static const char log[] =
        "Running TESTSUITE s\nSTART - test_a\nhardfault handler tested, pc 0x08000228\n"
        " PASS - test_a in 0.1 seconds\nSTART - test_b\n"
        "    Assertion failed at f.c:3: x: pc 0x08000228 is odd\n FAIL - test_b in 0.1 seconds\n";
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *file = fs_join(dir, DECODE_FILE);
    cleanup_image struct image *image = load_firmware();
    const char *trouble;

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_assert_eq(decode_write(job, image, NULL, dir, NULL), 0);
    cr_expect_eq(decode_apply(job, trouble, dir), trouble);
    cr_expect_not(fs_exists(file));
    for (size_t i = 0; i < job->suites[0].count; i++) {
        const char *detail = job->suites[0].cases[i].detail;
        cr_expect(!detail || !strstr(detail, "#0 "), "%s", detail);
    }
}

Test(decode, a_skipped_test_may_speak_of_crashes)
{
    struct job_result *job = job_result_new();
    struct test_case *skipped = suite_add(job_suite(job, "s", 1));

    skipped->result = CASE_SKIP;
    skipped->message = "hard fault with cfsr 0x02000000 expected, pc 0x08000228";
    cr_expect_null(decode_log(job, NULL, NULL, NULL));
    cr_expect_null(skipped->detail);
    job_result_free(job);
}

/* A replayed directory may come from anywhere. */
Test(decode, damaged_tables_give_fewer_words)
{
    static const char *const tables[] = {
        "",
        "{",
        "[]",
        "{\"schema\": 2, \"addresses\": []}",
        "{\"schema\": 1}",
        "{\"schema\": 1, \"addresses\": 7}",
        "{\"schema\": 1, \"addresses\": [7, null, {}, {\"address\": 9}]}",
        "{\"schema\": 1, \"addresses\": [{\"address\": \"x\", \"frames\": [1, {}]}]}",
    };
    cleanup_free char *log = scratch_text(GOLDEN "crash.log");

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        cleanup_scratch char *dir = scratch_make();
        cleanup_free char *file = fs_join(dir, DECODE_FILE);
        const char *trouble;
        cleanup_job struct job_result *job = parse(dir, log, &trouble);
        cr_assert_eq(fs_write(file, tables[i], strlen(tables[i]), NULL), 0);
        decode_apply(job, trouble, dir);
        expect_end(last_case(job)->detail, "bfar 0x00000000" FAULT);
    }
}

Test(decode, a_table_that_cannot_be_written_is_an_error)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = scratch_text(GOLDEN "crash.log");
    cleanup_free char *gone = fs_join(dir, "gone");
    cleanup_image struct image *image = load_firmware();
    const char *trouble;
    struct err err = {0};

    cleanup_job struct job_result *job = parse(dir, log, &trouble);
    cr_expect_lt(decode_write(job, image, NULL, gone, &err), 0);
    cr_expect(str_starts(err.message, "crash addresses: "), "%s", err.message);
}
