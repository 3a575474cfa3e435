/* SPDX-License-Identifier: MIT */
#include "source/download_parts.h"

#include "base/str.h"
#include "base/text.h"
#include "source/attest.h"
#include "source/intake.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OLD_SIGNATURE_MAX ((size_t)64 << 20)

bool download_wants_attestation(const struct download_request *request)
{
    return request->attest || request->require & PROOF_ATTESTATION;
}

/* ---- one download ---------------------------------------------------------------------------- */

static void restart_files(void *arg)
{
    struct files_taker *taker = arg;
    struct place *place = (struct place *)((char *)taker - offsetof(struct place, taker));
    struct source_files *files = place->files;

    while (files->count > place->keep) {
        struct source_file *file = &files->items[--files->count];
        free(file->name);
        free(file->base);
        free(file->bytes);
    }
}

static struct source_taker open_place(struct place *place, const char *name)
{
    if (place->dir) {
        place->dir->keep = place->dir->count;
        return into_dir_taker(place->dir);
    }
    place->keep = place->files->count;
    return files_taker_init(&place->taker, name, place->files);
}

static int receive_url(struct download *download, const char *url, const struct http_sink *sink,
                       struct err *err)
{
    struct http_answer answer = {0};
    cleanup_free char *shown = http_url_shown(url);
    int rc =
        http_call(github_http(download->github), &(struct http_request){.url = url, .sink = *sink},
                  &download->ctx, &answer, err);

    if (rc == 0 && answer.fields.status != 200)
        rc = err_set(err, answer.fields.status == 404 ? ERR_NOT_FOUND : ERR_PROTOCOL,
                     "%s: HTTP %ld%s", shown, answer.fields.status,
                     answer.fields.status == 404   ? ", not found"
                     : answer.fields.status == 410 ? ", gone for good"
                     : answer.tries > 1            ? ", more than once"
                                                   : "");
    http_answer_done(&answer);
    return rc;
}

static int receive(struct download *download, const struct item *item, const struct http_sink *sink,
                   struct err *err)
{
    if (item->file)
        return github_download(download->github,
                               str_eq(item->kind, "artifact") ? GITHUB_ARTIFACT : GITHUB_ASSET,
                               download->repo, item->file, sink, &download->ctx, err);
    return receive_url(download, download->request->url, sink, err);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static int text_begin(void *arg, const struct http_answer *answer, struct err *err)
{
    (void)answer;
    (void)err;
    buf_clear(arg);
    return 0;
}

static int text_bytes(void *arg, const void *bytes, size_t count, const struct ctx *ctx,
                      struct err *err)
{
    (void)ctx;
    return buf_add(arg, bytes, count) < 0
               ? err_set(err, ERR_LIMIT, "is too large for a minisign signature")
               : 0;
}

/* Of the URL's path: what comes after '?' stays behind it. */
static char *signature_url(const char *url)
{
    size_t path = strcspn(url, "?#");

    return xasprintf("%.*s" SIGNATURE_ENDING "%s", (int)path, url, url + path);
}

/* Before the bytes themselves: it says what to hash. */
static int fetch_signature(struct download *download, const struct item *item,
                           struct minisign_signature *ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(MINISIGN_FILE_MAX);
    struct http_sink sink = {text_begin, text_bytes, &text};
    int rc;

    if (item->signature) {
        rc = github_download(download->github, GITHUB_ASSET, download->repo, item->signature, &sink,
                             &download->ctx, err);
    } else if (!item->file) {
        cleanup_free char *url = signature_url(download->request->url);
        rc = receive_url(download, url, &sink, err);
    } else {
        rc = err_set(err, ERR_REFUSED, "asset '%s': the release has no '%s%s' beside it",
                     item->name, item->name, SIGNATURE_ENDING);
    }
    if (rc == 0)
        rc = minisign_read(text.data, text.size, ret, err);
    return rc < 0 ? err_wrap(err, "signature") : 0;
}

static int check_digest(struct download *download, const struct item *item,
                        const struct intake_facts *facts, struct download_item *record,
                        struct err *err)
{
    const char *who = item->file ? "GitHub" : "--sha256";
    struct http *http = github_http(download->github);

    if (*item->sha256 && !str_eq(item->sha256, facts->sha256))
        return err_set(err, ERR_PROTOCOL,
                       "wrong digest: the %" PRIu64 " bytes that came have sha256:%s, %s says "
                       "sha256:%s; none of them was used",
                       facts->size, facts->sha256, who, item->sha256);
    if (item->size >= 0 && (uint64_t)item->size != facts->size)
        return err_set(err, ERR_PROTOCOL, "truncated: %" PRIu64 " bytes came, GitHub says %" PRId64,
                       facts->size, item->size);
    if (*item->sha256) {
        record->proofs |= PROOF_DIGEST;
        http_note(http, "%s '%s': %" PRIu64 " bytes, sha256:%s as %s says", item->kind, item->name,
                  facts->size, facts->sha256, who);
        return 0;
    }
    if (download->request->require & PROOF_DIGEST)
        return err_set(err, ERR_REFUSED, "--require digest: %s has no digest of it",
                       item->file ? "GitHub" : "the command line");
    http_note(http, "%s '%s': %" PRIu64 " bytes, sha256:%s, compared with nothing: %s", item->kind,
              item->name, facts->size, facts->sha256,
              item->file ? "GitHub has no digest of it" : "no --sha256 was given");
    return 0;
}

static int check_signature(struct download *download, const struct item *item,
                           const struct minisign_signature *signature,
                           const struct intake_facts *facts, struct download_item *record,
                           struct err *err)
{
    const void *bytes = signature->hashed ? facts->blake : (const uint8_t *)facts->kept.data;
    size_t count = signature->hashed ? sizeof facts->blake : facts->kept.size;
    int rc = minisign_verify(&download->key, signature, bytes, count, err);

