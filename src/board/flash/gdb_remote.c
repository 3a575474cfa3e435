/* SPDX-License-Identifier: MIT
 *
 * The packets and the session; gdb_memory.c moves the bytes.
 */
#include "board/flash/gdb_remote.h"

#include "base/str.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Servers that do not name a PacketSize are old and small; GDB starts with 400 for them, too. Where
 * they do, more than 16 KiB gains nothing. */
#define PACKET_SIZE_DEFAULT 400
#define PACKET_SIZE_LEAST 64
#define PACKET_SIZE_MOST 16384
#define CONSOLE_MAX (64 * 1024)
#define AGAIN_MAX 2
#define ACK_TIMEOUT_MS 2000 /* GDB's own `remotetimeout` */

/* A link that broke, whatever the kernel calls it for sockets and for a tty that was pulled. */
static int link_error(int rc, struct err *err)
{
    int reason = err ? err->sys_errno : 0;

    if (rc == -ERR_IO && (reason == EPIPE || reason == ECONNRESET || reason == EIO ||
                          reason == ENXIO || reason == ENODEV))
        return err_set(err, ERR_GONE, "the GDB server closed the connection");
    return rc;
}

static int write_bytes(struct gdb_remote *gdb, const void *bytes, size_t count,
                       const struct ctx *ctx, struct err *err)
{
    int rc = ctx_write(ctx, gdb->fd, bytes, count, err);

    return rc < 0 ? link_error(rc, err) : 0;
}

static int read_more(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    char bytes[16384];
    ssize_t n = ctx_read(ctx, gdb->fd, bytes, sizeof bytes, err);

    if (n < 0)
        return link_error((int)n, err);
    if (n == 0)
        return err_set(err, ERR_GONE, "the GDB server closed the connection");
    if (gdb_decoder_feed(&gdb->decoder, bytes, (size_t)n) < 0)
        return err_set(err, ERR_PROTOCOL, "the GDB server sends a packet that does not end");
    return 0;
}

void gdb_packet(struct gdb_remote *gdb, const char *format, ...)
{
    char text[256];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_clear(&gdb->packet);
    buf_adds(&gdb->packet, "$");
    buf_add(&gdb->packet, text, (size_t)length);
}

int gdb_send(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    buf_addf(&gdb->packet, "#%02x", gdb_checksum(gdb->packet.data + 1, gdb->packet.size - 1));
    gdb->in_flight++;
    return write_bytes(gdb, gdb->packet.data, gdb->packet.size, ctx, err);
}

/* "O" and hexadecimal digits: text for the user, before the answer (appendix E.3). */
static bool take_console(struct gdb_remote *gdb)
{
    const char *text = gdb->decoder.payload.data;
    size_t size = gdb->decoder.payload.size;

    if (size < 3 || size % 2 == 0 || text[0] != 'O' || gdb_hex_digit(text[1]) < 0)
        return false;
    for (size_t i = 1; i < size; i += 2) {
        int high = gdb_hex_digit(text[i]), low = gdb_hex_digit(text[i + 1]);
        if (high >= 0 && low >= 0)
            buf_add(&gdb->console, &(char){(char)(high * 16 + low)}, 1);
    }
    return true;
}

/* Waits for bytes; while the last packet is unacknowledged only for a while, then sends it again.
 */
static int await(struct gdb_remote *gdb, bool heard, unsigned *again, const struct ctx *ctx,
                 struct err *err)
{
    struct ctx until = heard ? *ctx : ctx_narrow(ctx, ACK_TIMEOUT_MS);
    int rc = read_more(gdb, &until, err);

    if (rc != -ERR_TIMEOUT)
        return rc;
    if (heard || ctx_left_ms(ctx) == 0)
        return err_set(err, ERR_TIMEOUT, "the GDB server did not answer in time");
    if ((*again)++ == AGAIN_MAX)
        return err_set(err, ERR_TIMEOUT, "the GDB server does not answer");
    return write_bytes(gdb, gdb->packet.data, gdb->packet.size, ctx, err);
}

