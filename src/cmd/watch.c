/* SPDX-License-Identifier: MIT */
#include "serve/watch.h"

#include "cmd/cmd.h"
#include "cmd/source_options.h"

#include <stdio.h>
#include <unistd.h>

#define RETRY_MS 30000
#define RETRY_MAX_MS 3600000

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"once", 0, NULL,
     "One round: look, flash what is new, and end with the verdict. A board gets one try.",
     "What is done"},
    {"dry-run", 'n', NULL, "Say what would be flashed, and change nothing. Implies --once.", NULL},
    {"wait", 'w', "TIME",
     "How long to wait for a board that somebody else holds, or queues for (0: not at all). "
     "Without it: with --once the lab's lease timeout, else as long as it takes.",
     NULL},
    {"retry", 0, "TIME",
     "The first pause after a failed flash or look (30s); it doubles each time, up to an hour.",
     NULL},
    {"forget", 0, "BOARD",
     "Try again what failed on this board, and take it out of quarantine; then end.", NULL},
    {"repo", 0, "OWNER/NAME", "Watch this repository instead of what lab.yaml says.",
     "One watch without lab.yaml's"},
    {"release", 0, "latest|pre|TAG",
     "A release; of pre a pre-release may be it, and of a quoted pattern of tags it is the newest "
     "that is like that.",
     NULL},
    {"artifact", 0, "NAME", "An artifact of a GitHub Actions run, or a quoted pattern.", NULL},
    {"branch", 0, "BRANCH", "With --artifact: of the newest run on this branch that succeeded.",
     NULL},
    {"workflow", 0, "FILE", "With --artifact: only runs of this workflow: build.yml.", NULL},
    {"asset", 0, "NAME",
     "Which asset of the release: a name or a quoted pattern; {board} and {label} stand for the "
     "board's own.",
     NULL},
    {"member", 0, "GLOB", "Which file of an archive; a pattern as for --asset.", NULL},
    {"at", 0, "ADDRESS", "Where a raw binary belongs, such as 0x08000000.", NULL},
    {"board", 'b', "BOARD",
     "A board's name, or labels parted by commas: every board that has them all. May be given "
     "several times. Without it: the lab's only board.",
     NULL},
    {"test", 0, NULL, "Run the firmware's tests, too; what does not pass is not left on.", NULL},
    {"window", 0, "HOURS", "Flash only at these local hours: 22:00-06:00.", NULL},
    {"interval", 0, "TIME", "Between two looks (5m), less or more by a tenth.", NULL},
    {"golden", 0, "FILE", "What a board gets that the new image broke.", NULL},
    {"daily-limit", 0, "N", "Flashes of one board in 24 hours (20).", NULL},
    {"require", 0, "digest|signature|attestation",
     "What must be proved of a download before it is flashed. May be given several times.", NULL},
    {"minisign", 0, "KEYFILE", "The signature beside the asset must be good and by this key.",
     NULL},
    {"token-file", 0, "FILE",
     "Read GitHub's token from here instead of $GITHUB_TOKEN. There is no option that takes the "
     "token itself: every process could read it.",
     "How GitHub is asked"},
    {"fetch-timeout", 0, "TIMES",
     "Deadlines: 10m for a whole download (that is the default), or any of "
     "connect=15s,stall=30s,total=10m.",
     NULL},
    {"fetch-retries", 0, "N",
     "How often to ask again after resets, truncation, server errors and rate limits (5).", NULL},
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {
    "Keep on every board what lab.yaml says under watch:",
    "hil watch",
    "One round, from cron; the exit code is the verdict",
    "hil watch --once",
    "What would be flashed?",
    "hil watch --dry-run",
    "The latest release on a whole class's boards, each its own asset",
    "hil watch --repo owner/name --release latest --asset 'fw-{label}.elf' -b student",
    "The newest green build of main, tested on the board",
    "hil watch --repo owner/name --artifact firmware --branch main --member '{board}.elf' --test "
    "-b bench",
    NULL};

