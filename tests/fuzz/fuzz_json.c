/* SPDX-License-Identifier: MIT
 *
 * What json_parse() takes can be written, read again, and written to the same bytes.
 */
#include "base/json.h"

#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MOST 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void write_item(struct json_out *out, const cJSON *item);

static void write_members(struct json_out *out, const cJSON *item, bool named)
{
    for (const cJSON *member = item->child; member; member = member->next) {
        if (named)
            json_key(out, member->string);
        write_item(out, member);
    }
}

/* As deep as json_parse() allows, which is what bounds the recursion. */
static void write_item(struct json_out *out, const cJSON *item)
{
    if (cJSON_IsObject(item)) {
        json_object(out);
        write_members(out, item, true);
        json_object_end(out);
    } else if (cJSON_IsArray(item)) {
        json_array(out);
        write_members(out, item, false);
        json_array_end(out);
    } else if (cJSON_IsString(item)) {
        json_string(out, item->valuestring);
    } else if (cJSON_IsNumber(item) && item->valuedouble == trunc(item->valuedouble) &&
               fabs(item->valuedouble) < 9007199254740992.0) {
        json_int(out, (int64_t)item->valuedouble);
    } else if (cJSON_IsNumber(item)) {
        json_double(out, item->valuedouble, 3);
    } else if (cJSON_IsBool(item)) {
        json_bool(out, cJSON_IsTrue(item));
    } else {
        json_null(out);
    }
}

static char *written(const cJSON *tree, int indent)
{
    struct json_out out;
    char *text;

    json_begin(&out, -1, indent);
    write_item(&out, tree);
    must(json_end(&out, NULL) == 0);
    text = buf_steal(&out.pending);
    json_done(&out);
    return text;
}

static cJSON *read_back(const char *text)
{
    cJSON *tree = NULL;

    must(json_parse(text, strlen(text), SIZE_MAX, "written", &tree, NULL) == 0);
    return tree;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cJSON *tree, *again;
    struct err err;

    if (json_parse((const char *)bytes, count, SIZE_MOST, "input", &tree, &err) < 0)
        return 0;
    json_get_string(tree, "name", "");
    json_get_int(tree, "id", 0);
    json_get_bool(tree, "expired", false);
    cleanup_free char *first = written(tree, 0);
    cleanup_free char *indented = written(tree, 2);
    cJSON_Delete(tree);
    again = read_back(first);
    cleanup_free char *second = written(again, 0);
    cJSON_Delete(again);
    again = read_back(indented);
    cleanup_free char *third = written(again, 0);
    cJSON_Delete(again);
    /* a number may lose digits when it is written first, so that is where equality begins */
    again = read_back(second);
    cleanup_free char *fourth = written(again, 0);
    cJSON_Delete(again);
    must(str_eq(second, third) && str_eq(second, fourth));
    return 0;
}
