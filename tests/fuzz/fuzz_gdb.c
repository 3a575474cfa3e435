/* SPDX-License-Identifier: MIT
 *
 * What a GDB server says. The first byte chooses: the decoder alone, the memory map alone, or a
 * whole session of the client, to which the rest is sent as raw bytes or, parted at LF, as good
 * packets.
 */
#include "board/flash/gdb_remote.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define INPUT_MAX 32768 /* fits into the socket's buffer: nobody reads while it is written */

static void decode(const uint8_t *bytes, size_t count)
{
    struct gdb_decoder decoder;
    size_t piece = count ? bytes[0] + 1u : 1;
    enum gdb_event event;

    gdb_decoder_init(&decoder);
    for (size_t at = 0; at < count; at += piece) {
        size_t n = count - at < piece ? count - at : piece;
        if (gdb_decoder_feed(&decoder, bytes + at, n) < 0)
            break;
        while ((event = gdb_decoder_next(&decoder)) != GDB_MORE) {
            if (decoder.payload.size > GDB_PACKET_MAX)
                abort();
        }
    }
    gdb_decoder_done(&decoder);
}

static void parse_map(const uint8_t *bytes, size_t count)
{
    struct gdb_region *regions = NULL;
    size_t n = 0;

    if (gdb_map_parse((const char *)bytes, count, &regions, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!regions[i].length || regions[i].start + regions[i].length < regions[i].start ||
            (regions[i].type == GDB_FLASH && !regions[i].block_size))
            abort();
    }
    free(regions);
}

static void send_packets(int fd, const uint8_t *bytes, size_t count)
{
    const char *at = (const char *)bytes, *end = at + count;
    struct buf packet = BUF_INIT(2 * INPUT_MAX);

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        buf_clear(&packet);
        buf_adds(&packet, "+$");
        buf_add(&packet, at, (size_t)(stop - at));
        buf_addf(&packet, "#%02x", gdb_checksum(at, (size_t)(stop - at)));
        if (write(fd, packet.data, packet.size) < 0)
            break;
        at = stop + 1;
    }
    buf_done(&packet);
}

static void run_session(struct gdb_remote *gdb, int fd)
{
    struct ctx forever = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&forever, 200);
    uint8_t memory[2500];
    const struct gdb_region *region;
    uint64_t erased_to = 0;
    struct err err;
    int rc = gdb_open(gdb, fd, &ctx, &err);

    if (rc == 0)
        rc = gdb_monitor(gdb, "reset halt", &ctx, &err);
    if (rc == 0 || rc == -ERR_REFUSED)
        rc = gdb_attach(gdb, 1, &ctx, &err);
    if (rc == 0 || rc == -ERR_REFUSED)
        rc = gdb_explore(gdb, &ctx, &err);
    if (rc < 0)
        return;
    gdb->window = 4;
    memset(memory, '#', sizeof memory);
    for (uint64_t at = 0x08000000; at < 0x08000000 + sizeof memory && rc == 0;) {
        uint64_t n = gdb_region_at(gdb, at, 0x08000000 + sizeof memory - at, &region);
        if (region && region->type == GDB_FLASH)
            rc = gdb_flash_erase(gdb, region, at, n, &erased_to, &ctx, &err);
        at += n;
    }
    if (rc == 0 && erased_to)
        rc = gdb_flash_write(gdb, 0x08000000, memory, sizeof memory, NULL, NULL, &ctx, &err);
    if (rc == 0)
        rc = gdb_memory_write(gdb, 0x20000000, memory, sizeof memory, NULL, NULL, &ctx, &err);
    if (rc == 0)
        rc = gdb_memory_read(gdb, 0x20000000, memory, sizeof memory, &ctx, &err);
    if (rc == 0)
        rc = gdb_memory_compare(gdb, 0x20000000, memory, 16, NULL, NULL, &ctx, &err);
    if (rc == 0)
        gdb_detach(gdb, &ctx, &err);
}

static void talk(const uint8_t *bytes, size_t count, bool framed)
{
    struct gdb_remote gdb;
    int ends[2];

    if (count > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    if (framed)
        send_packets(ends[1], bytes, count);
    else if (write(ends[1], bytes, count) < 0)
        abort();
    shutdown(ends[1], SHUT_WR);
    run_session(&gdb, ends[0]);
    gdb_done(&gdb);
    close(ends[0]);
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    signal(SIGPIPE, SIG_IGN);
    if (!count)
        return 0;
    switch (bytes[0]) {
    case 'd':
        decode(bytes + 1, count - 1);
        break;
    case 'm':
        parse_map(bytes + 1, count - 1);
        break;
    case 'r':
        talk(bytes + 1, count - 1, false);
        break;
    default:
        talk(bytes + 1, count - 1, true);
    }
    return 0;
}
