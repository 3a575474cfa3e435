/* SPDX-License-Identifier: MIT
 *
 * gdb_decoder: bytes to packets of the GDB Remote Serial Protocol.
 *
 *     gdb_decoder_feed(&decoder, bytes, n);
 *     while ((event = gdb_decoder_next(&decoder)) != GDB_MORE)
 *         ...GDB_PACKET: decoder.payload holds it, with escapes and run lengths undone...
 *
 * Source: "Debugging with GDB", appendix E.1 (Overview). Bytes between packets are skipped, and a
 * packet that starts inside another one ends that one, as in GDB. Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_GDB_DECODER_H
#define HIL_BOARD_FLASH_GDB_DECODER_H

#include "base/buf.h"

#include <stddef.h>

#define GDB_PACKET_MAX 65536 /* bytes of a payload */

enum gdb_event {
    GDB_MORE,         /* nothing complete is left: feed */
    GDB_PACKET,       /* in `payload` */
    GDB_ACK,          /* + */
    GDB_NAK,          /* - */
    GDB_NOTIFICATION, /* %..., in `payload`: the server says so unasked */
    GDB_BAD,          /* a packet whose checksum or encoding is wrong, or that is too large */
};

struct gdb_decoder {
    struct buf raw; /* as received; the first `taken` bytes are done with */
    size_t taken;
    struct buf payload; /* valid until the next call */
};

void gdb_decoder_init(struct gdb_decoder *decoder);
/* -ERR_LIMIT where a packet does not end. Call gdb_decoder_next() until GDB_MORE in between. */
int gdb_decoder_feed(struct gdb_decoder *decoder, const void *bytes, size_t count);
enum gdb_event gdb_decoder_next(struct gdb_decoder *decoder);
void gdb_decoder_done(struct gdb_decoder *decoder);

/* The sum modulo 256 that follows the # of a packet. */
unsigned char gdb_checksum(const char *bytes, size_t count);
int gdb_hex_digit(char c); /* -1: none */

#endif
