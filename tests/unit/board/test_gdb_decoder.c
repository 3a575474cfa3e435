/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_decoder.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

/* What came out, as a line: packets as $payload, notifications as %payload, else + - ! (bad). */
static void drain(struct gdb_decoder *decoder, struct buf *out)
{
    for (;;) {
        enum gdb_event event = gdb_decoder_next(decoder);
        if (event == GDB_MORE)
            return;
        buf_add(out, &"?$+-%!"[event], 1);
        if (event == GDB_PACKET || event == GDB_NOTIFICATION)
            buf_add(out, decoder->payload.data, decoder->payload.size);
        buf_adds(out, " ");
    }
}

static char *decode_in_pieces(const char *bytes, size_t count, size_t piece)
{
    struct gdb_decoder decoder;
    struct buf out = BUF_INIT(1 << 20);

    gdb_decoder_init(&decoder);
    for (size_t at = 0; at < count; at += piece) {
        size_t n = count - at < piece ? count - at : piece;
        cr_assert_eq(gdb_decoder_feed(&decoder, bytes + at, n), 0);
        drain(&decoder, &out);
    }
    gdb_decoder_done(&decoder);
    return buf_steal(&out);
}

static const struct {
    const char *bytes, *events;
} streams[] = {
    {"", ""},
    {"+", "+ "},
    {"+-+", "+ - + "},
    {"$#00", "$ "},
    {"$OK#9a", "$OK "},
    {"+$OK#9a", "+ $OK "},
    {"$OK#9A", "$OK "},
    {"$OK#9a$E01#a6+", "$OK $E01 + "},
    {"$OK#9b", "! "},           /* wrong sum */
    {"$OK#9b$OK#9a", "! $OK "}, /* and on it goes */
    {"$OK#zz+", "! + "},        /* no sum at all */
    {"$OK#9", ""},              /* not there yet */
    {"noise\r\n$OK#9a\n\xff+", "$OK + "},
    {"%Stop:T05#99", "%Stop:T05 "}, /* "Notification Packets" */
    {"$O4f#e9%x#78$OK#9a", "$O4f %x $OK "},
    {"$0* #7a", "$0000 "}, /* the manual's own example */
    {"$a*%b* #5c", "$aaaaaaaaabbbb "},
    {"$*  #6a", "! "},    /* a repeat of nothing */
    {"$0*#5a", "! "},     /* a repeat cut short */
    {"$0*\x1f#79", "! "}, /* a count below the printable */
    {"$a}\x03\x62#43", "$a#b "},
    {"$}\x04}\x03}]}\n#62", "$$#}* "},
    {"$}\x03* #ca", "$#### "}, /* what was escaped can be repeated */
    {"$a}#de", "! "},          /* an escape of nothing */
    {"$half$OK#9a", "$OK "},   /* the server started over */
    {"%half$OK#9a", "$OK "},
    {"$a$b$OK#9a", "$OK "},
};

Test(gdb_decoder, finds_packets_in_any_pieces)
{
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        size_t count = strlen(streams[i].bytes);
        for (size_t piece = 1; piece <= count || piece == 1; piece++) {
            cleanup_free char *events = decode_in_pieces(streams[i].bytes, count, piece);
            cr_expect_str_eq(events, streams[i].events, "'%s' in pieces of %zu: '%s'",
                             streams[i].bytes, piece, events);
        }
    }
}

Test(gdb_decoder, noise_between_packets_is_skipped)
{
    cleanup_free char *events = decode_in_pieces("\0\xff\x80$OK#9a\0\n+", 12, 12);

    cr_expect_str_eq(events, "$OK + ");
}

Test(gdb_decoder, payload_may_hold_any_byte)
{
    struct gdb_decoder decoder;
    struct buf packet = BUF_INIT(4096);

    buf_adds(&packet, "$");
    for (int byte = 0; byte < 256; byte++) {
        if (strchr("#$}*", byte) && byte)
            buf_addf(&packet, "}%c", byte ^ 0x20);
        else
            buf_add(&packet, &(char){(char)byte}, 1);
    }
    buf_addf(&packet, "#%02x", gdb_checksum(packet.data + 1, packet.size - 1));
    gdb_decoder_init(&decoder);
    cr_assert_eq(gdb_decoder_feed(&decoder, packet.data, packet.size), 0);
    cr_assert_eq(gdb_decoder_next(&decoder), GDB_PACKET);
    cr_assert_eq(decoder.payload.size, 256);
    for (int byte = 0; byte < 256; byte++)
        cr_expect_eq((unsigned char)decoder.payload.data[byte], byte);
    gdb_decoder_done(&decoder);
    buf_done(&packet);
}

Test(gdb_decoder, a_packet_that_grows_too_large_is_bad)
{
    struct gdb_decoder decoder;
    struct buf packet = BUF_INIT(4096);

    buf_adds(&packet, "$x");
    for (int i = 0; i < 700; i++) /* 700 times 97 more x */
        buf_adds(&packet, "*~");
    buf_addf(&packet, "#%02x", gdb_checksum(packet.data + 1, packet.size - 1));
    gdb_decoder_init(&decoder);
    cr_assert_eq(gdb_decoder_feed(&decoder, packet.data, packet.size), 0);
    cr_expect_eq(gdb_decoder_next(&decoder), GDB_BAD);
    cr_expect_eq(gdb_decoder_next(&decoder), GDB_MORE);
    gdb_decoder_done(&decoder);
    buf_done(&packet);
}

Test(gdb_decoder, a_packet_that_does_not_end_meets_a_ceiling)
{
    struct gdb_decoder decoder;
    char bytes[4096];
    size_t fed = 0;
    int rc = 0;

    memset(bytes, 'x', sizeof bytes);
    gdb_decoder_init(&decoder);
    rc = gdb_decoder_feed(&decoder, "$", 1);
    while (rc == 0 && fed < (1 << 20)) {
        rc = gdb_decoder_feed(&decoder, bytes, sizeof bytes);
        cr_assert_eq(gdb_decoder_next(&decoder), GDB_MORE);
        fed += sizeof bytes;
    }
    cr_expect_eq(rc, -ERR_LIMIT);
    gdb_decoder_done(&decoder);
}
