/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "board/driver.h"
#include "image/layout.h"
#include "run/choice.h"
#include "source/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 100000

/* ---- jobs -------------------------------------------------------------------------------- */

static void keep_image(struct plan *plan, struct image *image)
{
    plan->images = xrealloc(plan->images, plan->image_count + 1, sizeof(struct image *));
    plan->images[plan->image_count++] = image;
}

static bool shares_board(const struct job *job, const struct choice *choice)
{
    for (size_t i = 0; i < job->board_count; i++)
        for (size_t c = 0; c < choice->count; c++)
            if (job->boards[i] == choice->boards[c])
                return true;
    return false;
}

/* Results are told apart by test and board, so on boards of its own a test may have the name of
 * another. */
static bool name_taken(const struct plan *plan, const char *name, const struct choice *choice)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!strcmp(plan->jobs[i].name, name) && shares_board(&plan->jobs[i], choice))
            return true;
    return false;
}

/* What a test is called in one of its rounds. Caller frees. */
static char *round_name(const char *name, uint64_t round, uint64_t repeat)
{
    return repeat > 1 ? xasprintf("%s #%" PRIu64, name, round) : xstrdup(name);
}

/* `base`, or "base (2)" and so on, of which no round was there before. */
static char *unique_name(const struct plan *plan, const char *base, uint64_t repeat,
                         const struct choice *choice)
{
    char *name = xstrdup(base);

    for (size_t n = 2;; n++) {
        cleanup_free char *first = round_name(name, 1, repeat);
        if (!name_taken(plan, first, choice))
            return name;
        free(name);
        name = xasprintf("%s (%zu)", base, n);
    }
}

/* Takes over `name`. */
static struct job *add_job(struct plan *plan, char *name, struct image *image,
                           const struct board_conf *const *boards, size_t count)
{
    struct job *job;

    plan->jobs = xrealloc(plan->jobs, plan->count + 1, sizeof *plan->jobs);
    job = &plan->jobs[plan->count++];
    *job = (struct job){.name = name,
                        .image = image,
                        .boards = xcalloc(count, sizeof(void *)),
                        .board_count = count,
                        .timeouts = {-1, -1, -1, -1, -1},
                        .estimate_us = -1};
    memcpy(job->boards, boards, count * sizeof(void *));
    return job;
}

static void add_expect(struct expect *into, uint64_t tests, const struct strv *require)
{
    if (tests)
        into->tests = tests;
    for (size_t i = 0; i < require->count; i++)
        strv_add(&into->require, require->items[i]);
}

/* What the command line says wins over what the job says of itself. */
static void apply_options(struct job *job, const struct plan_options *options)
{
    job->timeouts = timeouts_merge(job->timeouts, options->timeouts);
    job->parse = parse_merge(job->parse, options->parse);
    add_expect(&job->expect, options->expect.tests, &options->expect.require);
    if (options->retries >= 0)
        job->retries = (unsigned)options->retries;
    if (options->flaky >= 0)
        job->flaky_fails = options->flaky == FLAKY_FAIL;
}

/* What the console must say is the image's to tell. */
static int find_build_id(struct job *job, struct err *err)
{
    struct identity_options *identity = &job->parse.identity;

    job_find_build_id(identity, job->image->build_id);
    if (!identity->required || !str_eq(identity->build_id, "auto"))
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s: has no build-id that could be required: link with -Wl,--build-id and name "
                   "the ELF file, or say which with --build-id HEX",
                   job->image->name);
}

/* What to add for each image: one job for any board of the choice, or one for each; all of them
 * `repeat` times. */
struct order {
    const struct plan_options *options;
    const struct test_conf *test; /* NULL: of no plan */
    const struct choice *choice;
    bool every;
    uint64_t repeat;
};

static int add_jobs(struct plan *plan, const struct order *order, const char *base,
                    struct image *image, struct err *err)
{
    const struct choice *choice = order->choice;
    const struct test_conf *test = order->test;
    cleanup_free char *name = unique_name(plan, base, order->repeat, choice);
    size_t jobs = order->every ? choice->count : 1;

