/* SPDX-License-Identifier: MIT */
#include "remote/agent_files.h"

#include "base/fs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A run directory with one board, whose files are followed, and the frames that came of it. */
struct scene {
    char *out, *board;
    struct agent_files files;
    struct link link;
    struct buf log;  /* uart.log, put together from its pieces */
    char said[4096]; /* "NAME@AT+SIZE", "!" behind the last */
    struct err err;
};

static void set_up(struct scene *scene, bool has_board)
{
    memset(scene, 0, sizeof *scene);
    cr_assert_eq(fs_temp_dir(&scene->out, &scene->err), 0);
    scene->board = fs_join(scene->out, "board-a");
    if (has_board)
        cr_assert_eq(fs_mkdirs(scene->board, 0700, &scene->err), 0);
    scene->files.dir = xstrdup(scene->out);
    strv_add(&scene->files.follow, "uart.log");
    strv_add(&scene->files.follow, "uart.timing");
    link_init(&scene->link, -1, -1);
    scene->log = (struct buf)BUF_INIT(1 << 24);
}

static void tear_down(struct scene *scene)
{
    agent_files_done(&scene->files);
    link_done(&scene->link);
    buf_done(&scene->log);
    fs_remove_tree(scene->out);
    free(scene->out);
    free(scene->board);
}

/* In place, as a run writes its log. */
static void put(const struct scene *scene, const char *name, const char *bytes, size_t count)
{
    cleanup_free char *path = fs_join(scene->board, name);
    FILE *file = fopen(path, "we");

    cr_assert(file && fwrite(bytes, 1, count, file) == count && fclose(file) == 0, "%s", path);
}

/* What is queued for the link, which takes it all; scene->said is what that was. */
static void take(struct scene *scene)
{
    struct frame frame;
    size_t at = 0;
    ssize_t size;

    *scene->said = '\0';
    while ((size = frame_read(scene->link.out.data + at, scene->link.out.size - at, &frame,
                              &scene->err)) > 0) {
        const char *name = json_get_string(frame.head, "name", "?");
        int64_t place = json_get_int(frame.head, "at", -1);
        bool last = json_get_bool(frame.head, "last", false);
        size_t length = strlen(scene->said);
        snprintf(scene->said + length, sizeof scene->said - length, "%s@%d+%zu%s ", name,
                 (int)place, frame.size, last ? "!" : "");
        if (!strcmp(name, "uart.log")) {
            cr_assert_leq((size_t)place, scene->log.size);
            scene->log.size = (size_t)place;
            buf_add(&scene->log, frame.body, frame.size);
        }
        frame_done(&frame);
        at += (size_t)size;
    }
    cr_assert_eq(size, 0, "%s", scene->err.message);
    buf_clear(&scene->link.out);
}

Test(agent_files, grow_under_their_reader)
{
    struct scene scene;

    set_up(&scene, true);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    take(&scene);
    cr_expect_str_eq(scene.said, "", "there is none yet");
    put(&scene, "uart.log", "one\n", 4);
    put(&scene, "flash.log", "not followed", 12);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    take(&scene);
    cr_expect_str_eq(scene.said, "uart.log@0+4 ");
    put(&scene, "uart.log", "one\ntwo\n", 8);
    put(&scene, "uart.timing", "0.1 4\n", 6);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    take(&scene);
    cr_expect_str_eq(scene.said, "uart.log@4+4 uart.timing@0+6 ");
    put(&scene, "uart.log", "one\ntwo\nend", 11);
    cr_assert_eq(agent_files_send(&scene.files, &scene.link, &scene.err), 1);
    take(&scene);
    cr_expect_str_eq(scene.said, "uart.log@8+3 uart.log@11+0! uart.timing@6+0! "
                                 "flash.log@0+12 flash.log@12+0! ");
    cr_expect_str_eq(scene.log.data, "one\ntwo\nend");
    tear_down(&scene);
}

Test(agent_files, one_that_begins_anew_is_sent_anew)
{
    struct scene scene;

    set_up(&scene, true);
    put(&scene, "uart.log", "a long first attempt", 20);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    take(&scene);
    put(&scene, "uart.log", "short", 5);
    cr_assert_eq(agent_files_send(&scene.files, &scene.link, &scene.err), 1);
    take(&scene);
    cr_expect_str_eq(scene.said, "uart.log@0+5 uart.log@5+0! ");
    cr_expect_str_eq(scene.log.data, "short");
    tear_down(&scene);
}

Test(agent_files, one_that_was_replaced_is_sent_anew)
{
    cleanup_free char *path = NULL;
    struct scene scene;

    set_up(&scene, true);
    path = fs_join(scene.board, "uart.log");
    put(&scene, "uart.log", "first", 5);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    take(&scene);
    cr_assert_eq(fs_write(path, "second one", 10, NULL), 0); /* by a rename */
    cr_assert_eq(agent_files_send(&scene.files, &scene.link, &scene.err), 1);
    take(&scene);
    cr_expect_str_eq(scene.log.data, "second one");
    tear_down(&scene);
}

Test(agent_files, no_more_is_read_than_the_link_takes)
{
    cleanup_free char *much = calloc(3, AGENT_QUEUE);
    struct scene scene;
    int rounds = 0, rc;

    set_up(&scene, true);
    put(&scene, "uart.log", much, 3 * AGENT_QUEUE);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    cr_expect_lt(scene.link.out.size, AGENT_QUEUE + (128 << 10));
    take(&scene);
    while ((rc = agent_files_send(&scene.files, &scene.link, &scene.err)) == 0) {
        cr_expect_lt(scene.link.out.size, AGENT_QUEUE + (128 << 10));
        take(&scene);
        cr_assert_lt(++rounds, 10);
    }
    cr_assert_eq(rc, 1);
    take(&scene);
    cr_expect_eq(scene.log.size, 3 * AGENT_QUEUE);
    cr_expect_geq(rounds, 1);
    tear_down(&scene);
}

Test(agent_files, a_verb_that_left_none)
{
    struct scene scene;

    set_up(&scene, false);
    cr_assert_eq(agent_files_follow(&scene.files, &scene.link, &scene.err), 0);
    cr_assert_eq(agent_files_send(&scene.files, &scene.link, &scene.err), 1);
    take(&scene);
    cr_expect_str_eq(scene.said, "");
    tear_down(&scene);
}
