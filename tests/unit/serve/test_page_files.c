/* SPDX-License-Identifier: MIT */
/* Files of runs: which may be opened, how they are followed, what their events mean. */
#include "../scratch.h"
#include "serve/page/console.h"
#include "serve/page/place.h"
#include "serve/page/run_follow.h"
#include "serve/page/web.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void put(const char *dir, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(dir, name);
    cleanup_free char *parent = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(parent, 0755, NULL), 0);
    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
}

static void add(const char *dir, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(dir, name);
    cleanup_close int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool opens(const char *dir, const char *name)
{
    cleanup_close int fd = -1;

    return place_open(dir, name, &fd, NULL) == 0;
}

Test(place, nothing_outside_of_the_directory_can_be_opened)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *run = fs_join(dir, "run"), *secret = fs_join(dir, "secret");
    cleanup_free char *link = fs_join(run, "link"), *far = fs_join(run, "far"),
                      *pipe = fs_join(run, "pipe"), *up = fs_join(run, "up");

    put(dir, "secret", "s");
    put(run, "a", "1");
    put(run, "b/c", "2");
    put(run, ".hidden", "3");
    cr_assert_eq(symlink(secret, link), 0);
    cr_assert_eq(symlink("/etc", far), 0);
    cr_assert_eq(symlink("b", up), 0);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_expect(opens(run, "a"));
    cr_expect(opens(run, "b/c"));
    static const char *const bad[] = {
        "../secret", "b/../../secret", "..",   "",     ".", "./a",  "b//c",    "/etc/passwd", "a/",
        "link",      "far/passwd",     "up/c", "pipe", "b", "none", ".hidden", "b/..",        "a\n",
        "..\\secret"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_not(opens(run, bad[i]), "%s", bad[i]);
    cr_expect_not(opens("relative", "a"));
    cr_expect_not(opens(link, "a"));
    cr_expect_not(opens(secret, "a"));
}

Test(place, only_what_a_run_writes_is_shown)
{
    cr_expect_str_eq(place_type("report.html")->content_type, "text/html; charset=utf-8");
    cr_expect_str_eq(place_type("nucleo-3/smoke/uart.log")->content_type,
                     "text/plain; charset=utf-8");
    static const char *const bad[] = {"id_rsa", "a.html",       "uart.log.bak", "../report.html",
                                      "",       "report.html/", ".ssh/uart.log"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_null(place_type(bad[i]), "%s", bad[i]);
}

/* Everything that is new. */
static char *read_all(struct tail *tail)
{
    struct buf text = BUF_INIT(65536);
    char bytes[7];
    ssize_t got;

    while ((got = tail_read(tail, bytes, sizeof bytes)) > 0)
        buf_add(&text, bytes, (size_t)got);
    return buf_steal(&text);
}

static void expect_read(struct tail *tail, const char *text)
{
    cleanup_free char *got = read_all(tail);

    cr_expect_str_eq(got, text);
}

Test(tail, follows_a_file_that_grows_and_is_replaced)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "log");
    struct tail tail;

    tail_open(&tail, dir, "log", UINT64_MAX);
    expect_read(&tail, "");
    add(dir, "log", "one\n");
    expect_read(&tail, "one\n");
    add(dir, "log", "two and more\n");
    expect_read(&tail, "two and more\n");
    expect_read(&tail, "");
    cr_assert_eq(truncate(path, 0), 0);
    add(dir, "log", "cut\n");
    expect_read(&tail, "cut\n");
    unlink(path);
    expect_read(&tail, "");
    add(dir, "log", "new, and longer than before\n");
    expect_read(&tail, "new, and longer than before\n");
    tail_close(&tail);
}

Test(tail, begins_near_the_end_of_what_is_there)
{
    cleanup_scratch char *dir = scratch_make();
    struct tail tail;

    put(dir, "log", "0123456789");
    tail_open(&tail, dir, "log", 4);
    expect_read(&tail, "6789");
    cr_expect_eq(tail.skipped, 6);
    tail_close(&tail);
}

