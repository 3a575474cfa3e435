/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The parser gets an exact copy on the heap, so that a look past the end shows. */
static int parse(const char *text, size_t count, cJSON **ret, struct err *err)
{
    char *exact = malloc(count + !count);
    int rc;

    memcpy(exact, text, count);
    rc = json_parse(exact, count, 1 << 20, "text", ret, err);
    free(exact);
    return rc;
}

Test(json, reads_members_with_fallbacks)
{
    const char *text = " {\"s\": \"gr\\u00fc\\u00df\", \"i\": -42, \"big\": 9007199254740991,"
                       " \"f\": 1.5, \"huge\": 1e300, \"edge\": 9223372036854775808,"
                       " \"t\": true, \"f0\": false, \"n\": null, \"S\": 1}\n";
    struct err err;
    cJSON *tree;

    cr_assert_eq(parse(text, strlen(text), &tree, &err), 0, "%s", err.message);
    cr_assert_str_eq(json_get_string(tree, "s", "-"), "gr\xC3\xBC\xC3\x9F");
    cr_assert_str_eq(json_get_string(tree, "i", "-"), "-");
    cr_assert_str_eq(json_get_string(tree, "n", "-"), "-");
    cr_assert_null(json_get_string(tree, "none", NULL));
    cr_assert_eq(json_get_int(tree, "i", 7), -42);
    cr_assert_eq(json_get_int(tree, "big", 7), 9007199254740991);
    cr_assert_eq(json_get_int(tree, "f", 7), 7);
    cr_assert_eq(json_get_int(tree, "huge", 7), 7);
    cr_assert_eq(json_get_int(tree, "edge", 7), 7);
    cr_assert_eq(json_get_int(tree, "s", 7), 7);
    cr_assert_eq(json_get_int(tree, "S", 7), 1);
    cr_assert(json_get_bool(tree, "t", false));
    cr_assert_not(json_get_bool(tree, "f0", true));
    cr_assert(json_get_bool(tree, "i", true));
    cr_assert_eq(json_get_int(NULL, "i", 7), 7);
    cJSON_Delete(tree);
}

Test(json, says_where_it_broke)
{
    static const struct {
        const char *text;
        size_t count;
        const char *message;
    } rows[] = {
        {"", 0, "text: empty, not JSON"},
        {"{\"a\": x}", 8, "text: offset 6: not JSON"},
        {"{\"a\": 1", 7, "text: offset 7: ends too early"},
        {"[1, 2", 5, "text: offset 5: ends too early"},
        {"\"abc", 4, "text: offset 4: ends too early"},
        {"{} x", 4, "text: offset 3: something follows the document"},
        {"[1][2]", 6, "text: offset 3: something follows the document"},
        {"{\"a\": \"b\\u0000c\"}", 17, "text: offset 8: a string holds a NUL"},
        {"\"a\nb\"", 5, "text: offset 2: control character in a string"},
        {"[1,\0 2]", 7, "text: offset 3: control character"},
        {"\x01[]", 3, "text: offset 0: control character"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cJSON *tree = NULL;
        struct err err;
        cr_assert_eq(parse(rows[i].text, rows[i].count, &tree, &err), -ERR_DATA, "row %zu", i);
        cr_assert_str_eq(err.message, rows[i].message);
        cr_assert_null(tree);
    }
}

Test(json, refuses_what_is_no_json)
{
    static const char *const rows[] = {"[1 2]",   "{\"a\"}", "{a: 1}",      "[}", "'a'", "tru",
                                       "[1,]",    "+1",      "\"\\x41\"",   "-",  "]",   "\\",
                                       "\"\\u12", "\"\\",    "\"\\ud800\"", " ",  "{,}", "nul"};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cJSON *tree = NULL;
        struct err err;
        cr_assert_eq(parse(rows[i], strlen(rows[i]), &tree, &err), -ERR_DATA, "%s", rows[i]);
    }
}

static int parse_nested(size_t depth, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 20);
    cJSON *tree = NULL;
    int rc;

    for (size_t i = 0; i < depth; i++)
        buf_adds(&text, i % 2 ? "[" : "{\"a\":");
    buf_adds(&text, "1");
    for (size_t i = depth; i-- > 0;)
        buf_adds(&text, i % 2 ? "]" : "}");
    rc = parse(text.data, text.size, &tree, err);
    cJSON_Delete(tree);
    return rc;
}

