/* SPDX-License-Identifier: MIT
 *
 * Any bytes as lab.yaml: refused with positions, or boards and sinks that keep their promises.
 */
#include "base/fs.h"
#include "conf/lab.h"
#include "conf/name.h"
#include "notify/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Of one on a server, what becomes ssh's and hil's arguments there. */
static void check_there(const struct board_conf *board)
{
    const struct server_conf *server = board->server;
    const char *slash = strchr(board->name, '/');

    require(name_valid(board->there) && name_valid(server->name));
    require(slash && name_valid(slash + 1) && !strchr(slash + 1, '/'));
    require(!board->flash && !board->console && !board->qemu && !board->memory.count);
    require(server->hosts.count && (!server->user || server->user[0] != '-'));
    for (size_t i = 0; i < server->hosts.count; i++)
        require(server->hosts.items[i][0] && server->hosts.items[i][0] != '-');
    require(board_matches(board, board->name) && board_matches(board, slash + 1));
}

static void check_board(const struct board_conf *board)
{
    if (board->there) {
        check_there(board);
        return;
    }
    require(name_valid(board->name) && board->timeouts.boot > 0 && board->timeouts.total > 0);
    require((board->flash && board->console) || board->qemu);
    require(!board->flash || (board->flash->kind == YAML_MAP && board->flash->count == 1));
    require(board_matches(board, board->name));
    for (size_t i = 0; i < board->labels.count; i++)
        require(board_matches(board, board->labels.items[i]));
    for (size_t i = 0; i < board->memory.count; i++)
        require(board->memory.ranges[i].size &&
                board->memory.ranges[i].at + (board->memory.ranges[i].size - 1) >=
                    board->memory.ranges[i].at);
}

/* Those without a mistake have a name, a kind, and something that they want. */
static void check_sinks(const struct lab *lab, struct diags *diags)
{
    struct sinks sinks;

    sinks_read(lab, &sinks, diags);
    for (size_t i = 0; i < sinks.count; i++) {
        const struct sink *sink = &sinks.items[i];
        require(sink->kind && sink->conf && sink->name);
        require(diags->messages.count ||
                (name_valid(sink->name) && sink->kinds && sinks_find(&sinks, sink->name) == sink));
    }
    sinks_done(&sinks);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("lab.yaml", MFD_CLOEXEC);
    struct diags diags = {0};
    struct lab *lab = NULL;
    struct err err = {0};
    char path[64];

    require(fd >= 0 && fs_write_all(fd, bytes, count, "lab.yaml", &err) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool good = lab_load(path, &lab, &diags, &err) == 0;
    require(good ? lab != NULL : err.message[0] != 0);
    for (size_t i = 0; good && i < lab->count; i++)
        check_board(&lab->boards[i]);
    if (good)
        check_sinks(lab, &diags);
    lab_free(lab);
    diags_done(&diags);
    close(fd);
    return 0;
}
