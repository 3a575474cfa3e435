/* SPDX-License-Identifier: MIT */
#include "base/rows.h"

#include "../scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

struct thing {
    const char *name;
    int64_t count, took_us;
    bool good;
    double rate;
};

static void describe(struct rows *rows, const struct thing *thing)
{
    rows_string(rows, "name", thing->name);
    rows_int(rows, "count", thing->count);
    rows_bool(rows, "good", thing->good);
    rows_double(rows, "rate", thing->rate, 2);
    rows_seconds(rows, "took_s", thing->took_us);
}

static char *written(enum rows_format format, const struct thing *things, size_t count)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "out");
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct rows rows;

    rows_begin(&rows, format, fd);
    rows_list(&rows, "things");
    describe(&rows, &(struct thing){0});
    rows_list_rows(&rows);
    for (size_t i = 0; i < count; i++) {
        rows_row(&rows);
        describe(&rows, &things[i]);
        rows_row_end(&rows);
    }
    rows_list_end(&rows);
    cr_assert_eq(rows_end(&rows, NULL), 0);
    return scratch_text(path);
}

static const struct thing things[] = {{"plain", -3, 1500000, true, 0.125},
                                      {"a,b \"c\"\nd", 0, -1, false, 1},
                                      {NULL, INT64_MAX, 0, true, 0}};

Test(rows, csv_as_rfc_4180_has_it)
{
    cleanup_free char *text = written(ROWS_CSV, things, ARRAY_SIZE(things));
    cleanup_free char *none = written(ROWS_CSV, things, 0);

    cr_expect_str_eq(text, "name,count,good,rate,took_s\r\n"
                           "plain,-3,true,0.12,1.500000\r\n"
                           "\"a,b \"\"c\"\"\nd\",0,false,1.00,\r\n"
                           ",9223372036854775807,true,0.00,0.000000\r\n");
    cr_expect_str_eq(none, "name,count,good,rate,took_s\r\n");
}

Test(rows, json_of_the_same)
{
    cleanup_free char *text = written(ROWS_JSON, things, ARRAY_SIZE(things));
    const cJSON *list, *second;
    cJSON *json = NULL;

    cr_assert_eq(json_parse(text, strlen(text), 1 << 20, "rows", &json, NULL), 0, "%s", text);
    cr_expect_eq(json_get_int(json, "schema", 0), 1);
    list = cJSON_GetObjectItem(json, "things");
    cr_assert_eq(cJSON_GetArraySize(list), 3);
    second = cJSON_GetArrayItem(list, 1);
    cr_expect_str_eq(json_get_string(second, "name", ""), "a,b \"c\"\nd");
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(second, "took_s")));
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 2), "name")));
    cJSON_Delete(json);
}

Test(rows, what_cannot_be_written_is_told)
{
    static const enum rows_format formats[] = {ROWS_CSV, ROWS_JSON};

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        cleanup_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        struct err err = {0};
        struct rows rows;
        rows_begin(&rows, formats[i], fd);
        rows_list(&rows, "things");
        describe(&rows, &things[0]);
        rows_list_rows(&rows);
        rows_list_end(&rows);
        cr_expect_eq(rows_end(&rows, &err), -ERR_IO);
        cr_expect(strstr(err.message, "No space left"), "%s", err.message);
    }
}
