/* SPDX-License-Identifier: MIT */
#include "source/intake.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "source/curl_api.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium/crypto_generichash.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 512 /* a tar is known by what stands at 257 */

enum way {
    WAY_OPEN,    /* too few bytes yet */
    WAY_ARCHIVE, /* to the thread */
    WAY_PLAIN,   /* to the taker */
};

struct intake {
    struct intake_spec spec;
    struct ctx ctx;
    enum way way;
    char *base, *type; /* of this answer: file name, Content-Type or NULL */
    bool base_is_sure; /* somebody who knows said it */
    char head[HEAD_BYTES];
    size_t head_size;
    struct intake_facts facts;
    struct sha256 sha;
    crypto_generichash_state blake;

    pthread_t thread;
    bool running;
    struct conveyor *belt; /* to the thread */
    int thread_rc;
    struct err thread_err;
};

static void start_hashes(struct intake *intake)
{
    sha256_done(&intake->sha);
    sha256_init(&intake->sha);
    crypto_generichash_init(&intake->blake, NULL, 0, MINISIGN_HASH_BYTES);
}

struct intake *intake_new(const struct intake_spec *spec, const struct ctx *ctx)
{
    struct intake *intake = xcalloc(1, sizeof *intake);

    intake->spec = *spec;
    intake->ctx = *ctx;
    intake->facts.kept = (struct buf)BUF_INIT(spec->keep_max);
    start_hashes(intake);
    return intake;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void *unpack(void *arg)
{
    struct intake *intake = arg;
    const struct intake_spec *spec = &intake->spec;
    struct archive_wish wish = {spec->name, spec->member, "--member ", intake->belt};
    const void *rest;

    intake->thread_rc =
        archive_read_members(-1, &wish, &spec->taker, &intake->ctx, &intake->thread_err);
    if (intake->thread_rc == ARCHIVE_NONE)
        intake->thread_rc =
            err_set(&intake->thread_err, ERR_DATA,
                    "%s: damaged: it begins like an archive, and is none", spec->name);
    while (conveyor_take(intake->belt, &rest, &intake->ctx, NULL) > 0)
        ;
    return NULL;
}

static int start_thread(struct intake *intake, struct err *err)
{
    int rc = conveyor_new(&intake->belt, err);

    if (rc < 0)
        return rc;
    intake->thread_rc = 0;
    intake->thread_err = (struct err){0};
    rc = pthread_create(&intake->thread, NULL, unpack, intake);
    intake->running = rc == 0;
    return rc == 0 ? 0 : err_sys(err, rc, "thread");
}

static void end_thread(struct intake *intake)
{
    if (intake->running) {
        conveyor_end(intake->belt);
        pthread_join(intake->thread, NULL);
    }
    intake->running = false;
    conveyor_free(intake->belt);
    intake->belt = NULL;
}

/* ---- what is it? ----------------------------------------------------------------------------- */

static bool starts(const struct intake *intake, size_t at, const char *magic, size_t count)
{
    return intake->head_size >= at + count && !memcmp(intake->head + at, magic, count);
}

static bool is_archive(const struct intake *intake)
{
    static const struct {
        size_t at, count;
        const char *magic;
    } kinds[] = {
        {0, 4, "PK\3\4"},
        {0, 4, "PK\5\6"},
        {0, 2, "\x1f\x8b"},
        {0, 3, "BZh"},
        {0, 6,
         "\xfd"
         "7zXZ\0"},
        {0, 4, "\x28\xb5\x2f\xfd"},
        {0, 4, "\x04\x22\x4d\x18"},
        {0, 4, "LZIP"},
        {0, 6, "7z\xbc\xaf\x27\x1c"},
        {257, 5, "ustar"},
        {0, 8, "!<arch>\n"},
        {0, 4, "MSCF"},
        {0, 6, "070701"},
        {0, 6, "Rar!\x1a\x07"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (starts(intake, kinds[i].at, kinds[i].magic, kinds[i].count))
            return true;
    return false;
}

static bool is_web_page(const struct intake *intake)
{
    size_t at = 0;

    while (at < intake->head_size && strchr(" \t\r\n\xef\xbb\xbf", intake->head[at]) &&
           intake->head[at])
        at++;
    return (intake->head_size - at >= 9 && !strncasecmp(intake->head + at, "<!doctype", 9)) ||
           (intake->head_size - at >= 5 && !strncasecmp(intake->head + at, "<html", 5));
}

static bool says_zip(const struct intake *intake)
{
    const char *type = intake->type;

    return type && (str_eq(type, "application/zip") || str_eq(type, "application/zip-compressed") ||
                    str_eq(type, "application/x-zip-compressed"));
}

static int refuse_web_page(const struct intake *intake, struct err *err)
{
    return err_set(
        err, ERR_PROTOCOL,
        "a web page (HTML) came where %s was due: a login page, a proxy's error or a wrong URL",
        intake->spec.zip_due ? "a zip" : "firmware");
}

static int choose_way(struct intake *intake, struct err *err)
{
    const struct intake_spec *spec = &intake->spec;
    bool archive =
        is_archive(intake) && !(intake->base_is_sure && source_is_firmware_name(intake->base));

    if (is_web_page(intake) && !str_ends(intake->base, ".html") && !str_ends(intake->base, ".htm"))
        return refuse_web_page(intake, err);
    if (!archive && says_zip(intake))
        return err_set(err, ERR_DATA, "no zip came, though the server says so");
    if (archive && !spec->whole) {
        intake->way = WAY_ARCHIVE;
        return start_thread(intake, err);
    }
    if (spec->member && !spec->whole && !str_eq(spec->member, "**"))
        return err_set(err, ERR_USAGE, "is no archive, so it has no member '%s'", spec->member);
    intake->way = WAY_PLAIN;
    return spec->taker.begin(spec->taker.arg, intake->base, err);
}

/* ---- the sink -------------------------------------------------------------------------------- */

/* The last segment of what a server or a URL calls a file. */
static char *base_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *back = strrchr(name, '\\');

    return fs_safe_name(back > slash ? back + 1 : slash ? slash + 1 : name);
}

static void name_it(struct intake *intake, const struct http_answer *answer)
{
    const struct intake_spec *spec = &intake->spec;
    cleanup_free char *said = http_disposition_name(answer->fields.disposition);

    free(intake->base);
    free(intake->type);
    intake->type = xstrdup(answer->fields.type);
    intake->base = base_of(spec->base ? spec->base : said ? said : spec->other);
    intake->base_is_sure = spec->base || said || !spec->zip_due;
}

static void start_again(struct intake *intake)
{
    end_thread(intake);
    intake->spec.restart(intake->spec.taker.arg);
    intake->way = WAY_OPEN;
    intake->head_size = 0;
    intake->facts.size = 0;
    buf_clear(&intake->facts.kept);
    start_hashes(intake);
}

static int on_begin(void *arg, const struct http_answer *answer, struct err *err)
{
    struct intake *intake = arg;

    start_again(intake);
    name_it(intake, answer);
    if (answer->fields.type && str_eq(answer->fields.type, "text/html") && intake->spec.zip_due)
        return refuse_web_page(intake, err);
    return 0;
}

static int pass_on(struct intake *intake, const void *bytes, size_t count, const struct ctx *ctx,
                   struct err *err)
{
    const struct source_taker *taker = &intake->spec.taker;

    if (intake->way == WAY_ARCHIVE)
        return conveyor_put(intake->belt, bytes, count, ctx, err);
    if (intake->facts.size > taker->file_max)
        return err_set(err, ERR_LIMIT, "larger than %" PRIu64 " MiB", taker->file_max >> 20);
    return taker->bytes(taker->arg, bytes, count, err);
}

static int keep(struct intake *intake, const void *bytes, size_t count, struct err *err)
{
    sha256_add(&intake->sha, bytes, count);
    if (intake->spec.hash_blake)
        crypto_generichash_update(&intake->blake, bytes, count);
    intake->facts.size += count;
    if (intake->spec.keep_max && buf_add(&intake->facts.kept, bytes, count) < 0)
        return err_set(err, ERR_LIMIT,
                       "too large (over %zu MiB) for a signature of the old kind; sign its hash: "
                       "minisign -S -H",
                       intake->spec.keep_max >> 20);
    return 0;
}

static int decide(struct intake *intake, const struct ctx *ctx, struct err *err)
{
    int rc = choose_way(intake, err);

    return rc == 0 ? pass_on(intake, intake->head, intake->head_size, ctx, err) : rc;
}

static int on_bytes(void *arg, const void *bytes, size_t count, const struct ctx *ctx,
                    struct err *err)
{
    struct intake *intake = arg;
    int rc = keep(intake, bytes, count, err);

    if (rc == 0 && intake->way == WAY_OPEN) {
        size_t room = HEAD_BYTES - intake->head_size, taken = count < room ? count : room;
        memcpy(intake->head + intake->head_size, bytes, taken);
        intake->head_size += taken;
        bytes = (const char *)bytes + taken;
        count -= taken;
        if (intake->head_size == HEAD_BYTES)
            rc = decide(intake, ctx, err);
    }
    return rc == 0 && count ? pass_on(intake, bytes, count, ctx, err) : rc;
}

struct http_sink intake_sink(struct intake *intake)
{
    return (struct http_sink){on_begin, on_bytes, intake};
}

/* ---- the end --------------------------------------------------------------------------------- */

static int finish(struct intake *intake, struct err *err)
{
    const struct source_taker *taker = &intake->spec.taker;
    int rc = 0;

    if (intake->way == WAY_OPEN && intake->facts.size == 0)
        return err_set(err, ERR_DATA, "%s: is empty", intake->spec.name);
    if (intake->way == WAY_OPEN)
        rc = decide(intake, &intake->ctx, err);
    end_thread(intake);
    if (rc == 0 && intake->way == WAY_PLAIN)
        rc = taker->end(taker->arg, err);
    if (rc < 0)
        return err_wrap(err, "%s", intake->spec.name);
    if (intake->way == WAY_ARCHIVE && intake->thread_rc < 0) {
        if (err)
            *err = intake->thread_err;
        return intake->thread_rc;
    }
    return 0;
}

int intake_finish(struct intake *intake, struct intake_facts *ret_facts, struct err *err)
{
    int rc = finish(intake, err);

    sha256_hex_end(&intake->sha, intake->facts.sha256);
    crypto_generichash_final(&intake->blake, intake->facts.blake, MINISIGN_HASH_BYTES);
    *ret_facts = intake->facts;
    return rc;
}

void intake_free(struct intake *intake)
{
    if (!intake)
        return;
    end_thread(intake);
    sha256_done(&intake->sha);
    buf_done(&intake->facts.kept);
    free(intake->base);
    free(intake->type);
    free(intake);
}