    if (rc < 0)
        return err_wrap(err, "signature");
    record->proofs |= PROOF_SIGNATURE;
    record->comment = text_clean_dup(signature->comment, MINISIGN_COMMENT_MAX, TEXT_ONE_LINE);
    http_note(github_http(download->github), "%s '%s': its signature is good (%s)", item->kind,
              item->name, record->comment);
    return 0;
}

static int check_attestations(struct download *download, struct download_item *record,
                              struct err *err)
{
    const struct place *place = &download->place;
    struct attest attest = {download->repo, github_token(download->github), &download->ctx};
    size_t count = place->dir ? place->dir->count : place->files->count;
    int rc = 0;

    for (size_t i = place->dir ? place->dir->keep : place->keep; rc == 0 && i < count; i++) {
        if (place->dir) {
            cleanup_free char *path = into_dir_staged(place->dir, i);
            rc = attest_file(&attest, place->dir->files[i].name, path, err);
        } else {
            const struct source_file *file = &place->files->items[i];
            rc = attest_bytes(&attest, file->name, file->bytes, file->size, err);
        }
    }
    if (rc == 0) {
        record->proofs |= PROOF_ATTESTATION;
        http_note(github_http(download->github), "attestation: gh vouches for what '%s' gave",
                  record->name);
    }
    return rc;
}

/* ---- from the socket to the place ------------------------------------------------------------ */

static struct download_item *add_record(struct download_report *report, const struct item *item)
{
    struct download_item *record;

    report->items = xrealloc(report->items, report->count + 1, sizeof *report->items);
    record = &report->items[report->count++];
    *record = (struct download_item){.kind = item->kind,
                                     .name = text_clean_dup(item->name, 300, TEXT_ONE_LINE)};
    return record;
}

static struct intake_spec intake_of(struct download *download, const struct item *item,
                                    const struct minisign_signature *signature)
{
    const struct download_request *request = download->request;

    return (struct intake_spec){
        .name = item->name,
        .base = str_eq(item->kind, "asset") ? item->name : NULL,
        .other = item->name,
        .member = request->member       ? request->member
                  : request->everything ? "**"
                                        : NULL,
        .whole = request->whole,
        .zip_due = str_eq(item->kind, "artifact"),
        .hash_blake = request->minisign && signature->hashed,
        .keep_max = request->minisign && !signature->hashed ? OLD_SIGNATURE_MAX : 0,
        .taker = open_place(&download->place, item->name),
        .restart = download->place.dir ? into_dir_restart : restart_files,
    };
}

/* The bytes' own faults come last: whether they are the right ones is the first question. */
static int judge(struct download *download, const struct item *item,
                 const struct minisign_signature *signature, struct intake *intake, struct err *err)
{
    struct download_item *record = add_record(download->report, item);
    struct intake_facts facts;
    struct err unpack_err = {0};
    int unpack_rc = intake_finish(intake, &facts, &unpack_err), rc;

    record->size = facts.size;
    memcpy(record->sha256, facts.sha256, sizeof record->sha256);
    rc = check_digest(download, item, &facts, record, err);
    if (rc == 0 && download->request->minisign)
        rc = check_signature(download, item, signature, &facts, record, err);
    if (rc < 0)
        return err_wrap(err, "%s '%s'", item->kind, record->name);
    if (unpack_rc < 0) {
        if (err)
            *err = unpack_err;
        return unpack_rc;
    }
    return download_wants_attestation(download->request) ? check_attestations(download, record, err)
                                                         : 0;
}

int download_one(struct download *download, const struct item *item, struct err *err)
{
    struct minisign_signature signature = {0};
    struct intake *intake;
    struct intake_spec spec;
    struct http_sink sink;
    int rc = download->request->minisign ? fetch_signature(download, item, &signature, err) : 0;

    if (rc < 0)
        return rc;
    spec = intake_of(download, item, &signature);
    intake = intake_new(&spec, &download->ctx);
    sink = intake_sink(intake);
    rc = receive(download, item, &sink, err);
    if (rc == 0)
        rc = judge(download, item, &signature, intake, err);
    intake_free(intake);
    if (!download->place.dir)
        files_taker_done(&download->place.taker);
    return rc;
}