    if (order->repeat > JOBS_MAX / jobs || plan->count > JOBS_MAX - order->repeat * jobs)
        return err_set(err, ERR_USAGE, "these are more than %d tests in one run: repeat them less",
                       JOBS_MAX);
    for (uint64_t round = 1; round <= order->repeat; round++) {
        for (size_t i = 0; i < jobs; i++) {
            struct job *job = add_job(plan, round_name(name, round, order->repeat), image,
                                      choice->boards + i, order->every ? 1 : choice->count);
            if (test) {
                job->timeouts = test->timeouts;
                job->parse.format = test->format;
                job->parse.identity = (struct identity_options){.build_id = test->build_id,
                                                                .ask_nonce = test->nonce,
                                                                .required = test->require_build_id};
                add_expect(&job->expect, test->expect_tests, &test->require);
                job->retries = (unsigned)test->retries;
                job->flaky_fails = test->flaky == FLAKY_FAIL;
            }
            apply_options(job, order->options);
            if (find_build_id(job, err) < 0)
                return -(int)err->code;
        }
    }
    return 0;
}

/* ---- from images ------------------------------------------------------------------------- */

/* "fw/selftest.elf" is the test "selftest". */
static char *test_name(const char *base)
{
    const char *dot = strrchr(base, '.');
    cleanup_free char *raw =
        dot && dot > base ? xstrndup(base, (size_t)(dot - base)) : xstrdup(base);

    return text_clean_dup(raw, 200, TEXT_ONE_LINE);
}

/* Takes over the files. */
static int take_images(struct plan *plan, struct source_files *files,
                       const struct image_options *options, const struct ctx *ctx,
                       struct strv *ret_names, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < files->count; i++) {
        const struct source_file *file = &files->items[i];
        struct image *image = NULL;
        rc = image_load(file->name, file->bytes, file->size, options, &image, err);
        if (rc < 0)
            break;
        keep_image(plan, image);
        strv_add_owned(ret_names, test_name(file->base));
        rc = layout_resolve(image, ctx, err);
    }
    source_files_done(files);
    return rc;
}

static int load_images(struct plan *plan, const char *spec, const struct image_options *options,
                       const struct ctx *ctx, struct strv *ret_names, struct err *err)
{
    struct source_files files = {0};
    int rc = source_load(spec, ctx, &files, err);

    if (rc == 0)
        rc = take_images(plan, &files, options, ctx, ret_names, err);
    if (rc == -ERR_NOT_FOUND) { /* named by the user: their mistake, not the lab's */
        err->code = ERR_USAGE;
        rc = -ERR_USAGE;
    }
    return rc;
}

static int download_images(struct plan *plan, const struct plan_options *options,
                           const struct ctx *ctx, struct strv *ret_names, struct err *err)
{
    struct source_files files;
    int rc = download_load(options->download, ctx, &files, err);

    return rc == 0 ? take_images(plan, &files, &options->image, ctx, ret_names, err) : rc;
}

int plan_add_images(struct plan *plan, const struct plan_options *options, const char *const *specs,
                    size_t count, const struct ctx *ctx, struct err *err)
{
    __attribute__((cleanup(choice_done))) struct choice choice = {0};
    struct order order = {options, NULL, &choice, options->all, options->repeat};
    int rc = options->selectors.count
                 ? choice_select(options->lab, &options->selectors, &choice, err)
                 : choice_default(options->lab, options->all, &choice, err);

    if (rc == 0 && options->reads)
        rc = choice_reading(&choice, err);
    for (size_t s = 0; rc == 0 && s < count + !!options->download; s++) {
        cleanup_strv struct strv names = {0};
        size_t first = plan->image_count;
        rc = s < count ? load_images(plan, specs[s], &options->image, ctx, &names, err)
                       : download_images(plan, options, ctx, &names, err);
        for (size_t i = 0; rc == 0 && i < names.count; i++)
            rc = add_jobs(plan, &order, names.items[i], plan->images[first + i], err);
    }
    return rc;
}

/* ---- health checks ----------------------------------------------------------------------- */

/* The board's golden image, once for all boards that have the same. */
static int golden_image(struct plan *plan, const struct plan_options *options,
                        const struct board_conf *board, const struct ctx *ctx, struct image **ret,
                        struct err *err)
{
    cleanup_free char *dir = fs_dirname(options->lab->file);
    cleanup_free char *path = fs_join(dir, board->health.firmware);
    cleanup_strv struct strv names = {0};
    size_t first = plan->image_count;
    int rc;