Test(json, depth_has_a_ceiling)
{
    struct err err;

    cr_assert_eq(parse_nested(JSON_DEPTH_MAX, &err), 0, "%s", err.message);
    cr_assert_eq(parse_nested(JSON_DEPTH_MAX + 1, &err), -ERR_DATA);
    cr_assert_str_eq(err.message, "text: offset 192: nested too deep");
    cr_assert_eq(parse_nested(100000, &err), -ERR_DATA);
}

Test(json, brackets_in_strings_are_no_depth)
{
    cleanup_buf struct buf text = BUF_INIT(1000);
    cJSON *tree = NULL;
    struct err err;

    buf_adds(&text, "[\"\\\"");
    for (int i = 0; i < 100; i++)
        buf_adds(&text, "[{");
    buf_adds(&text, "\\\\\"]");
    cr_assert_eq(parse(text.data, text.size, &tree, &err), 0, "%s", err.message);
    cJSON_Delete(tree);
}

Test(json, size_has_a_ceiling)
{
    cJSON *tree = NULL;
    struct err err;

    cr_assert_eq(json_parse("[1,2]", 5, 4, "answer", &tree, &err), -ERR_LIMIT);
    cr_assert_str_eq(err.message, "answer: larger than 4 bytes");
    cr_assert_eq(json_parse("[1,2]", 5, 5, "answer", &tree, &err), 0);
    cJSON_Delete(tree);
}

static void sample(struct json_out *out)
{
    json_object(out);
    json_kv_string(out, "name", "a \"b\" \\ \n\t\r\x01\xFF \xC3\xBC");
    json_kv_string(out, "none", NULL);
    json_kv_int(out, "count", INT64_MIN);
    json_kv_bool(out, "good", true);
    json_key(out, "list");
    json_array(out);
    json_int(out, INT64_MAX);
    json_double(out, 1.0005, 3);
    json_null(out);
    json_bool(out, false);
    json_array(out);
    json_array_end(out);
    json_object(out);
    json_object_end(out);
    json_bytes(out, "a\0b", 3);
    json_array_end(out);
    json_object_end(out);
}

Test(json, writes_one_line)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    sample(&out);
    cr_assert_eq(json_end(&out, NULL), 0);
    cr_assert_str_eq(out.pending.data,
                     "{\"name\":\"a \\\"b\\\" \\\\ \\n\\t\\r\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xBC\","
                     "\"none\":null,\"count\":-9223372036854775808,\"good\":true,"
                     "\"list\":[9223372036854775807,1.000,null,false,[],{},"
                     "\"a\xEF\xBF\xBD"
                     "b\"]}\n");
    json_done(&out);
    json_done(&out);
}

Test(json, writes_indented)
{
    struct json_out out;

    json_begin(&out, -1, 2);
    sample(&out);
    cr_assert_eq(json_end(&out, NULL), 0);
    cr_assert_str_eq(
        out.pending.data,
        "{\n"
        "  \"name\": \"a \\\"b\\\" \\\\ \\n\\t\\r\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xBC\",\n"
        "  \"none\": null,\n"
        "  \"count\": -9223372036854775808,\n"
        "  \"good\": true,\n"
        "  \"list\": [\n"
        "    9223372036854775807,\n"
        "    1.000,\n"
        "    null,\n"
        "    false,\n"
        "    [],\n"
        "    {},\n"
        "    \"a\xEF\xBF\xBD"
        "b\"\n"
        "  ]\n"
        "}\n");
    json_done(&out);
}

static void expect_dots(void)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_array(&out);
    json_double(&out, 1234567.891, 2);
    json_double(&out, -0.5, 1);
    json_double(&out, 3, 0);
    json_double(&out, 3, -1);
    json_double(&out, NAN, 2);
    json_double(&out, -INFINITY, 2);
    json_array_end(&out);
    cr_assert_eq(json_end(&out, NULL), 0);
    cr_assert_str_eq(out.pending.data, "[1234567.89,-0.5,3,3,null,null]\n");
    json_done(&out);
}