int gdb_receive(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    unsigned again = 0;
    bool heard = gdb->no_ack || gdb->window > 1;
    int rc = 0;

    while (rc == 0) {
        switch (gdb_decoder_next(&gdb->decoder)) {
        case GDB_PACKET:
            if (!gdb->no_ack)
                rc = write_bytes(gdb, "+", 1, ctx, err);
            heard = true;
            if (rc < 0 || take_console(gdb))
                break;
            gdb->in_flight--;
            return 0;
        case GDB_ACK:
            heard = true;
            break;
        case GDB_NOTIFICATION:
            break;
        case GDB_NAK:
            if (gdb->window > 1 || again++ == AGAIN_MAX)
                return err_set(err, ERR_PROTOCOL, "packets reach the GDB server damaged");
            rc = write_bytes(gdb, gdb->packet.data, gdb->packet.size, ctx, err);
            break;
        case GDB_BAD:
            if (gdb->no_ack || gdb->window > 1 || again++ == AGAIN_MAX)
                return err_set(err, ERR_PROTOCOL, "the GDB server's answers arrive damaged");
            rc = write_bytes(gdb, "-", 1, ctx, err);
            break;
        case GDB_MORE:
            rc = await(gdb, heard, &again, ctx, err);
            break;
        }
    }
    return rc;
}

int gdb_ask(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    int rc;

    buf_clear(&gdb->console);
    rc = gdb_send(gdb, ctx, err);
    return rc < 0 ? rc : gdb_receive(gdb, ctx, err);
}

/* The last line that the server printed, as a reason: " (Error: flash is locked)". */
static void hint_console(const struct gdb_remote *gdb, struct err *err)
{
    const char *text = gdb->console.data;
    size_t end = gdb->console.size, start;
    cleanup_free char *line = NULL;

    while (end && (text[end - 1] == '\n' || text[end - 1] == '\r'))
        end--;
    for (start = end; start && text[start - 1] != '\n' && text[start - 1] != '\r'; start--)
        ;
    if (start == end)
        return;
    line = xstrndup(text + start, end - start < 200 ? end - start : 200);
    cleanup_free char *clean = text_clean_dup(line, 200, TEXT_ONE_LINE);
    err_hint(err, " (%s)", clean);
}

int gdb_answer(const struct gdb_remote *gdb, struct err *err)
{
    const char *text = gdb->decoder.payload.data;
    size_t size = gdb->decoder.payload.size;
    cleanup_free char *clean = NULL;

    if (size == 2 && !memcmp(text, "OK", 2))
        return 0;
    if (size == 0)
        return err_set(err, ERR_NOT_FOUND, "the GDB server does not know this request");
    clean = text_clean_dup(text, 200, TEXT_ONE_LINE);
    if (text[0] != 'E')
        return err_set(err, ERR_PROTOCOL, "the GDB server answered '%s'", clean);
    err_set(err, ERR_REFUSED, "%s", str_starts(clean, "E.") ? clean + 2 : clean);
    hint_console(gdb, err);
    return -ERR_REFUSED;
}

/* "T05thread:01;", "S05": why the core stopped. */
static bool is_stop_reply(const struct gdb_remote *gdb)
{
    const char *text = gdb->decoder.payload.data;

    return (text[0] == 'T' || text[0] == 'S') && gdb_hex_digit(text[1]) >= 0 &&
           gdb_hex_digit(text[2]) >= 0;
}

/* QEMU stops a running core when a client connects, and tells that before any answer. */
static int ask_features(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    int rc;

    gdb_packet(gdb, "qSupported");
    rc = gdb_ask(gdb, ctx, err);
    while (rc == 0 && is_stop_reply(gdb)) {
        gdb->in_flight++;
        rc = gdb_receive(gdb, ctx, err);
    }
    return rc;
}

static void read_features(struct gdb_remote *gdb, bool *ret_no_ack)
{
    cleanup_strv struct strv features = {0};

    strv_split(&features, gdb->decoder.payload.data, ';');
    *ret_no_ack = strv_has(&features, "QStartNoAckMode+");
    gdb->has_map = strv_has(&features, "qXfer:memory-map:read+");
    for (size_t i = 0; i < features.count; i++) {
        const char *value = features.items[i] + strlen("PacketSize=");
        if (!str_starts(features.items[i], "PacketSize="))
            continue;
        unsigned long long size = strtoull(value, NULL, 16);
        gdb->packet_size = size < PACKET_SIZE_LEAST  ? PACKET_SIZE_LEAST
                           : size > PACKET_SIZE_MOST ? PACKET_SIZE_MOST
                                                     : (size_t)size;
    }
}

static int start_no_ack(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    int rc;

    gdb_packet(gdb, "QStartNoAckMode");
    rc = gdb_ask(gdb, ctx, err);
    if (rc == 0)
        gdb->no_ack = gdb_answer(gdb, NULL) == 0;
    return rc;
}

