/* SPDX-License-Identifier: MIT
 *
 * gdb_remote: a client of the GDB Remote Serial Protocol, as far as flashing needs it.
 *
 * Served by QEMU, OpenOCD, pyOCD, J-Link's and st-util's servers and the Black Magic Probe, over a
 * unix socket, TCP or a serial tty. Source: "Debugging with GDB", appendix E (Remote Protocol). Bad
 * answers and, before no-ack mode, missing acknowledgements are asked for again twice.
 *
 * Calls block within their ctx. After any error but -ERR_REFUSED and -ERR_NOT_FOUND the connection
 * is of no more use. One thread at a time; SIGPIPE must be ignored.
 */
#ifndef HIL_BOARD_FLASH_GDB_REMOTE_H
#define HIL_BOARD_FLASH_GDB_REMOTE_H

#include "base/ctx.h"
#include "board/flash/gdb_decoder.h"
#include "board/flash/gdb_map.h"

#include <stdbool.h>

#define GDB_WINDOW_MAX 16
enum gdb_support { GDB_UNTRIED, GDB_SUPPORTED, GDB_MISSING };

struct gdb_remote {
    int fd;             /* borrowed; non-blocking */
    size_t packet_size; /* payload bytes that the server takes */
    /* Packets sent before the first answer; 1 after gdb_open(). Raise it, up to GDB_WINDOW_MAX, for
     * links that lose nothing and servers that buffer: no packet is then sent again. */
    unsigned window, in_flight;
    bool no_ack, has_map;
    enum gdb_support has_x, has_crc;
    struct gdb_decoder decoder; /* .payload: the last answer */
    struct buf packet;          /* being built, or the last one sent */
    struct buf console;         /* what the server printed during the last call */
    struct gdb_region *map;     /* sorted; NULL: none, or gdb_explore() was not called */
    size_t map_count;
};

/* Agrees on the packet size and on no-ack mode. gdb_done() is due even where it fails. */
int gdb_open(struct gdb_remote *gdb, int fd, const struct ctx *ctx, struct err *err);
void gdb_done(struct gdb_remote *gdb);
/* A command of the server's own, such as "reset halt"; what it prints is in gdb->console. */
int gdb_monitor(struct gdb_remote *gdb, const char *command, const struct ctx *ctx,
                struct err *err);
int gdb_attach(struct gdb_remote *gdb, uint64_t target, const struct ctx *ctx, struct err *err);
int gdb_explore(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err); /* reads the map */
int gdb_detach(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err);

/* `done` counts the bytes of this call; may be NULL. */
typedef void gdb_progress(void *arg, uint64_t done);
/* How many bytes from `at` on lie in one region (NULL: in none), at most `size`. */
uint64_t gdb_region_at(const struct gdb_remote *gdb, uint64_t at, uint64_t size,
                       const struct gdb_region **ret);
/* Flash goes erase, write, done, each for all of it, and only within flash regions. Whole blocks
 * are erased; those below *erased_to were already, and it moves on. */
int gdb_flash_erase(struct gdb_remote *gdb, const struct gdb_region *region, uint64_t at,
                    uint64_t size, uint64_t *erased_to, const struct ctx *ctx, struct err *err);
int gdb_flash_write(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                    gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err);
int gdb_flash_done(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err);
int gdb_memory_write(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                     gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err);
int gdb_memory_read(struct gdb_remote *gdb, uint64_t at, void *bytes, size_t size,
                    const struct ctx *ctx, struct err *err);
/* By qCRC where the server has it, else by reading back; -ERR_REFUSED names the first address. */
int gdb_memory_compare(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                       gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err);

/* gdb_packet() starts a packet, gdb->packet may be added to, gdb_send() sends it, gdb_receive()
 * waits for the answer (gdb_ask() is both), gdb_answer() reads it: 0 for "OK", -ERR_NOT_FOUND: the
 * server does not know the packet, -ERR_REFUSED with its reason, else -ERR_PROTOCOL. */
void gdb_packet(struct gdb_remote *gdb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int gdb_send(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err);
int gdb_receive(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err);
int gdb_answer(const struct gdb_remote *gdb, struct err *err);
int gdb_ask(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err);

#endif
