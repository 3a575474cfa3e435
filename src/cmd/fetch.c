/* SPDX-License-Identifier: MIT */
#include "source/download.h"

#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/source_options.h"

#include <inttypes.h>
#include <stdio.h>

struct options {
    struct download_request request;
    const char *out_dir;
    bool json, quiet;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    int taken = source_options_take(row, value, &options->request, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    if (str_eq(row->name, "out"))
        options->out_dir = value;
    else if (str_eq(row->name, "json"))
        options->json = options->request.hash_files = true;
    else if (str_eq(row->name, "quiet"))
        options->quiet = true;
    else if (str_eq(row->name, "no-unpack"))
        options->request.whole = true;
    return 0;
}

static void note(void *arg, const char *text)
{
    const struct options *options = arg;

    if (!options->quiet)
        fprintf(stderr, "hil fetch: %s\n", text);
}

static void write_proofs(struct json_out *out, const struct download_item *item)
{
    json_kv_bool(out, "digest_checked", item->proofs & PROOF_DIGEST);
    json_kv_bool(out, "signature_checked", item->proofs & PROOF_SIGNATURE);
    json_kv_bool(out, "attestation_checked", item->proofs & PROOF_ATTESTATION);
    json_kv_string(out, "trusted_comment", item->comment);
}

static int print_json(const struct download_report *report, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_key(&out, "downloads");
    json_array(&out);
    for (size_t i = 0; i < report->count; i++) {
        const struct download_item *item = &report->items[i];
        json_object(&out);
        json_kv_string(&out, "kind", item->kind);
        json_kv_string(&out, "name", item->name);
        json_kv_int(&out, "size", (int64_t)item->size);
        json_kv_string(&out, "sha256", item->sha256);
        write_proofs(&out, item);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_key(&out, "files");
    json_array(&out);
    for (size_t i = 0; i < report->file_count; i++) {
        json_object(&out);
        json_kv_string(&out, "path", report->files[i].path);
        json_kv_int(&out, "size", (int64_t)report->files[i].size);
        json_kv_string(&out, "sha256", report->files[i].sha256);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

static void print_text(const struct download_report *report)
{
    for (size_t i = 0; i < report->file_count; i++) {
        cleanup_free char *path = text_clean_dup(report->files[i].path, SIZE_MAX, TEXT_ONE_LINE);
        printf("%s  %" PRIu64 " bytes\n", path, report->files[i].size);
    }
}

static int fetch(const struct app *app, const struct options *options, struct err *err)
{
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    struct download_report report = {0};
    int rc = download_into(&options->request, options->out_dir, &ctx, &report, err);

    if (rc == 0 && options->json)
        rc = print_json(&report, err);
    else if (rc == 0 && !options->quiet)
        print_text(&report);
    download_report_done(&report);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {.request = {DOWNLOAD_DEFAULTS, .everything = true,
                                          .version = app->version, .note = note, .arg = &options},
                              .out_dir = "."};
    struct err err = {0};
    int first, exit_code;

    if (!cmd_parse(&verb_fetch, argc, argv, take, &options, &first, &exit_code))
        return exit_code;
    if (argc > first || !download_wanted(&options.request)) {
        err_set(&err, ERR_USAGE, "%s%s: name a source with --artifact, --release or --url",
                argc > first ? "not an option: " : "nothing to fetch",
                argc > first ? argv[first] : "");
        return cmd_fail(&verb_fetch, &err);
    }
    if (fetch(app, &options, &err) == 0)
        return 0;
    exit_code = cmd_fail(&verb_fetch, &err);
    return err.code == ERR_CANCELLED ? 128 + cmd_cancel_signal(app) : exit_code;
}

static const struct opt_row rows[] = {
    SOURCE_OPTIONS_ROWS,
    SOURCE_OPTIONS_REQUIRE,
    {"out", 'o', "DIR", "Where files go (the current directory). Made where it is missing.",
     "What is written"},
    {"no-unpack", 0, NULL, "Write archives as they are.", NULL},
    CMD_ROW_JSON,
    {"quiet", 'q', NULL, "Print errors only.", NULL},
    {0},
};

static const char *const examples[] = {
    "What an earlier job of this run has built",
    "hil fetch --artifact firmware -o build",
    "The firmware of the latest release, which must be signed",
    "hil fetch --repo owner/name --release latest --asset 'fw-*.zip' --minisign key.pub",
    "From main, as it was built last",
    "hil fetch --artifact firmware --branch main --workflow build.yml",
    "From elsewhere",
    "hil fetch --url https://example.com/fw.hex --sha256 "
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b...",
    NULL,
};

const struct opt_verb verb_fetch = {
    .name = "fetch",
    .operands = "",
    .summary = "download firmware from GitHub or a URL, check it, unpack it",
    .description =
        "Fetches an artifact of a GitHub Actions run, an asset of a release or the file behind a "
        "URL. Archives are unpacked as they come. The SHA-256 of what came is compared with "
        "GitHub's (or --sha256) before anything appears in the directory, and then everything "
        "appears at once. Where there is nothing to compare with, a note says so, and --require "
        "digest makes it an error.\n\n"
        "The token comes from $GITHUB_TOKEN or --token-file, and goes to the host of "
        "$GITHUB_API_URL (https://api.github.com) only, never along a redirect to another. An "
        "artifact needs the permission actions: read, a release contents: read. Proxies come from "
        "the usual variables, CA files from $SSL_CERT_FILE.\n\n"
        "What may pass is tried again: lost connections, server errors, rate limits. What was "
        "waited for is told, and the wait ends with --fetch-timeout.",
    .rows = rows,
    .examples = examples,
    .see_also = (const char *const[]){"run", "image", NULL},
    .run = run,
};