static const char *const see_also[] = {"flash",   "run",    "fetch", "boards",
                                       "history", "notify", NULL};

struct options {
    struct watch_request request;
    const char *release, *artifact, *branch, *workflow, *asset, *member, *golden, *window;
    const char *forget;
    struct strv boards, require;
    bool test, has_at;
    uint64_t at;
    int64_t interval_ms;
    uint64_t daily_limit;
};

/* Options that are a text of the watch, by name. */
static bool take_text(struct options *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"release", &options->release}, {"artifact", &options->artifact},
        {"branch", &options->branch},   {"workflow", &options->workflow},
        {"asset", &options->asset},     {"member", &options->member},
        {"golden", &options->golden},   {"window", &options->window},
        {"forget", &options->forget},   {"repo", &options->request.download.repo},
        {"lab", &options->request.lab}, {"minisign", &options->request.download.minisign},
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (str_eq(name, texts[i].name)) {
            *texts[i].text = value;
            return true;
        }
    }
    return false;
}

static bool take_flag(struct options *options, const char *name)
{
    struct watch_request *request = &options->request;

    if (str_eq(name, "once"))
        request->once = true;
    else if (str_eq(name, "dry-run"))
        request->once = request->dry_run = true;
    else if (str_eq(name, "json"))
        request->json = true;
    else if (str_eq(name, "test"))
        options->test = true;
    else
        return false;
    return true;
}

static int take_at(struct options *options, const char *value, struct err *err)
{
    options->has_at = true;
    return str_to_u64(value, UINT64_MAX, "--at", &options->at, err);
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    struct watch_request *request = &options->request;

    if (take_flag(options, row->name) || take_text(options, row->name, value))
        return 0;
    if (str_eq(row->name, "board"))
        strv_add(&options->boards, value);
    else if (str_eq(row->name, "require"))
        strv_add(&options->require, value);
    else if (str_eq(row->name, "at"))
        return take_at(options, value, err);
    else if (str_eq(row->name, "wait"))
        return str_to_ms(value, "--wait", &request->wait_ms, err);
    else if (str_eq(row->name, "retry"))
        return str_to_ms(value, "--retry", &request->retry_ms, err);
    else if (str_eq(row->name, "interval"))
        return str_to_ms(value, "--interval", &options->interval_ms, err);
    else if (str_eq(row->name, "daily-limit"))
        return str_to_u64(value, 1000, "--daily-limit", &options->daily_limit, err);
    else if (source_options_take(row, value, &request->download, err) < 0)
        return -(int)err->code;
    return 0;
}

static struct watch_conf make_watch(void *arg)
{
    const struct options *options = arg;
    struct watch_conf conf = watch_conf_new();

    conf.repo = xstrdup(options->request.download.repo);
    conf.release = xstrdup(options->release);
    conf.artifact = xstrdup(options->artifact);
    conf.branch = xstrdup(options->branch);
    conf.workflow = xstrdup(options->workflow);
    conf.asset = xstrdup(options->asset);
    conf.member = xstrdup(options->member);
    conf.golden = xstrdup(options->golden);
    conf.hours = xstrdup(options->window);
    conf.minisign = xstrdup(options->request.download.minisign);
    for (size_t i = 0; i < options->boards.count; i++)
        strv_add(&conf.boards, options->boards.items[i]);
    for (size_t i = 0; i < options->require.count; i++)
        strv_add(&conf.require, options->require.items[i]);
    conf.test = options->test;
    conf.has_at = options->has_at;
    conf.at = options->at;
    if (options->interval_ms)
        conf.interval_ms = options->interval_ms;
    if (options->daily_limit)
        conf.daily_limit = options->daily_limit;
    return conf;
}

static bool names_a_watch(const struct options *options)
{
    return options->release || options->artifact || options->branch || options->workflow ||
           options->asset || options->member || options->golden || options->window ||
           options->boards.count || options->require.count || options->test || options->has_at ||
           options->interval_ms || options->daily_limit || options->request.download.minisign;
}

