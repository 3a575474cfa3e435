/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "gate/check_run.h"
#include "gate/tell.h"
#include "run/origin.h"
#include "run/rundir.h"
#include "source/download.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENT_BYTES_MAX ((size_t)16 << 20)
#define SHA_DIGITS_MIN 7
#define SHA_DIGITS_MAX 64
#define SUMMARY_MAX ((size_t)1 << 20)

static const struct opt_row rows[] = {
    {"policy", 'p', "FILE",
     "What must be so: a gate.yaml. Without it: every board must have passed, and a test must have "
     "run.",
     "What is asked for"},
    {"baseline", 0, "REPORT",
     "A report of the last release: each test that ran there must have run now.", NULL},
    {"commit", 0, "SHA",
     "Every report must be of this commit. Without it: $GITHUB_SHA, or the head of the pull "
     "request; without those, all of the same.",
     NULL},
    {"check-run", 0, NULL, "Write a check run with the places that failed. Needs checks: write.",
     "Telling GitHub"},
    {"status", 0, NULL, "Write a commit status. Needs statuses: write.", NULL},
    {"name", 0, "NAME", "What the check or the status is called (hil).", NULL},
    {"repo", 0, "OWNER/NAME", "The repository. Without it: $GITHUB_REPOSITORY.", NULL},
    {"token-file", 0, "FILE", "Read GitHub's token from here instead of $GITHUB_TOKEN.", NULL},
    {"summary", 0, "FILE", "Write the ruling as Markdown here (-: standard output).",
     "What is written"},
    CMD_ROW_JSON,
    {"quiet", 'q', NULL, "Print the verdict only.", NULL},
    {0},
};

static const char *const examples[] = {"All reports that actions/download-artifact brought",
                                       "hil gate reports/",
                                       "By a policy, with a check run at the commit",
                                       "hil gate --policy gate.yaml --check-run reports/",
                                       "At a desk, against the report of the last release",
                                       "hil gate --baseline v1.2.0/report.json hil-out",
                                       NULL};

static const char *const see_also[] = {"run", "replay", NULL};

struct options {
    const char *policy, *baseline, *commit, *name, *repo, *token_file, *summary;
    bool check_run, status, json, quiet;
    const char *version;
    int cancel_fd;
    struct strv paths;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    const struct {
        const char *name, **text;
    } texts[] = {{"policy", &options->policy},  {"baseline", &options->baseline},
                 {"commit", &options->commit},  {"name", &options->name},
                 {"repo", &options->repo},      {"token-file", &options->token_file},
                 {"summary", &options->summary}};
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"check-run", &options->check_run},
                 {"status", &options->status},
                 {"json", &options->json},
                 {"quiet", &options->quiet}};

    (void)err;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_eq(row->name, texts[i].name))
            *texts[i].text = value;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (str_eq(row->name, flags[i].name))
            *flags[i].flag = true;
    return 0;
}

static int check_options(const struct options *options, struct err *err)
{
    size_t digits = options->commit ? strlen(options->commit) : SHA_DIGITS_MIN;

    if (!options->paths.count)
        return err_set(err, ERR_USAGE,
                       "no report: name report.json, a hil-out, or a directory with several of "
                       "them");
    if (digits < SHA_DIGITS_MIN || digits > SHA_DIGITS_MAX ||
        (options->commit && strspn(options->commit, "0123456789abcdef") != digits))
        return err_set(err, ERR_USAGE, "--commit: '%s' is no SHA of %d digits or more",
                       options->commit, SHA_DIGITS_MIN);
    if (options->json && str_eq(options->summary, "-"))
        return err_set(err, ERR_USAGE, "--json and --summary - would share standard output");
    return 0;
}

/* ---- which commit ------------------------------------------------------------------------ */

struct commits {
    char *head; /* that the event is about; NULL: GITHUB_SHA */
    const char *wanted[3];
};

/* What the event is about where GITHUB_SHA is something else: on a pull request a merge that nobody
 * else knows, in a workflow that follows another one the default branch. */
static char *event_head(void)
{
    const char *path = getenv("GITHUB_EVENT_PATH"), *name = getenv("GITHUB_EVENT_NAME");
    cleanup_buf struct buf bytes = BUF_INIT(EVENT_BYTES_MAX);
    cJSON *root = NULL;
    char *sha = NULL;

    bool follows = str_eq(name, "workflow_run");

    if (!path || !name || (!follows && !str_starts(name, "pull_request")) ||
        fs_read(path, &bytes, NULL) < 0 ||
        json_parse(bytes.data, bytes.size, EVENT_BYTES_MAX, path, &root, NULL) < 0)
        return NULL;
    const cJSON *about =
        cJSON_GetObjectItemCaseSensitive(root, follows ? "workflow_run" : "pull_request");
    sha = xstrdup(
        follows ? json_get_string(about, "head_sha", NULL)
                : json_get_string(cJSON_GetObjectItemCaseSensitive(about, "head"), "sha", NULL));
    cJSON_Delete(root);
    return sha;
}

