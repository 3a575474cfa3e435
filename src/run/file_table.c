/* SPDX-License-Identifier: MIT */
#include "run/file_table.h"

#include "base/str.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_MAX_BYTES \
    ((size_t)512 * 1024) /* of names: far from where run.json cannot be read \
                          */

struct table {
    struct name_map printed; /* the value is where in `paths`, from 1 */
    const char **paths;      /* NULL: none is meant */
    size_t count, room;
    size_t bytes;
};

static void table_done(struct table *table)
{
    name_map_done(&table->printed);
    free(table->paths);
}

static void table_add(struct table *table, struct name_slot *slot, const char *path)
{
    if (table->count == table->room) {
        table->room = table->room ? table->room * 2 : 64;
        table->paths = xrealloc(table->paths, table->room, sizeof *table->paths);
    }
    table->paths[table->count++] = path;
    slot->value = table->count;
}

/* ---- every case that names a file -------------------------------------------------------- */

typedef void case_visitor(void *arg, struct test_case *test_case);

static void visit_job(const struct job_result *job, case_visitor *visit, void *arg)
{
    for (size_t s = 0; s < job->suite_count; s++)
        for (size_t c = 0; c < job->suites[s].count; c++)
            if (job->suites[s].cases[c].file)
                visit(arg, &job->suites[s].cases[c]);
    for (size_t i = 0; i < job->earlier_count; i++)
        visit_job(job->earlier[i], visit, arg);
}

static void visit_cases(const struct run_result *run, size_t first, case_visitor *visit, void *arg)
{
    for (size_t j = first; j < run->count; j++)
        visit_job(run->jobs[j], visit, arg);
}

/* ---- the run ----------------------------------------------------------------------------- */

struct resolver {
    struct table table;
    struct arena *arena;
    const struct git_paths *paths;
};

static bool is_clean(const char *text)
{
    return text_is_clean(text, strlen(text));
}

static const char *look_up(struct resolver *resolver, const char *printed)
{
    const char *path;

    if (git_paths_resolve(resolver->paths, printed, &path) != GIT_PATH_FOUND ||
        !is_clean(printed) || !is_clean(path))
        return NULL;
    resolver->table.bytes += strlen(printed) + strlen(path);
    return resolver->table.bytes <= TABLE_MAX_BYTES ? arena_strdup(resolver->arena, path) : NULL;
}

static void resolve(void *arg, struct test_case *test_case)
{
    struct resolver *resolver = arg;
    struct table *table = &resolver->table;
    struct name_slot *slot = name_map_at(&table->printed, test_case->file, strlen(test_case->file));

    if (!slot->value)
        table_add(table, slot, look_up(resolver, test_case->file));
    test_case->path = table->paths[slot->value - 1];
}

void file_table_resolve(struct run_result *run, const struct git_paths *paths)
{
    struct resolver resolver = {.arena = &run->arena, .paths = paths};

    visit_cases(run, 0, resolve, &resolver);
    table_done(&resolver.table);
}

struct writer {
    struct json_out *out;
    struct name_map written;
};

static void write_file(void *arg, struct test_case *test_case)
{
    struct writer *writer = arg;
    struct name_slot *slot;

    if (!test_case->path)
        return;
    slot = name_map_at(&writer->written, test_case->file, strlen(test_case->file));
    if (slot->value)
        return;
    slot->value = 1;
    json_object(writer->out);
    json_kv_string(writer->out, "printed", test_case->file);
    json_kv_string(writer->out, "path", test_case->path);
    json_object_end(writer->out);
}

void file_table_write(struct json_out *out, const struct run_result *run)
{
    struct writer writer = {.out = out};

    json_array(out);
    visit_cases(run, 0, write_file, &writer);
    json_array_end(out);
    name_map_done(&writer.written);
}

/* ---- replay ------------------------------------------------------------------------------ */

/* As git names a tracked file: no part of it leads anywhere else. */
static bool is_tracked_path(const char *path)
{
    for (const char *part = path;; part++) {
        size_t length = strcspn(part, "/");
        if (!length || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += length;
        if (!*part)
            return true;
    }
}

static void recall(void *arg, struct test_case *test_case)
{
    struct table *table = arg;
    struct name_slot *slot = name_map_at(&table->printed, test_case->file, strlen(test_case->file));

    test_case->path = slot->value ? table->paths[slot->value - 1] : NULL;
}

static int read_table(const cJSON *array, struct arena *arena, struct table *ret, struct err *err)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, array)
    {
        const char *printed = arena_strdup(arena, json_get_string(item, "printed", NULL));
        const char *path = arena_strdup(arena, json_get_string(item, "path", NULL));
        if (!printed || !path || !is_tracked_path(path))
            return err_set(err, ERR_DATA, "'files' names one that is none of a repository's");
        table_add(ret, name_map_at(&ret->printed, printed, strlen(printed)), path);
    }
    return 0;
}

int file_table_read(const cJSON *array, struct run_result *run, size_t first, struct err *err)
{
    struct table table = {0};
    int rc = read_table(array, &run->arena, &table, err);

    if (rc == 0)
        visit_cases(run, first, recall, &table);
    table_done(&table);
    return rc;
}