/* ---- a run's events -------------------------------------------------------------------------- */

static const struct run_board *after(struct run_follow *run, const char *board)
{
    bool changed = false;

    while (run_follow_pump(run, &changed))
        ;
    return run_follow_board(run, board);
}

Test(run_follow, a_board_stands_as_its_run_says)
{
    cleanup_scratch char *dir = scratch_make();
    struct run_follow *run = run_follow_new(dir);
    const struct run_board *board;

    cr_expect_null(after(run, "n3"));
    add(dir, "events.jsonl",
        "{\"kind\":\"run-start\",\"jobs\":1}\n"
        "{\"kind\":\"job-start\",\"board\":\"n3\",\"test\":\"smoke\",\"dir\":\"n3/smoke\"}\n"
        "{\"kind\":\"state\",\"board\":\"n3\",\"state\":\"flash\"}\n"
        "{\"kind\":\"progress\",\"board\":\"n3\",\"what\":\"flash\",\"bytes\":1,\"total\":3}\n");
    board = after(run, "n3");
    cr_assert(board);
    cr_expect_str_eq(board->test, "smoke");
    cr_expect_str_eq(board->dir, "n3/smoke");
    cr_expect_str_eq(board->state, "flash");
    cr_expect_eq(board->percent, 33);
    cr_expect(board->running);
    add(dir, "events.jsonl",
        "{\"kind\":\"state\",\"board\":\"n3\",\"state\":\"test\"}\n"
        "{\"kind\":\"case-end\",\"board\":\"n3\",\"suite\":\"\",\"name\":\"a\",\"result\":\"pass\"}"
        "\n"
        "{\"kind\":\"case-end\",\"board\":\"n3\",\"suite\":\"\",\"name\":\"b\",\"result\":\"fa");
    board = after(run, "n3");
    cr_expect_eq(board->pass, 1);
    cr_expect_eq(board->fail, 0, "half a line says nothing");
    cr_expect_eq(board->percent, -1);
    add(dir, "events.jsonl",
        "il\"}\n{\"kind\":\"job-end\",\"board\":\"n3\",\"verdict\":\"fail\",\"total\":2,\"pass\":1,"
        "\"fail\":1,"
        "\"reason\":\"1 of 2\"}\n{\"kind\":\"retry\",\"board\":\"n3\",\"attempt\":2}\n"
        "{\"kind\":\"run-end\",\"verdict\":\"fail\"}\n");
    board = after(run, "n3");
    cr_expect_eq(board->fail, 1);
    cr_expect_not(board->running);
    cr_expect_str_eq(board->verdict, "fail");
    cr_expect_str_eq(board->reason, "1 of 2");
    cr_expect_eq(board->attempt, 2);
    cr_expect_str_eq(run->verdict, "fail");
    run_follow_free(run);
}

Test(run_follow, another_run_in_the_same_directory_begins_anew)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "events.jsonl");
    struct run_follow *run = run_follow_new(dir);

    add(dir, "events.jsonl", "{\"kind\":\"job-start\",\"board\":\"a\",\"test\":\"x\"}\n");
    cr_expect(after(run, "a"));
    unlink(path);
    add(dir, "events.jsonl", "{\"kind\":\"job-start\",\"board\":\"b\",\"test\":\"y\"}\n");
    cr_expect(after(run, "b"));
    cr_expect_null(after(run, "a"));
    run_follow_free(run);
}