static void find_commits(const struct options *options, struct commits *ret)
{
    const char *sha = origin_in_actions() ? getenv("GITHUB_SHA") : NULL;
    size_t count = 0;

    *ret = (struct commits){0};
    if (options->commit) {
        ret->wanted[0] = options->commit;
        return;
    }
    if (origin_in_actions())
        ret->head = event_head();
    if (ret->head)
        ret->wanted[count++] = ret->head;
    /* of these events only pull_request itself has a commit that its jobs test besides the head */
    if (sha && *sha && (!ret->head || str_eq(getenv("GITHUB_EVENT_NAME"), "pull_request")))
        ret->wanted[count++] = sha;
}

/* ---- the reports ------------------------------------------------------------------------- */

static int load_from(const char *path, struct reports *ret, struct err *err)
{
    cleanup_strv struct strv found = {0};
    int rc = rundir_check_ended(path, err);

    if (rc == 0)
        rc = reports_find(path, &found, err);
    for (size_t i = 0; i < found.count && rc == 0; i++)
        rc = reports_load(ret, found.items[i], err);
    return rc;
}

static int load_all(const struct strv *paths, struct reports *ret, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < paths->count && rc == 0; i++)
        rc = load_from(paths->items[i], ret, err);
    reports_settle(ret);
    return rc;
}

static void note(void *arg, const char *text)
{
    const struct options *options = arg;
    cleanup_free char *clean = text_clean_dup(text, ERR_MESSAGE_MAX, TEXT_ONE_LINE);

    if (!options->quiet)
        fprintf(stderr, "hil gate: %s\n", clean);
}

static int download_baseline(struct options *options, const struct policy *policy,
                             struct reports *ret, struct err *err)
{
    struct download_request request = {DOWNLOAD_DEFAULTS,
                                       .release = policy->release,
                                       .asset = policy->asset ? policy->asset : "report.json",
                                       .repo = options->repo,
                                       .whole = true,
                                       .everything = true,
                                       .token_file = options->token_file,
                                       .version = options->version,
                                       .note = note,
                                       .arg = options};
    struct ctx ctx = ctx_root(options->cancel_fd, NULL);
    struct source_files files = {0};
    int rc = download_load(&request, &ctx, &files, err);

    for (size_t i = 0; i < files.count && rc == 0; i++)
        rc = reports_add(ret, files.items[i].name, (const char *)files.items[i].bytes,
                         files.items[i].size, err);
    source_files_done(&files);
    return rc;
}

/* *ret_name: what messages call it; NULL: there is nothing to compare with. Caller frees. */
static int load_baseline(struct options *options, const struct policy *policy, struct reports *ret,
                         char **ret_name, struct err *err)
{
    int rc;

    *ret_name = NULL;
    if (options->baseline) {
        rc = load_from(options->baseline, ret, err);
        *ret_name = rc == 0 ? xstrdup(options->baseline) : NULL;
        return rc < 0 ? err_wrap(err, "--baseline") : 0;
    }
    if (!policy->release)
        return 0;
    rc = download_baseline(options, policy, ret, err);
    if (rc == 0) {
        *ret_name = xasprintf("release %s", policy->release);
        return 0;
    }
    if (rc != -ERR_NOT_FOUND)
        return err_wrap(err, "baseline");
    if (policy->missing == MISSING_BLOCK)
        return err_hint(err, "; for a first release say missing: allow in the policy's baseline");
    note(options, err->message);
    return 0;
}

/* ---- the answer -------------------------------------------------------------------------- */

static int write_summary(const struct options *options, const struct ruling *ruling,
                         struct err *err)
{
    cleanup_buf struct buf page = BUF_INIT(SUMMARY_MAX);

    if (!options->summary)
        return 0;
    ruling_markdown(ruling, SUMMARY_MAX, &page);
    return strcmp(options->summary, "-") != 0
               ? fs_write(options->summary, page.data, page.size, err)
               : fs_write_all(STDOUT_FILENO, page.data, page.size, "standard output", err);
}

static int print(const struct options *options, const struct ruling *ruling, struct err *err)
{
    bool taken = options->json || str_eq(options->summary, "-");
    struct term term = term_open(taken ? stderr : stdout);
    int rc = write_summary(options, ruling, err);

    if (options->quiet)
        fprintf(term.out, "%s\n", verdict_name(ruling->verdict));
    else
        ruling_print(ruling, &term);
    fflush(term.out);
    if (rc == 0 && options->json)
        rc = ruling_json(ruling, STDOUT_FILENO, err);
    if (rc == 0)
        rc = ruling_step_summary(ruling, origin_step_summary(), err);
    if (rc == 0)
        rc = ruling_step_outputs(ruling, origin_step_outputs(), err);
    return rc;
}

