/* SPDX-License-Identifier: MIT */
#include "run/decode.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "image/symbols.h"
#include "parse/fault.h"
#include "parse/lines.h"
#include "parse/signs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA 1
#define ADDRESSES_MAX 1024
#define TABLE_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define DETAIL_MAX_BYTES ((size_t)64 * 1024)
#define TROUBLE_MAX_BYTES ((size_t)1024)
#define TAIL_MAX_BYTES ((size_t)256 * 1024)

/* ---- the table of addresses -------------------------------------------------------------- */

struct place {
    uint64_t address; /* that was looked up */
    struct symbols_frame *frames;
    size_t count;
    size_t tracked; /* the innermost frame whose file is the repository's; or count */
};

struct table {
    struct arena arena;
    struct place *places; /* by address, once all are there */
    size_t count;
};

static void table_done(struct table *table)
{
    free(table->places);
    arena_done(&table->arena);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->address == y->address ? 0 : x->address < y->address ? -1 : 1;
}

static const struct place *table_find(const struct table *table, uint64_t address)
{
    struct place wanted = {.address = address};

    return table->count
               ? bsearch(&wanted, table->places, table->count, sizeof wanted, compare_places)
               : NULL;
}

static void read_frame(struct arena *arena, const cJSON *json, struct symbols_frame *ret)
{
    int64_t line = json_get_int(json, "line", 0);

    *ret = (struct symbols_frame){
        .function = arena_strdup(arena, json_get_string(json, "function", "(unknown)")),
        .file = arena_strdup(arena, json_get_string(json, "file", NULL)),
        .line = line > 0 && line <= INT32_MAX ? (uint32_t)line : 0,
        .inlined = json_get_bool(json, "inlined", false),
    };
}

static void read_place(struct arena *arena, const cJSON *json, struct place *ret)
{
    const cJSON *frames = cJSON_GetObjectItemCaseSensitive(json, "frames"), *frame;

    *ret = (struct place){.address = strtoull(json_get_string(json, "address", "0"), NULL, 16)};
    ret->frames = arena_alloc(arena, SYMBOLS_FRAMES_MAX * sizeof *ret->frames);
    ret->tracked = SYMBOLS_FRAMES_MAX;
    cJSON_ArrayForEach(frame, frames)
    {
        if (ret->count == SYMBOLS_FRAMES_MAX)
            break;
        if (ret->tracked == SYMBOLS_FRAMES_MAX && json_get_bool(frame, "tracked", false))
            ret->tracked = ret->count;
        read_frame(arena, frame, &ret->frames[ret->count++]);
    }
    if (ret->tracked > ret->count)
        ret->tracked = ret->count;
}

/* A table that is damaged is an empty one: there are fewer words then. */
static struct table table_parse(const struct buf *text)
{
    struct table table = {0};
    cJSON *json = NULL;
    const cJSON *item;

    if (json_parse(text->data, text->size, TABLE_MAX_BYTES, DECODE_FILE, &json, NULL) < 0)
        return table;
    if (json_get_int(json, "schema", 0) == SCHEMA) {
        table.places = xcalloc(ADDRESSES_MAX, sizeof *table.places);
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "addresses"))
        {
            if (table.count < ADDRESSES_MAX)
                read_place(&table.arena, item, &table.places[table.count++]);
        }
        qsort(table.places, table.count, sizeof *table.places, compare_places);
    }
    cJSON_Delete(json);
    return table;
}

/* One that is missing is empty, too. */
static struct table table_read(const char *dir)
{
    cleanup_free char *path = fs_join(dir, DECODE_FILE);
    cleanup_buf struct buf text = BUF_INIT(TABLE_MAX_BYTES);

    if (fs_read(path, &text, NULL) < 0)
        return (struct table){0};
    return table_parse(&text);
}

/* ---- crashes in a result ----------------------------------------------------------------- */

struct crash_scan {
    struct fault fault;
    bool crashed; /* a crash's line was seen; from there on it counts */
};

static void scan_line(struct crash_scan *scan, struct text line)
{
    scan->crashed = scan->crashed || signs_of(line).crash >= CRASH_SUSPECT;
    if (scan->crashed)
        fault_scan(&scan->fault, line);
}

static void scan_text(struct crash_scan *scan, const char *lines)
{
    for (const char *at = lines; at && *at;) {
        size_t size = strcspn(at, "\n");
        scan_line(scan, (struct text){.at = at, .size = size});
        at += size + (at[size] == '\n');
    }
}

static bool scan_case(const struct test_case *test_case, struct crash_scan *ret)
{
    *ret = (struct crash_scan){0};
    if (test_case->result != CASE_ERROR && test_case->result != CASE_FAIL)
        return false;
    scan_text(ret, test_case->message);
    scan_text(ret, test_case->detail);
    return ret->crashed;
}

