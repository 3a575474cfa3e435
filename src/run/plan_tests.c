/* SPDX-License-Identifier: MIT */
/* The tests of a hil.yaml, as jobs. */
#include "run/plan_parts.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "board/driver.h"

#include <string.h>

static char *fill(const char *path, const char *label, const char *board)
{
    cleanup_buf struct buf out = BUF_INIT(65536);

    while (*path) {
        if (str_starts(path, "{label}")) {
            buf_adds(&out, label);
            path += strlen("{label}");
        } else if (str_starts(path, "{board}")) {
            buf_adds(&out, board);
            path += strlen("{board}");
        } else {
            buf_add(&out, path++, 1);
        }
    }
    return buf_steal(&out);
}

/* Runs the test's build. *ret_log is the end of its output, NULL where it succeeded. */
static int build(const struct testplan *tests, size_t which, const char *out_dir,
                 struct events *events, const struct ctx *ctx, char **ret_log, struct err *err)
{
    const struct test_conf *test = &tests->tests[which];
    const char *const *argv = (const char *const *)test->build.items;
    cleanup_free char *log = fs_join(out_dir, "build.log");
    struct proc_result result = {0};
    cleanup_free char *tail = NULL;
    int rc;

    *ret_log = NULL;
    if (!test->build.count)
        return 0;
    driver_tell_command(&(struct driver_env){.test = test->name, .events = events}, argv);
    rc = proc_run(&(struct proc_spec){.argv = argv, .dir = tests->dir, .log_path = log}, ctx,
                  &result, err);
    if (rc < 0)
        return err_wrap(err, "%s: build", test->name);
    if (result.exit_code == 0)
        return 0;
    tail = text_clean_dup(result.tail, sizeof result.tail, 0);
    *ret_log = result.signal
                   ? xasprintf("the build was killed by signal %d:\n%s", result.signal, tail)
                   : xasprintf("the build ended with exit code %d:\n%s", result.exit_code, tail);
    return 0;
}

/* The boards for one entry of a test's `boards`, among those that the command line allows. */
static int choose_entry(const struct plan_options *options, const char *entry, struct choice *ret,
                        struct err *err)
{
    cleanup_strv struct strv one = {0};
    size_t kept = 0;
    int rc;

    strv_add(&one, entry);
    rc = choice_select(options->lab, &one, ret, err);
    if (rc == 0 && options->reads)
        rc = choice_reading(ret, err);
    if (rc < 0 || !options->selectors.count)
        return rc;
    for (size_t i = 0; i < ret->count; i++)
        for (size_t s = 0; s < options->selectors.count; s++)
            if (board_matches(ret->boards[i], options->selectors.items[s])) {
                ret->boards[kept++] = ret->boards[i];
                break;
            }
    ret->count = kept;
    return 0;
}

struct test_adder {
    struct plan *plan;
    const struct plan_options *options;
    const struct testplan *tests;
    const struct test_conf *test;
    const char *build_log; /* NULL: built, or nothing to build */
    const struct ctx *ctx;
};

static int add_test_on(const struct test_adder *adder, const char *name, const char *label,
                       const struct choice *choice, bool every, struct err *err)
{
    const struct test_conf *test = adder->test;
    struct plan *plan = adder->plan;
    struct plan_order order = {adder->options, test, choice, every,
                               test->repeat * adder->options->repeat};
    cleanup_free char *filled = fill(test->firmware, label, choice->boards[0]->name);
    cleanup_free char *spec = fs_join(adder->tests->dir, filled);
    struct image_options image = {.has_at = test->has_at, .at = test->at};
    cleanup_strv struct strv names = {0};
    size_t first = plan->image_count;
    int rc;

    if (adder->build_log) {
        struct job *job = plan_add_job(plan, plan_unique_name(plan, name, 1, choice), NULL,
                                       choice->boards, choice->count);
        job->build_log = xstrdup(adder->build_log);
        return 0;
    }
    rc = plan_load_images(plan, spec, &image, adder->ctx, &names, err);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        cleanup_free char *full =
            names.count > 1 ? xasprintf("%s:%s", name, names.items[i]) : xstrdup(name);
        rc = plan_add_jobs(plan, &order, full, plan->images[first + i], err);
    }
    return rc < 0 ? err_wrap(err, "%s: test '%s'", adder->tests->file, test->name) : 0;
}

/* One entry of `boards`: a job for any board that matches, or, where the firmware's path names the
 * board, for each with its own file. */
static int add_entry(const struct test_adder *adder, const char *entry, struct err *err)
{
    __attribute__((cleanup(choice_done))) struct choice choice = {0};
    const struct test_conf *test = adder->test;
    bool every = test->every || adder->options->all;
    cleanup_free char *name =
        test->boards.count > 1 ? xasprintf("%s [%s]", test->name, entry) : xstrdup(test->name);
    cleanup_free char *label = xstrndup(entry, strcspn(entry, ","));
    int rc = choose_entry(adder->options, entry, &choice, err);

    if (rc < 0)
        return err_wrap(err, "%s: test '%s'", adder->tests->file, test->name);
    if (!choice.count || !strstr(test->firmware, "{board}"))
        return choice.count ? add_test_on(adder, name, label, &choice, every, err) : 0;
    for (size_t i = 0; rc == 0 && i < choice.count; i++) {
        struct choice one = {choice.boards + i, 1};
        rc = add_test_on(adder, name, label, &one, true, err);
    }
    return rc;
}

/* The first test with the same build, which ran it for all of them. */
static size_t first_with_build(const struct testplan *tests, size_t which)
{
    size_t first = 0;

    while (!strv_equal(&tests->tests[first].build, &tests->tests[which].build))
        first++;
    return first;
}

int plan_add_tests(struct plan *plan, const struct plan_options *options,
                   const struct testplan *tests, const char *out_dir, struct events *events,
                   const struct ctx *ctx, struct err *err)
{
    cleanup_strv struct strv logs = {0}; /* of each test's build; "" where it succeeded */
    int rc = 0;

    for (size_t t = 0; rc == 0 && t < tests->count; t++) {
        struct test_adder adder = {plan, options, tests, &tests->tests[t], NULL, ctx};
        size_t builder = first_with_build(tests, t);
        char *log = NULL;
        if (builder >= logs.count)
            rc = build(tests, t, out_dir, events, ctx, &log, err);
        else
            log = xstrdup(logs.items[builder]);
        strv_add_owned(&logs, log ? log : xstrdup(""));
        adder.build_log = logs.items[t][0] ? logs.items[t] : NULL;
        for (size_t b = 0; rc == 0 && b < adder.test->boards.count; b++)
            rc = add_entry(&adder, adder.test->boards.items[b], err);
    }
    if (rc == 0 && !plan->count)
        rc = err_set(err, ERR_CONFIG, "%s: no test runs on the boards chosen", tests->file);
    return rc;
}
