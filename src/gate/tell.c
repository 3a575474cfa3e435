/* SPDX-License-Identifier: MIT */
#include "gate/tell.h"

#include "base/fs.h"
#include "base/json.h"
#include "report/escape.h"
#include "report/step_file.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX 2000
#define CLOSING_BYTES 256

static const char *const marks[] = {
    [VERDICT_PASS] = "✅", [VERDICT_FAIL] = "❌", [VERDICT_INFRA] = "⚠️"};
static const char *const words[] = {
    [VERDICT_PASS] = "PASS", [VERDICT_FAIL] = "FAIL", [VERDICT_INFRA] = "INFRA"};
static const enum term_style styles[] = {
    [VERDICT_PASS] = TERM_GREEN, [VERDICT_FAIL] = TERM_RED, [VERDICT_INFRA] = TERM_YELLOW};

static const char *clean(struct buf *out, const char *text)
{
    return words_screen(out, text, strnlen(text, LINE_BYTES_MAX), false);
}

const char *ruling_title(const struct ruling *ruling, struct buf *out)
{
    buf_clear(out);
    if (ruling->verdict == VERDICT_INFRA)
        buf_adds(out, "the lab, not the firmware: ");
    if (ruling->count)
        buf_addf(out, "%zu reason%s against it", ruling->count, words_plural(ruling->count));
    else
        buf_adds(out, "the boards say yes");
    buf_addf(out, " (%zu of %zu run%s passed, %zu test%s)", ruling->boards_passed, ruling->boards,
             words_plural(ruling->boards), ruling->tests, words_plural(ruling->tests));
    return out->data;
}

void ruling_print(const struct ruling *ruling, const struct term *term)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);

    for (size_t i = 0; i < ruling->count; i++)
        fprintf(term->out, "%s%-9s%s %s\n",
                term_style(term, ruling->reds[i].kind == RED_INFRA ? TERM_YELLOW : TERM_RED),
                red_kind_name(ruling->reds[i].kind), term_style(term, TERM_PLAIN),
                clean(&text, ruling->reds[i].text));
    for (size_t i = 0; i < ruling->notes.count; i++)
        fprintf(term->out, "%snote     %s %s\n", term_style(term, TERM_DIM),
                term_style(term, TERM_PLAIN), clean(&text, ruling->notes.items[i]));
    fprintf(term->out, "%s%s%s%s  ", term_style(term, TERM_BOLD),
            term_style(term, styles[ruling->verdict]), words[ruling->verdict],
            term_style(term, TERM_PLAIN));
    fprintf(term->out, "%s\n", ruling_title(ruling, &text));
}

static void write_red(struct json_out *out, const struct red *red)
{
    json_object(out);
    json_kv_string(out, "kind", red_kind_name(red->kind));
    json_kv_string(out, "reason", red->text);
    json_kv_string(out, "test", red->test);
    json_kv_string(out, "path", red->path);
    json_key(out, "line");
    if (red->line)
        json_int(out, red->line);
    else
        json_null(out);
    json_kv_strv(out, "boards", &red->boards);
    json_object_end(out);
}

int ruling_json(const struct ruling *ruling, int fd, struct err *err)
{
    struct json_out out;

    json_begin(&out, fd, 2);
    json_object(&out);
    json_kv_int(&out, "schema", 1);
    json_kv_string(&out, "verdict", verdict_name(ruling->verdict));
    json_kv_int(&out, "runs", (int64_t)ruling->boards);
    json_kv_int(&out, "runs_passed", (int64_t)ruling->boards_passed);
    json_kv_int(&out, "tests", (int64_t)ruling->tests);
    json_key(&out, "reasons");
    json_array(&out);
    for (size_t i = 0; i < ruling->count; i++)
        write_red(&out, &ruling->reds[i]);
    json_array_end(&out);
    json_key(&out, "notes");
    json_array(&out);
    for (size_t i = 0; i < ruling->notes.count; i++)
        json_string(&out, ruling->notes.items[i]);
    json_array_end(&out);
    json_object_end(&out);
    return json_end(&out, err);
}

/* "- **failure** `nucleo-3: fail of ...`"; false where there is no more room. */
static bool add_item(struct buf *out, size_t room, const char *kind, const char *raw)
{
    cleanup_buf struct buf item = BUF_INIT(SIZE_MAX / 4), text = BUF_INIT(SIZE_MAX / 4);

    buf_addf(&item, "- **%s** ", kind);
    escape_code_span(&item, clean(&text, raw));
    buf_adds(&item, "\n");
    if (out->size + item.size > room)
        return false;
    buf_add(out, item.data, item.size);
    return true;
}

void ruling_markdown(const struct ruling *ruling, size_t max, struct buf *out)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);
    size_t room = max > CLOSING_BYTES ? max - CLOSING_BYTES : 0, shown = 0;
    size_t total = ruling->count + ruling->notes.count;

    buf_addf(out, "## %s Gate: %s: %s\n\n", marks[ruling->verdict], words[ruling->verdict],
             ruling_title(ruling, &text));
    while (shown < total) {
        bool red = shown < ruling->count;
        const char *raw =
            red ? ruling->reds[shown].text : ruling->notes.items[shown - ruling->count];
        if (!add_item(out, room, red ? red_kind_name(ruling->reds[shown].kind) : "note", raw))
            break;
        shown++;
    }
    if (shown < total)
        buf_addf(out, "\n**Cut:** %zu more, for want of room.\n", total - shown);
}

int ruling_step_outputs(const struct ruling *ruling, const char *path, struct err *err)
{
    cleanup_free char *reasons = xasprintf("%zu", ruling->count);
    const struct step_output outputs[] = {{"verdict", verdict_name(ruling->verdict)},
                                          {"reasons", reasons}};

    return path ? step_outputs_add(path, outputs, ARRAY_SIZE(outputs), err) : 0;
}

int ruling_step_summary(const struct ruling *ruling, const char *path, struct err *err)
{
    cleanup_buf struct buf page = BUF_INIT(STEP_SUMMARY_MAX);
    cleanup_close int fd = -1;
    size_t room = 0;
    int rc = path ? step_summary_open(path, &fd, &room, err) : 0;

    if (!path || rc < 0 || room < 4 * CLOSING_BYTES)
        return rc;
    ruling_markdown(ruling, room, &page);
    return fs_write_all(fd, page.data, page.size, path, err);
}
