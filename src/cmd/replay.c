/* SPDX-License-Identifier: MIT */
#include "run/replay.h"
#include "base/fs.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/reports.h"
#include "image/image.h"
#include "run/origin.h"
#include "run/rundir.h"

#include <sys/stat.h>

static const struct opt_row rows[] = {
    OPTIONS_ROWS_PARSE,
    {"image", 'i', "FILE",
     "The firmware that printed it, as an ELF file: code addresses in a crash dump are shown as "
     "functions and lines.",
     "Crashes"},
    {"quiet", 'q', NULL, "Print the verdict only.", "What is written"},
    REPORTS_ROWS,
    {0},
};

static const char *const examples[] = {"Look at a run again, as a CI job uploaded it",
                                       "hil replay hil-out",
                                       "A log that some other tool captured",
                                       "hil replay --format unity --junit junit.xml uart.log",
                                       "A crash, with the places in the source",
                                       "hil replay --image build/app.elf uart.log",
                                       "From a pipe",
                                       "ssh pi cat uart.log | hil replay -",
                                       NULL};

static const char *const see_also[] = {"run", "formats", NULL};

struct request {
    struct replay_options replay;
    struct report_orders reports;
    const char *image;
    bool annotations, quiet;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken =
        options_take_parse(row, value, &request->replay.parse, &request->replay.expect, err);

    if (!taken)
        taken = reports_take(row, value, &request->reports, &request->annotations);
    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    if (str_eq(row->name, "image"))
        request->image = value;
    else
        request->quiet = true;
    return 0;
}

/* Where the logs of the jobs from `first` on are, which came from `path`: it is one, or a directory
 * above theirs. */
static void name_logs(const struct run_result *run, size_t first, const char *path)
{
    struct stat info;
    bool is_dir = stat(path, &info) == 0 && S_ISDIR(info.st_mode);

    for (size_t i = first; i < run->count; i++) {
        struct job_result *job = run->jobs[i];
        job->log = is_dir              ? arena_printf(&job->arena, "%s/%s/uart.log", path, job->dir)
                   : str_eq(path, "-") ? NULL
                                       : arena_strdup(&job->arena, path);
    }
}

static int replay(const struct request *request, char *const *paths, int count, struct err *err)
{
    struct term term = term_open(request->reports.to_stdout ? stderr : stdout);
    struct run_result run = {0};
    int rc = 0;

    run.origin = origin_find(&run.arena); /* of a bare log; a run directory brings its own */
    for (int i = 0; i < count && rc == 0; i++) {
        size_t first = run.count;
        rc = rundir_check_ended(paths[i], err);
        if (rc == 0)
            rc = replay_path(paths[i], &request->replay, &run, err);
        name_logs(&run, first, paths[i]);
    }
    if (rc == 0)
        rc = report_orders_write(&request->reports, &run, err);
    if (rc == 0)
        rc = report_step_summary(&run, origin_step_summary(), err);
    if (rc == 0 && request->annotations)
        report_annotations(&run, term.out);
    if (rc == 0 && request->quiet)
        fprintf(term.out, "%s\n", verdict_name(run.verdict));
    else if (rc == 0)
        report_terminal(&run, NULL, false, &term);
    if (rc == 0)
        rc = verdict_exit_code(run.verdict);
    run_result_done(&run);
    return rc;
}

static int load_image(const char *path, struct image **ret, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(IMAGE_FILE_MAX);
    int rc = fs_read(path, &bytes, err);

    if (rc == 0)
        rc = image_load(path, bytes.data, bytes.size, NULL, ret, err);
    if (rc == 0 && !str_eq((*ret)->format, "elf"))
        rc = err_set(err, ERR_USAGE, "%s: is no ELF file, so that it has no symbols", path);
    if (rc < 0)
        err->code = ERR_USAGE; /* named by the user */
    return rc < 0 ? -ERR_USAGE : 0;
}

static int replay_with(struct request *request, char *const *paths, int count, struct err *err)
{
    struct image *image = NULL;
    int rc = request->image ? load_image(request->image, &image, err) : 0;

    request->replay.image = image;
    if (rc == 0)
        rc = replay(request, paths, count, err);
    image_free(image);
    return rc;
}

static void request_done(struct request *request)
{
    report_orders_done(&request->reports);
    strv_done(&request->replay.expect.require);
}

static int run(const struct app *app, int argc, char **argv)
{
    __attribute__((cleanup(request_done))) struct request request = {
        .annotations = reports_annotations_auto()};
    struct err err = {0};
    int first, code;

    (void)app;
    if (!cmd_parse(&verb_replay, argc, argv, take, &request, &first, &code))
        return code;
    if (first == argc) {
        err_set(&err, ERR_USAGE,
                "no log: name a uart.log, a run directory, or - for standard input");
        return cmd_fail(&verb_replay, &err);
    }
    if (reports_check(&request.reports, &err) < 0)
        return cmd_fail(&verb_replay, &err);
    code = replay_with(&request, argv + first, argc - first, &err);
    return code < 0 ? cmd_fail(&verb_replay, &err) : code;
}

const struct opt_verb verb_replay = {
    .name = "replay",
    .operands = "LOG|RUN-DIRECTORY...",
    .summary = "parse a captured UART log again, without a board",
    .description =
        "Reads a raw log, or a run directory as hil run wrote it, through the same parser and the "
        "same rules as a live run, and ends with the same results and exit code. A run directory "
        "brings its own format, times and expectations; options given here win over them.\n\n"
        "A file's end counts as the end of the stream: a log without the firmware's end marker is "
        "a fail.",
    .rows = rows,
    .fails = "fail: the firmware is to blame",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