    for (size_t i = 0; i < plan->image_count; i++) {
        *ret = plan->images[i];
        if (!strcmp((*ret)->name, path))
            return 0;
    }
    rc = load_images(plan, path, &options->image, ctx, &names, err);
    if (rc == 0 && names.count != 1)
        rc = err_set(err, ERR_CONFIG, "'%s' is %zu images", path, names.count);
    if (rc < 0)
        return err_wrap(err, "%s: health of %s", options->lab->file, board->name);
    *ret = plan->images[first];
    return 0;
}

static int add_health(struct plan *plan, const struct plan_options *options,
                      const struct board_conf *board, const struct ctx *ctx, struct err *err)
{
    struct image *image = NULL;
    struct job *job;
    int rc = golden_image(plan, options, board, ctx, &image, err);

    if (rc < 0)
        return rc;
    job = add_job(plan, xstrdup(PLAN_HEALTH), image, &board, 1);
    job->parse.format = board->health.format;
    job->expect.tests = board->health.tests;
    apply_options(job, options);
    return 0;
}

int plan_add_health(struct plan *plan, const struct plan_options *options,
                    bool (*wanted)(void *arg, const struct board_conf *board), void *arg,
                    const struct ctx *ctx, struct err *err)
{
    __attribute__((cleanup(choice_done))) struct choice choice = {0};
    size_t without = 0;
    int rc = options->selectors.count
                 ? choice_select(options->lab, &options->selectors, &choice, err)
                 : choice_default(options->lab, true, &choice, err);

    if (rc == 0 && options->reads)
        rc = choice_reading(&choice, err);
    for (size_t i = 0; rc == 0 && i < choice.count; i++) {
        const struct board_conf *board = choice.boards[i];
        if (!board->health.firmware)
            without++;
        else if (wanted(arg, board))
            rc = add_health(plan, options, board, ctx, err);
    }
    if (rc == 0 && without == choice.count)
        rc = err_set(err, ERR_CONFIG, "%s: no golden image: give %s health: {firmware: golden.elf}",
                     options->lab->file, choice.count == 1 ? choice.boards[0]->name : "its boards");
    return rc;
}

/* ---- from hil.yaml ----------------------------------------------------------------------- */

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

static bool same_argv(const struct strv *a, const struct strv *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]))
            return false;
    return true;
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
    struct order order = {adder->options, test, choice, every,
                          test->repeat * adder->options->repeat};
    cleanup_free char *filled = fill(test->firmware, label, choice->boards[0]->name);
    cleanup_free char *spec = fs_join(adder->tests->dir, filled);
    struct image_options image = {.has_at = test->has_at, .at = test->at};
    cleanup_strv struct strv names = {0};
    size_t first = plan->image_count;
    int rc;

    if (adder->build_log) {
        struct job *job =
            add_job(plan, unique_name(plan, name, 1, choice), NULL, choice->boards, choice->count);
        job->build_log = xstrdup(adder->build_log);
        return 0;
    }
    rc = load_images(plan, spec, &image, adder->ctx, &names, err);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        cleanup_free char *full =
            names.count > 1 ? xasprintf("%s:%s", name, names.items[i]) : xstrdup(name);
        rc = add_jobs(plan, &order, full, plan->images[first + i], err);
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

    while (!same_argv(&tests->tests[first].build, &tests->tests[which].build))
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

size_t plan_boards(const struct plan *plan, const struct lab *lab, const struct board_conf ***ret)
{
    size_t count = 0;

    *ret = xcalloc(lab->count, sizeof(void *));
    for (size_t b = 0; b < lab->count; b++) {
        bool used = false;
        for (size_t j = 0; j < plan->count && !used; j++)
            for (size_t i = 0; i < plan->jobs[j].board_count && !used; i++)
                used = plan->jobs[j].boards[i] == &lab->boards[b];
        if (used)
            (*ret)[count++] = &lab->boards[b];
    }
    return count;
}

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        job_done(&plan->jobs[i]);
    for (size_t i = 0; i < plan->image_count; i++)
        image_free(plan->images[i]);
    free(plan->jobs);
    free(plan->images);
    *plan = (struct plan){0};
}