Test(run_follow, foreign_bytes_do_no_harm)
{
    cleanup_scratch char *dir = scratch_make();
    struct run_follow *run = run_follow_new(dir);
    cleanup_free char *endless = xcalloc(RUN_LINE_MAX + 100, 1);
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"board\":7}",
        "{\"kind\":\"job-start\",\"board\":\"\"}",
        "{\"kind\":\"job-start\",\"board\":\"a\",\"dir\":\"../../etc\"}",
        "{\"kind\":\"progress\",\"board\":\"a\",\"bytes\":9e18,\"total\":1}",
        "{\"kind\":\"progress\",\"board\":\"a\",\"bytes\":-5,\"total\":-1}",
        "{\"kind\":\"retry\",\"board\":\"a\",\"attempt\":-1}"};

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        add(dir, "events.jsonl", lines[i]);
        add(dir, "events.jsonl", "\n");
    }
    memset(endless, 'x', RUN_LINE_MAX + 99);
    add(dir, "events.jsonl", endless);
    add(dir, "events.jsonl", "\n{\"kind\":\"state\",\"board\":\"a\",\"state\":\"rest\"}\n");
    cr_assert(after(run, "a"));
    cr_expect_null(after(run, "a")->dir, "it leads out of the run");
    cr_expect_str_eq(after(run, "a")->state, "rest", "what follows a line that is too long counts");
    run_follow_free(run);
}

/* ---- a console ------------------------------------------------------------------------------- */

Test(console, each_log_begins_with_its_name)
{
    cleanup_scratch char *dir = scratch_make();
    struct console *console = console_new("n3");
    uint64_t number = 0;
    bool changed = false;

    cr_expect_not(console_pump(console, &number, &changed));
    cr_expect_not(changed);
    put(dir, "n3/uart.log", "hello\r\n<b>");
    console_aim(console, dir, "n3/uart.log");
    console_pump(console, &number, &changed);
    cr_expect(changed);
    const struct frame *frame = scroll_after(&console->scroll, 0);
    cleanup_free char *first = xstrndup(frame->bytes, frame->size);
    cr_expect_str_eq(
        first,
        "event: uart\ndata: {\"n\":1,\"board\":\"n3\",\"begin\":\"n3/uart.log\",\"skipped\":0,"
        "\"text\":\"hello\\n<b>\"}\n\n");
    add(dir, "n3/uart.log", "more");
    console_pump(console, &number, &changed);
    frame = scroll_after(&console->scroll, 1);
    cleanup_free char *second = xstrndup(frame->bytes, frame->size);
    cr_expect_str_eq(second, "event: uart\ndata: {\"n\":2,\"board\":\"n3\",\"text\":\"more\"}\n\n");
    put(dir, "n3@2/uart.log", "again");
    console_aim(console, dir, "n3@2/uart.log");
    console_pump(console, &number, &changed);
    cr_expect_eq(number, 3);
    cr_expect_eq(console->scroll.count, 3, "what the one before said is still there");
    console_free(console);
}

/* ---- paths ----------------------------------------------------------------------------------- */

Test(web, a_path_means_one_thing)
{
    static const struct {
        const char *url;
        enum web_route route;
    } table[] = {
        {"/", WEB_ASSET},
        {"/page.css", WEB_ASSET},
        {"/healthz", WEB_HEALTH},
        {"/events", WEB_EVENTS},
        {"/control", WEB_CONTROL},
        {"", WEB_NOTHING},
        {"/page.html", WEB_NOTHING},
        {"//", WEB_NOTHING},
        {"/events/", WEB_NOTHING},
        {"/run/", WEB_NOTHING},
        {"/run/x", WEB_NOTHING},
        {"/run/0123456789abcdef/", WEB_RUN},
        {"/run/0123456789abcdef/report.html", WEB_FILE},
        {"/run/x/../../etc/passwd", WEB_FILE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        cr_expect_eq(web_target(table[i].url).route, table[i].route, "%s", table[i].url);
    struct web_target target = web_target("/run/abc/n3/uart.log");
    cr_expect_eq(target.run_length, 3);
    cr_expect_str_eq(target.file, "n3/uart.log");
    cr_expect(web_target("/login").is_post && !web_target("/metrics").is_post);
}
