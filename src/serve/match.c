/* SPDX-License-Identifier: MIT */
#include "serve/match.h"

#include "base/buf.h"
#include "base/str.h"
#include "source/parts.h"

#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX ((size_t)4096)
#define BOARD "{board}"
#define LABEL "{label}"

static char *fill(const char *pattern, const char *board, const char *label)
{
    struct buf out = BUF_INIT(PATTERN_MAX);

    while (*pattern) {
        bool is_board = str_starts(pattern, BOARD), is_label = str_starts(pattern, LABEL);
        if (buf_adds(&out, is_board   ? board
                           : is_label ? label
                                      : "") < 0 ||
            (!is_board && !is_label && buf_add(&out, pattern, 1) < 0))
            break;
        pattern += is_board ? strlen(BOARD) : is_label ? strlen(LABEL) : 1;
    }
    return buf_steal(&out);
}

void match_fill(const char *pattern, const struct board_conf *board, struct strv *ret)
{
    const char *slash = strchr(board->name, '/'); /* no file's name has the server in it */
    const char *name = slash ? slash + 1 : board->name;

    if (!strstr(pattern, LABEL)) {
        strv_add_owned(ret, fill(pattern, name, ""));
        return;
    }
    for (size_t i = 0; i < board->labels.count; i++)
        strv_add_owned(ret, fill(pattern, name, board->labels.items[i]));
}

char *match_any(const char *pattern)
{
    return fill(pattern, "*", "*");
}

char *match_stranger(const char *pattern)
{
    for (const char *at = pattern; (at = strchr(at, '{')); at++)
        if (!str_starts(at, BOARD) && !str_starts(at, LABEL))
            return xstrndup(at, strcspn(at, "}") + (strchr(at, '}') != NULL));
    return xstrdup("");
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* What stands beside firmware and proves it. The second group may be what a pattern means. */
static bool is_proof(const char *name, bool chosen)
{
    static const char *const endings[] = {".minisig", ".sha256", ".sha256sum", ".sig",
                                          ".asc",     ".pem",    ".json",      ".txt"};

    for (size_t i = 0; i < (chosen ? ARRAY_SIZE(endings) - 2 : ARRAY_SIZE(endings)); i++)
        if (str_ends(name, endings[i]))
            return true;
    return false;
}

static bool fits(const struct strv *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (str_eq(pattern, name) || (str_glob(pattern, name) && !is_proof(name, true)))
            return true;
    }
    return false;
}

int match_asset(const char *pattern, const struct board_conf *board, const struct strv *names,
                size_t *ret_index, struct err *err)
{
    cleanup_listing struct listing found = {0}, all = {0};
    cleanup_free char *found_text = NULL, *all_text = NULL;
    cleanup_strv struct strv patterns = {0};

    if (pattern)
        match_fill(pattern, board, &patterns);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        listing_add(&all, name);
        if (!(pattern ? fits(&patterns, name) : !is_proof(name, false)))
            continue;
        listing_add(&found, name);
        *ret_index = i;
    }
    if (found.total == 1)
        return 0;
    found_text = listing_text(&found);
    all_text = listing_text(&all);
    if (found.total)
        return err_set(err, ERR_USAGE, "%s '%s' fits several: %s; make it fit one",
                       pattern ? "asset" : "no asset is named, and", pattern ? pattern : "firmware",
                       found_text);
    if (pattern && !patterns.count)
        return err_set(err, ERR_NOT_FOUND, "asset '%s' means nothing for a board without labels",
                       pattern);
    return err_set(err, ERR_NOT_FOUND, "no asset fits '%s'; there is %s", pattern ? pattern : "*",
                   all.total ? all_text : "none at all");
}