static int tell_github(struct options *options, const struct commits *commits,
                       const struct ruling *ruling, struct err *err)
{
    struct run_result around = {0};
    struct run_origin origin = origin_find(&around.arena);
    struct check_place place = {options->repo ? options->repo : getenv("GITHUB_REPOSITORY"),
                                commits->wanted[0], options->name, origin.run_url};
    struct http_options http = {.version = options->version,
                                .connect_ms = 15000,
                                .stall_ms = 30000,
                                .retries = 5,
                                .note = note,
                                .arg = options};
    struct ctx ctx = ctx_root(options->cancel_fd, NULL);
    struct github *github = NULL;
    size_t annotations = 0;
    int rc = check_place_check(&place, err);

    ctx = ctx_narrow(&ctx, INT64_C(600000));
    if (rc == 0)
        rc = github_open(&github, &http, options->token_file, err);
    if (rc == 0 && options->check_run)
        rc = check_run_post(github, &place, ruling, &ctx, &annotations, err);
    if (rc == 0 && options->status)
        rc = commit_status_post(github, &place, ruling, &ctx, err);
    github_close(github);
    run_result_done(&around);
    return rc;
}

static const char *today(char out[DATE_SIZE])
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(out, DATE_SIZE, "%Y-%m-%d", &utc);
    return out;
}

struct gate {
    struct policy policy;
    struct reports reports, baseline;
    struct commits commits;
    struct ruling ruling;
    char *baseline_name;
};

static int decide(struct options *options, struct gate *gate, struct err *err)
{
    char date[DATE_SIZE];
    int rc = policy_load(options->policy, &gate->policy, err);

    if (rc == 0)
        rc = load_all(&options->paths, &gate->reports, err);
    if (rc == 0)
        rc = load_baseline(options, &gate->policy, &gate->baseline, &gate->baseline_name, err);
    if (rc < 0)
        return rc;
    find_commits(options, &gate->commits);
    struct gate_question question = {.reports = &gate->reports,
                                     .commits =
                                         gate->commits.wanted[0] ? gate->commits.wanted : NULL,
                                     .baseline = gate->baseline_name ? &gate->baseline : NULL,
                                     .baseline_name = gate->baseline_name,
                                     .today = today(date)};
    gate_decide(&gate->policy, &question, &gate->ruling);
    return 0;
}

static void gate_done(struct gate *gate)
{
    ruling_done(&gate->ruling);
    free(gate->commits.head);
    free(gate->baseline_name);
    reports_done(&gate->reports);
    reports_done(&gate->baseline);
    policy_done(&gate->policy);
}

/* The ruling is told whatever becomes of telling GitHub; but what was to be told there and was not
 * is no pass. */
static int rule(struct options *options, struct err *err)
{
    struct gate gate = {.ruling = {.verdict = VERDICT_INFRA}};
    int rc = decide(options, &gate, err), code;

    if (rc == 0)
        rc = print(options, &gate.ruling, err);
    if (rc == 0 && (options->check_run || options->status))
        rc = tell_github(options, &gate.commits, &gate.ruling, err);
    code = verdict_exit_code(gate.ruling.verdict);
    gate_done(&gate);
    if (rc == 0)
        return code;
    int failed = cmd_fail(&verb_gate, err);
    return code == 1 ? code : failed;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {.name = "hil", .version = app->version, .cancel_fd = app->cancel_fd};
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_gate, argc, argv, take, &options, &first, &code))
        return code;
    for (int i = first; i < argc; i++)
        strv_add(&options.paths, argv[i]);
    code = check_options(&options, &err) < 0 ? cmd_fail(&verb_gate, &err) : rule(&options, &err);
    strv_done(&options.paths);
    return cmd_exit(app, code);
}

const struct opt_verb verb_gate = {
    .name = "gate",
    .operands = "REPORT...",
    .summary = "decide over the reports of several boards whether a release may go out",
    .description =
        "Reads the report.json of each run (or finds them in directories, as "
        "actions/download-artifact leaves them), holds them against a policy, and prints one line "
        "for everything that is against it. Nothing is green by silence: a board that is asked for "
        "and has no report, a report of another commit, no tests at all are red.\n\n"
        "A policy names the boards, labels and tests that must have passed, how many must have "
        "run, the release that no test may be missing from, which tests may be flaky, which "
        "failures are in quarantine and until when, and whether the lab's fault is a red or asks "
        "for another run:\n\n"
        "  boards: [nucleo-3, gateway]\n"
        "  labels: [nucleo-f446re, \"stm32,has-can\"]\n"
        "  tests: {minimum: 120, require: [\"test_can_*\"]}\n"
        "  baseline: {release: latest, asset: report.json}\n"
        "  flaky: {max: 2, allow: [\"wifi.*\"]}\n"
        "  quarantine:\n"
        "    - {test: wifi.test_roam, until: 2026-12-31, reason: \"#412\"}\n"
        "  infra: retry\n\n"
        "The exit code is that of hil run: 0 pass, 1 fail, 3 the lab is to blame and another run "
        "may settle it (unless infra: block). A check run is a failure then, too, since GitHub "
        "takes a neutral one for no obstacle.",
    .rows = rows,
    .fails = "fail: something is against the policy",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