/* Where the tools are there, a locale is made whose decimal point has two bytes. */
Test(json, doubles_have_a_dot_in_every_locale)
{
    char dir[] = "/tmp/hil-test-json-XXXXXX";
    struct ctx root = ctx_root(-1, NULL);

    expect_dots();
    cr_assert_not_null(mkdtemp(dir));
    cleanup_free char *locale = fs_join(dir, "ps_AF");
    const char *const make[] = {"localedef", "-c",    "--no-archive", "-i", "ps_AF",
                                "-f",        "UTF-8", locale,         NULL};
    struct proc_result result;
    proc_run(&(struct proc_spec){.argv = make}, &root, &result, NULL);
    setenv("LOCPATH", dir, 1);
    if (setlocale(LC_NUMERIC, "ps_AF")) {
        cr_assert_gt(strlen(localeconv()->decimal_point), 1);
        expect_dots();
    }
    proc_run(&(struct proc_spec){.argv = (const char *const[]){"rm", "-rf", dir, NULL}}, &root,
             &result, NULL);
}

Test(json, the_largest_double_fits)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_double(&out, -1.7976931348623157e308, 1000);
    cr_assert_eq(json_end(&out, NULL), 0);
    cr_assert_eq(strlen(out.pending.data), 1 + 309 + 1 + 17 + 1);
    json_done(&out);
}

Test(json, streams_more_than_it_holds)
{
    cleanup_free char *text = xmalloc(300001);
    cleanup_buf struct buf file = BUF_INIT(1 << 20);
    char path[] = "/tmp/hil-test-json-XXXXXX";
    int fd = mkstemp(path);
    struct json_out out;
    struct err err;

    memset(text, '\n', 300000);
    text[300000] = '\0';
    json_begin(&out, fd, 0);
    json_string(&out, text);
    cr_assert_leq(out.pending.size, 65536);
    cr_assert_eq(json_end(&out, &err), 0, "%s", err.message);
    json_done(&out);
    lseek(fd, 0, SEEK_SET);
    cr_assert_eq(read(fd, buf_space(&file, 700000), 700000), 600003);
    buf_grew(&file, 600003);
    cr_assert_eq(strncmp(file.data, "\"\\n\\n", 5), 0);
    cr_assert_str_eq(file.data + 599999, "\\n\"\n");
    close(fd);
    unlink(path);
}

Test(json, one_writer_writes_many_lines)
{
    struct json_out out;
    char bytes[64] = "";
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    json_begin(&out, fds[1], 0);
    for (int i = 0; i < 3; i++) {
        json_object(&out);
        json_kv_int(&out, "i", i);
        json_object_end(&out);
        cr_assert_eq(json_end(&out, NULL), 0);
    }
    cr_assert_eq(read(fds[0], bytes, sizeof bytes - 1), 24);
    cr_assert_str_eq(bytes, "{\"i\":0}\n{\"i\":1}\n{\"i\":2}\n");
    close(fds[0]);
    close(fds[1]);
}

Test(json, the_first_write_error_is_told_at_the_end)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct json_out out;
    struct err err;

    json_begin(&out, fd, 0);
    json_array(&out);
    for (int i = 0; i < 20000; i++)
        json_int(&out, i);
    cr_assert_eq(json_end(&out, &err), -ERR_IO); /* that the array is not closed comes second */
    cr_assert_eq(err.sys_errno, ENOSPC);
    json_done(&out);
    close(fd);
}

Test(json, misuse_is_an_error_not_a_broken_document)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_array(&out);
    cr_assert_lt(json_end(&out, NULL), 0);
    json_done(&out);
    json_begin(&out, -1, 0);
    json_object_end(&out);
    cr_assert_lt(json_end(&out, NULL), 0);
    json_done(&out);
    json_begin(&out, -1, 2);
    for (int i = 0; i < 500; i++)
        json_array(&out);
    for (int i = 0; i < 500; i++)
        json_array_end(&out);
    cr_assert_lt(json_end(&out, NULL), 0);
    json_done(&out);
}

Test(json, what_was_written_can_be_read_as_deep_as_it_is_allowed)
{
    struct json_out out;
    cJSON *tree;

    json_begin(&out, -1, 1);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_array(&out);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_array_end(&out);
    cr_assert_eq(json_end(&out, NULL), 0);
    cr_assert_eq(parse(out.pending.data, out.pending.size, &tree, NULL), 0);
    cJSON_Delete(tree);
    json_done(&out);
}