int gdb_open(struct gdb_remote *gdb, int fd, const struct ctx *ctx, struct err *err)
{
    bool no_ack = false;
    int rc;

    *gdb = (struct gdb_remote){.fd = fd,
                               .packet_size = PACKET_SIZE_DEFAULT,
                               .window = 1,
                               .packet = BUF_INIT(PACKET_SIZE_MOST + 16),
                               .console = BUF_INIT(CONSOLE_MAX)};
    gdb_decoder_init(&gdb->decoder);
    /* For an answer that an earlier client left unacknowledged. */
    rc = write_bytes(gdb, "+", 1, ctx, err);
    if (rc < 0)
        return rc;
    rc = ask_features(gdb, ctx, err);
    if (rc < 0)
        return rc;
    read_features(gdb, &no_ack);
    if (no_ack)
        rc = start_no_ack(gdb, ctx, err);
    if (rc < 0)
        return rc;
    /* Some servers take no other request before this one; why the core halted does not matter. */
    gdb_packet(gdb, "?");
    return gdb_ask(gdb, ctx, err);
}

void gdb_done(struct gdb_remote *gdb)
{
    gdb_decoder_done(&gdb->decoder);
    buf_done(&gdb->packet);
    buf_done(&gdb->console);
    free(gdb->map);
    gdb->map = NULL;
    gdb->map_count = 0;
}

int gdb_monitor(struct gdb_remote *gdb, const char *command, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (strlen(command) * 2 + strlen("qRcmd,") > gdb->packet_size)
        return err_set(err, ERR_LIMIT, "monitor command is longer than the GDB server takes");
    gdb_packet(gdb, "qRcmd,");
    for (const char *at = command; *at; at++)
        buf_addf(&gdb->packet, "%02x", (unsigned char)*at);
    rc = gdb_ask(gdb, ctx, err);
    /* The text may also be the answer itself, as hexadecimal without the O (appendix E.4). */
    if (rc == 0 && gdb->decoder.payload.size && gdb_answer(gdb, NULL) == -ERR_PROTOCOL)
        return 0;
    if (rc == 0)
        rc = gdb_answer(gdb, err);
    if (rc == -ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND, "the GDB server takes no monitor commands");
    return rc < 0 ? err_wrap(err, "monitor %s", command) : 0;
}

int gdb_attach(struct gdb_remote *gdb, uint64_t target, const struct ctx *ctx, struct err *err)
{
    int rc;

    gdb_packet(gdb, "vAttach;%" PRIx64, target);
    rc = gdb_ask(gdb, ctx, err);
    if (rc == 0 && is_stop_reply(gdb))
        return 0;
    if (rc == 0)
        rc = gdb_answer(gdb, err);
    if (rc == -ERR_REFUSED)
        err_hint(err, "; is the board powered and its debug port wired?");
    return rc < 0 ? err_wrap(err, "attach %" PRIu64, target) : 0;
}

int gdb_explore(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    cleanup_buf struct buf xml = BUF_INIT(GDB_MAP_BYTES_MAX);
    bool more = gdb->has_map;

    while (more) {
        gdb_packet(gdb, "qXfer:memory-map:read::%zx,%zx", xml.size, gdb->packet_size - 4);
        int rc = gdb_ask(gdb, ctx, err);
        const struct buf *answer = &gdb->decoder.payload;
        if (rc < 0)
            return rc;
        more = answer->data[0] == 'm' && answer->size > 1;
        if (answer->data[0] != 'm' && answer->data[0] != 'l')
            return gdb_answer(gdb, NULL) == -ERR_PROTOCOL
                       ? err_set(err, ERR_PROTOCOL, "memory map: not an answer to qXfer")
                       : 0; /* a server may have none for this target after all */
        if (buf_add(&xml, answer->data + 1, answer->size - 1) < 0)
            return err_set(err, ERR_LIMIT, "memory map: larger than %d bytes", GDB_MAP_BYTES_MAX);
    }
    free(gdb->map);
    gdb->map = NULL;
    gdb->map_count = 0;
    return xml.size ? gdb_map_parse(xml.data, xml.size, &gdb->map, &gdb->map_count, err) : 0;
}

int gdb_detach(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    int rc;

    gdb_packet(gdb, "D");
    rc = gdb_ask(gdb, ctx, err);
    if (rc == -ERR_GONE) /* some close at once */
        return 0;
    return rc < 0 ? rc : gdb_answer(gdb, err);
}