static int check(const struct options *options, const char *operand, struct err *err)
{
    if (operand)
        return err_set(err, ERR_USAGE, "'%s': watch takes no operands", operand);
    if (!options->request.download.repo && names_a_watch(options))
        return err_set(err, ERR_USAGE,
                       "a watch of the command line needs --repo OWNER/NAME; without it all of "
                       "them are lab.yaml's");
    if (options->request.json && !options->request.once)
        return err_set(err, ERR_USAGE, "--json goes with --once or --dry-run");
    if (options->request.retry_ms <= 0)
        return err_set(err, ERR_USAGE, "--retry: no pause at all would wear the boards out");
    return 0;
}

static int watch(struct options *options, struct err *err)
{
    struct watch_request *request = &options->request;
    enum verdict verdict = VERDICT_INFRA;
    int rc;

    if (options->forget) {
        rc = watch_forget(request->lab, options->forget, err);
        return rc < 0 ? cmd_fail(&verb_watch, err) : 0;
    }
    request->make = request->download.repo ? make_watch : NULL;
    request->arg = options;
    rc = watch_run(request, &verdict, err);
    if (rc == -ERR_CANCELLED)
        return 0; /* the signal is the exit code */
    return rc < 0 ? cmd_fail(&verb_watch, err) : verdict_exit_code(verdict);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {
        .request = {.wait_ms = -1,
                    .retry_ms = RETRY_MS,
                    .retry_max_ms = RETRY_MAX_MS,
                    .json_fd = STDOUT_FILENO,
                    .cancel_fd = app->cancel_fd,
                    .download = {DOWNLOAD_DEFAULTS, .version = app->version}}};
    struct err err = {0};
    int first, code = 0;

    if (cmd_parse(&verb_watch, argc, argv, take, &options, &first, &code)) {
        holder_self(app->argc, app->argv, &options.request.holder);
        options.request.out = options.request.json ? stderr : stdout;
        code = check(&options, first < argc ? argv[first] : NULL, &err) < 0
                   ? cmd_fail(&verb_watch, &err)
                   : watch(&options, &err);
        holder_done(&options.request.holder);
        code = cmd_exit(app, code);
    }
    strv_done(&options.boards);
    strv_done(&options.require);
    return code;
}

const struct opt_verb verb_watch = {
    .name = "watch",
    .operands = "",
    .summary = "keep the newest firmware from GitHub on every board",
    .description =
        "A service: looks at GitHub for what lab.yaml's watch: names, and puts what is new onto "
        "the boards, each its own asset, one worker a board. What a board carries is remembered, "
        "so a restart flashes nothing twice, and a board that was away gets what it missed. "
        "Whoever else holds a board or queues for it goes first.\n\n"
        "An unchanged answer costs no rate limit. A limit that GitHub tells is kept to. An image "
        "that fails is tried three times, each pause twice the last; then the golden image is "
        "put on, if there is one, and the image is not tried again. A board that cannot be flashed "
        "goes into quarantine (hil boards), until it is released or there is another image. No "
        "board is flashed more often than its daily-limit.\n\n"
        "SIGHUP reads lab.yaml again; SIGTERM ends it within three seconds, boards given back.\n\n"
        "  watch:\n"
        "    - repo: owner/name\n"
        "      release: latest            # or pre, a tag, a pattern of tags\n"
        "      asset: fw-{label}.elf\n"
        "      boards: [student]\n"
        "      window: 22:00-06:00\n"
        "    - repo: owner/name\n"
        "      artifact: firmware\n"
        "      branch: main\n"
        "      member: '{board}.elf'\n"
        "      boards: [bench-1, bench-2]\n"
        "      test: true\n"
        "      golden: golden.elf",
    .rows = rows,
    .fails = "with --once, fail: new firmware did not pass its tests",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
