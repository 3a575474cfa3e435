/* SPDX-License-Identifier: MIT
 *
 * What strangers can send to hil serve: paths, headers, forms, and what boards and runs write. The
 * bytes are each of these in turn. No name that may be opened leads out of its directory, no host
 * but ours is answered, whatever a board prints is clean text.
 */
#include "base/str.h"
#include "base/text.h"
#include "serve/page/access.h"
#include "serve/page/place.h"
#include "serve/page/run_follow.h"
#include "serve/page/uart_text.h"
#include "serve/page/web.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_path(const char *text)
{
    struct web_target target = web_target(text);

    if (place_name_ok(text))
        must(*text != '/' && !str_starts(text, ".") && !strstr(text, "/.") && !strstr(text, "//"));
    if (target.run)
        must(target.run >= text && target.file <= text + strlen(text));
    if (place_type(text))
        must(place_name_ok(text));
}

static void try_access(const char *text, const char *bytes, size_t count)
{
    char token[] = "0123456789abcdef-secret";
    struct access access = {.token = token, .key = "k", .cookie = "c"};
    cleanup_free char *form = access_form_token(bytes, count);

    if (access_host_ok(&access, text))
        must(strspn(text, "0123456789abcdefABCDEFlocalhstLOCALHST.:[]%") == strlen(text));
    must(!access_is_known(&access, text, NULL) || strstr(text, token));
    must(!access_is_known(&access, NULL, text) || str_eq(text, "c"));
    must(!access_origin_ok(&access, text, "lab", NULL) || str_ends(text, "://lab") ||
         strlen(text) <= strlen("https://lab"));
    must(!access_origin_ok(&access, "null", "lab", text) || str_eq(text, "same-origin"));
    must(!form || strlen(form) <= count);
}

static void try_text(const char *bytes, size_t count)
{
    struct uart_text whole = {.held_count = 0}, halves = whole;
    cleanup_buf struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);

    uart_text_feed(&whole, bytes, count, &a);
    uart_text_feed(&halves, bytes, count / 2, &b);
    uart_text_feed(&halves, bytes + count / 2, count - count / 2, &b);
    must(text_is_clean(a.data, a.size));
    must(a.size == b.size && !memcmp(a.data, b.data, a.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_free char *text = xstrndup((const char *)bytes, count);
    struct run_follow *run = run_follow_new("/nowhere");

    try_path(text);
    try_access(text, (const char *)bytes, count);
    try_text((const char *)bytes, count);
    for (int i = 0; i < 2; i++)
        run_follow_line(run, (const char *)bytes, count);
    for (size_t i = 0; i < run->count; i++) {
        must(!run->boards[i].dir || place_name_ok(run->boards[i].dir));
        must(run->boards[i].percent >= -1 && run->boards[i].percent <= 100);
    }
    run_follow_free(run);
    return 0;
}