static uint64_t end_of_cases(const struct job_result *result)
{
    uint64_t end = result->capture.before_reset;

    for (size_t s = 0; s < result->suite_count; s++)
        for (size_t c = 0; c < result->suites[s].count; c++)
            if (result->suites[s].cases[c].log_end > end)
                end = result->suites[s].cases[c].log_end;
    return end;
}

static void scan_log_line(void *arg, const struct line *line)
{
    scan_line(arg, (struct text){.at = line->text, .size = line->size});
}

/* A crash behind the last case, out of the log. */
static bool scan_tail(const struct job_result *result, const char *log, struct crash_scan *ret)
{
    cleanup_close int fd = log ? open(log, O_RDONLY | O_CLOEXEC) : -1;
    cleanup_free char *bytes = NULL;
    uint64_t begin = end_of_cases(result), at = begin;
    struct lines *lines;

    *ret = (struct crash_scan){0};
    if (fd < 0)
        return false;
    bytes = xmalloc(LINE_PIECE);
    lines = lines_new(scan_log_line, ret);
    while (at - begin < TAIL_MAX_BYTES) {
        ssize_t n = pread(fd, bytes, LINE_PIECE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        lines_feed(lines, bytes, (size_t)n, -1, at);
        at += (uint64_t)n;
    }
    lines_finish(lines);
    lines_free(lines);
    return ret->crashed;
}

/* ---- write ------------------------------------------------------------------------------- */

struct writer {
    struct json_out json;
    struct symbols *symbols;
    const struct git_paths *paths;
    uint64_t seen[ADDRESSES_MAX];
    size_t count;
};

static bool is_new(struct writer *writer, uint64_t address)
{
    for (size_t i = 0; i < writer->count; i++)
        if (writer->seen[i] == address)
            return false;
    if (writer->count == ADDRESSES_MAX)
        return false;
    writer->seen[writer->count++] = address;
    return true;
}

static void write_frame(struct writer *writer, const struct symbols_frame *frame)
{
    struct json_out *json = &writer->json;
    const char *path = NULL;

    if (frame->file)
        git_paths_resolve(writer->paths, frame->file, &path);
    json_object(json);
    json_kv_string(json, "function", frame->function);
    json_kv_string(json, "file", path ? path : frame->file);
    json_kv_int(json, "line", frame->line);
    json_kv_bool(json, "inlined", frame->inlined);
    json_kv_bool(json, "tracked", path != NULL);
    json_object_end(json);
}

static void write_place(struct writer *writer, uint64_t address)
{
    struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
    size_t count = symbols_lookup(writer->symbols, address, frames);
    char text[32];

    snprintf(text, sizeof text, "0x%08" PRIx64, address);
    json_object(&writer->json);
    json_kv_string(&writer->json, "address", text);
    json_key(&writer->json, "frames");
    json_array(&writer->json);
    for (size_t i = 0; i < count; i++)
        write_frame(writer, &frames[i]);
    json_array_end(&writer->json);
    json_object_end(&writer->json);
}

static void write_fault(struct writer *writer, const struct fault *fault)
{
    struct fault_code code[FAULT_CODE_MAX];
    size_t count = fault_code(fault, code);

    for (size_t i = 0; i < count; i++)
        if (is_new(writer, code[i].lookup))
            write_place(writer, code[i].lookup);
}

static void write_crashes(struct writer *writer, const struct job_result *result, const char *log)
{
    struct crash_scan scan;

    for (size_t s = 0; s < result->suite_count; s++)
        for (size_t c = 0; c < result->suites[s].count; c++)
            if (scan_case(&result->suites[s].cases[c], &scan))
                write_fault(writer, &scan.fault);
    if (scan_tail(result, log, &scan))
        write_fault(writer, &scan.fault);
}

/* Into `writer->json.pending`. */
static int make_table(struct writer *writer, const struct job_result *result, const char *log,
                      struct err *err)
{
    json_begin(&writer->json, -1, 2);
    json_object(&writer->json);
    json_kv_int(&writer->json, "schema", SCHEMA);
    json_key(&writer->json, "addresses");
    json_array(&writer->json);
    write_crashes(writer, result, log);
    json_array_end(&writer->json);
    json_object_end(&writer->json);
    return json_end(&writer->json, err);
}

static bool open_symbols(struct writer *writer, const struct image *image)
{
    return image && str_eq(image->format, "elf") &&
           symbols_open(image->file_bytes, image->file_size, &writer->symbols, NULL) == 0;
}

int decode_write(const struct job_result *result, const struct image *image,
                 const struct git_paths *paths, const char *dir, struct err *err)
{
    cleanup_free char *path = fs_join(dir, DECODE_FILE), *log = fs_join(dir, "uart.log");
    struct writer writer = {.paths = paths};
    int rc;

    if (!open_symbols(&writer, image))
        return 0; /* nothing to look up in */
    rc = make_table(&writer, result, log, err);
    if (rc == 0 && writer.count)
        rc = fs_write(path, writer.json.pending.data, writer.json.pending.size, err);
    json_done(&writer.json);
    symbols_close(writer.symbols);
    return rc < 0 ? err_wrap(err, "crash addresses") : 0;
}

/* ---- apply ------------------------------------------------------------------------------- */

static void add_frames(struct buf *out, const struct fault_code *code, const struct place *place,
                       size_t *number)
{
    for (size_t i = 0; i < place->count; i++) {
        const struct symbols_frame *frame = &place->frames[i];
        buf_addf(out, "%s#%zu 0x%08" PRIx64 " %s", out->size ? "\n" : "", (*number)++,
                 code->printed, frame->function);
        if (frame->file && frame->line)
            buf_addf(out, " at %s:%" PRIu32, frame->file, frame->line);
        else if (frame->file)
            buf_addf(out, " in %s", frame->file);
        if (frame->inlined && i + 1 < place->count)
            buf_addf(out, " (inlined into %s)", place->frames[i + 1].function);
    }
}

/* The lines for a fault, and where it happened: the innermost frame that is the repository's, or
 * the innermost of all; NULL: not known. */
static const struct symbols_frame *explain(const struct fault *fault, const struct table *table,
                                           struct buf *out)
{
    const struct symbols_frame *innermost = NULL, *tracked = NULL;
    struct fault_code code[FAULT_CODE_MAX];
    size_t count = fault_code(fault, code), number = 0;
    cleanup_buf struct buf words = BUF_INIT(TROUBLE_MAX_BYTES);

    fault_describe(fault, &words);
    if (words.size)
        buf_addf(out, "fault: %s", words.data);
    for (size_t i = 0; i < count; i++) {
        const struct place *place = table_find(table, code[i].lookup);
        if (i == 0 && place && !place->count)
            buf_addf(out, "%s#%zu 0x%08" PRIx64 " in no function of the image",
                     out->size ? "\n" : "", number++, code[i].printed);
        if (!place || !place->count)
            continue;
        add_frames(out, &code[i], place, &number);
        if (!innermost && place->frames[0].file)
            innermost = &place->frames[0];
        if (!tracked && place->tracked < place->count)
            tracked = &place->frames[place->tracked];
    }
    return tracked ? tracked : innermost;
}

static void apply_case(struct job_result *result, struct test_case *test_case,
                       const struct fault *fault, const struct table *table)
{
    cleanup_buf struct buf lines = BUF_INIT(DETAIL_MAX_BYTES);
    const struct symbols_frame *where = explain(fault, table, &lines);

    if (lines.size)
        test_case->detail =
            arena_printf(&result->arena, "%s%s%s", test_case->detail ? test_case->detail : "",
                         test_case->detail ? "\n" : "", lines.data);
    if (where && !test_case->file && str_eq(test_case->error_type, "crash")) {
        test_case->file = arena_strdup(&result->arena, where->file);
        test_case->line = where->line;
    }
}

static const char *apply_trouble(struct job_result *result, const char *trouble,
                                 const struct fault *fault, const struct table *table)
{
    cleanup_buf struct buf words = BUF_INIT(TROUBLE_MAX_BYTES);
    cleanup_buf struct buf lines = BUF_INIT(DETAIL_MAX_BYTES);
    const struct symbols_frame *where = explain(fault, table, &lines);

    fault_describe(fault, &words);
    if (where)
        buf_addf(&words, "%sin %s at %s", words.size ? "; " : "", where->function, where->file);
    if (where && where->line)
        buf_addf(&words, ":%" PRIu32, where->line);
    return words.size ? arena_printf(&result->arena, "%s; the crash: %s", trouble, words.data)
                      : trouble;
}

static const char *apply(struct job_result *result, const char *trouble, const char *log,
                         const struct table *table)
{
    struct crash_scan scan;

    for (size_t s = 0; s < result->suite_count; s++) {
        for (size_t c = 0; c < result->suites[s].count; c++) {
            struct test_case *test_case = &result->suites[s].cases[c];
            if (scan_case(test_case, &scan))
                apply_case(result, test_case, &scan.fault, table);
        }
    }
    if (trouble && scan_tail(result, log, &scan))
        trouble = apply_trouble(result, trouble, &scan.fault, table);
    return trouble;
}

const char *decode_apply(struct job_result *result, const char *trouble, const char *dir)
{
    cleanup_free char *log = fs_join(dir, "uart.log");
    struct table table = table_read(dir);

    trouble = apply(result, trouble, log, &table);
    table_done(&table);
    return trouble;
}

const char *decode_log(struct job_result *result, const char *trouble, const char *log,
                       const struct image *image)
{
    struct writer writer = {0};
    struct table table = {0};

    if (open_symbols(&writer, image)) {
        if (make_table(&writer, result, log, NULL) == 0)
            table = table_parse(&writer.json.pending);
        json_done(&writer.json);
        symbols_close(writer.symbols);
    }
    trouble = apply(result, trouble, log, &table);
    table_done(&table);
    return trouble;
}
