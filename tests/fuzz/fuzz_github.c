/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an answer of GitHub's API, as a signature, and as header fields. The first byte says
 * which reader gets the rest.
 */
#include "source/github_json.h"
#include "source/http_field.h"
#include "source/minisign.h"

#include "base/str.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_files(const char *text, size_t count, const char *list)
{
    struct github_files files = {0};
    struct err err = {0};
    int rc = github_read_files(text, count, list, &files, &err);

    must((rc < 0) == (err.message[0] != '\0'));
    for (size_t i = 0; i < files.count; i++) {
        const struct github_file *file = &files.items[i];
        must(file->id > 0 && file->name && *file->name);
        must(!*file->sha256 || strspn(file->sha256, "0123456789abcdef") == 64);
    }
    github_files_done(&files);
}

static void check_runs(const char *text, size_t count)
{
    struct github_runs runs = {0};

    github_read_runs(text, count, true, &runs, NULL);
    for (size_t i = 0; i < runs.count; i++)
        must(runs.ids[i] > 0);
    github_runs_done(&runs);
}

static void check_release(const char *text, size_t count)
{
    struct github_files files = {0};
    cleanup_free char *tag = NULL, *commit = NULL, *message = github_read_message(text, count);

    must(github_read_release(text, count, NULL, &tag, &files, NULL) == 0 || !tag);
    must(github_read_commit(text, count, &commit, NULL) < 0 || strlen(commit) == 40);
    must(text_is_clean(message, strlen(message)));
    github_files_done(&files);
}

static void check_fields(const char *text, size_t count)
{
    struct http_fields fields;
    size_t at = 0;

    http_fields_init(&fields);
    while (at < count) {
        const char *end = memchr(text + at, '\n', count - at);
        size_t length = end ? (size_t)(end - text) + 1 - at : count - at;
        if (http_fields_take(&fields, text + at, length, NULL) < 0)
            break;
        at += length;
    }
    cleanup_free char *next = http_link_next(fields.link);
    cleanup_free char *name = http_disposition_name(fields.disposition);
    must(fields.retry_after_s >= -1 && fields.bytes <= HTTP_FIELDS_MAX);
    must(!name || *name);
    must(!next || strlen(next) <= strlen(fields.link));
    http_fields_done(&fields);
}

static void check_signature(const char *text, size_t count)
{
    struct minisign_signature signature;
    struct minisign_key key;

    if (minisign_read(text, count, &signature, NULL) == 0)
        must(strlen(signature.comment) <= MINISIGN_COMMENT_MAX);
    minisign_read_key(text, count, &key, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *text = (const char *)bytes + 1;

    if (count < 1)
        return 0;
    count--;
    switch (bytes[0] % 6) {
    case 0:
        check_files(text, count, "artifacts");
        break;
    case 1:
        check_files(text, count, "assets");
        break;
    case 2:
        check_runs(text, count);
        break;
    case 3:
        check_release(text, count);
        break;
    case 4:
        check_fields(text, count);
        break;
    default:
        check_signature(text, count);
    }
    return 0;
}
