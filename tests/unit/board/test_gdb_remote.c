/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_remote.h"

#include "../scratch.h"
#include "fake_gdb.h"

#include <signal.h>
#include <string.h>

static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

TestSuite(gdb_remote, .init = ignore_sigpipe);

struct session {
    struct fake_gdb *fake;
    struct gdb_remote gdb;
    struct ctx ctx;
    struct err err;
    int fd;
};

static struct session start(struct fake_gdb *fake)
{
    struct session session = {.fake = fake, .ctx = scratch_patience()};

    session.fd = fake_gdb_start(fake);
    return session;
}

/* Said hello, with the map read. */
static struct session open_session(struct fake_gdb *fake)
{
    struct session session = start(fake);
    int rc = gdb_open(&session.gdb, session.fd, &session.ctx, &session.err);

    if (rc == 0)
        rc = gdb_explore(&session.gdb, &session.ctx, &session.err);
    cr_assert_eq(rc, 0, "%s", session.err.message);
    return session;
}

static void hang_up(struct session *session)
{
    close(session->fd);
    fake_gdb_stop(session->fake);
    gdb_done(&session->gdb);
}

static void end(struct session *session)
{
    hang_up(session);
    fake_gdb_free(session->fake);
}

/* Bytes among which all that must be escaped are frequent. */
static void fill(uint8_t *bytes, size_t count)
{
    static const uint8_t awkward[] = {'#', '$', '}', '*', 0, 0xff, '\n', 'a'};

    for (size_t i = 0; i < count; i++)
        bytes[i] = i % 3 ? awkward[(i / 3) % sizeof awkward] : (uint8_t)(i * 7);
}

/* ---- hello ---------------------------------------------------------------------------------- */

Test(gdb_remote, agrees_on_what_the_server_can)
{
    static const struct {
        const char *features;
        size_t packet_size;
        bool no_ack, has_map;
    } rows[] = {
        {"", 400, false, false},
        {"PacketSize=1000", 0x1000, false, false},
        {"hwbreak+;PacketSize=4000;QStartNoAckMode+;qXfer:memory-map:read+", 0x4000, true, true},
        {"PacketSize=ffffffffffff", 16384, false, false},
        {"PacketSize=1", 64, false, false},
        {"PacketSize=;QStartNoAckMode-;qXfer:memory-map:read?", 64, false, false},
        {"E01", 400, false, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->answers[0] = (struct fake_answer){"qSupported", 0, rows[i].features, false};
        struct session session = start(fake);
        cr_assert_eq(gdb_open(&session.gdb, session.fd, &session.ctx, &session.err), 0, "%s",
                     session.err.message);
        cr_expect_eq(session.gdb.packet_size, rows[i].packet_size, "%s", rows[i].features);
        cr_expect_eq(session.gdb.no_ack, rows[i].no_ack, "%s", rows[i].features);
        cr_expect_eq(session.gdb.has_map, rows[i].has_map, "%s", rows[i].features);
        end(&session);
    }
}

Test(gdb_remote, a_stop_reply_before_the_first_answer_is_skipped)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->stop_reply = true;
    struct session session = open_session(fake);

    cr_expect_eq(session.gdb.packet_size, 1024);
    cr_expect_eq(session.gdb.in_flight, 0);
    cr_expect_eq(session.gdb.map_count, 2);
    end(&session);
}

Test(gdb_remote, a_bad_map_is_an_error_and_a_missing_one_is_not)
{
    static const struct {
        const char *answer;
        int rc;
        const char *message;
    } rows[] = {
        {"", 0, ""},
        {"E01", 0, ""},
        {"l", 0, ""},
        {"OK", 0, ""},
        {"what?", -ERR_PROTOCOL, "memory map: not an answer to qXfer"},
        {"l<memory", -ERR_DATA, "memory map: byte 7: no attribute where one should be"},
        {"mthis never ends, and begins anew with every packet", -ERR_LIMIT,
         "memory map: larger than 65536 bytes"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->answers[0] = (struct fake_answer){"qXfer", 0, rows[i].answer, false};
        struct session session = start(fake);
        cr_assert_eq(gdb_open(&session.gdb, session.fd, &session.ctx, &session.err), 0);
        cr_expect_eq(gdb_explore(&session.gdb, &session.ctx, &session.err), rows[i].rc, "%s",
                     rows[i].answer);
        cr_expect_str_eq(session.err.message, rows[i].message, "%s", session.err.message);
        end(&session);
    }
}

Test(gdb_remote, reads_a_map_larger_than_a_packet)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->packet_size = 100;
    struct session session = open_session(fake);
    const struct gdb_region *region;

    cr_expect_eq(session.gdb.map_count, 2);
    cr_expect_gt(fake_gdb_count(fake, "qXfer"), 3);
    cr_expect_eq(gdb_region_at(&session.gdb, 0, 1u << 31, &region), FAKE_FLASH_AT);
    cr_expect_null(region);
    cr_expect_eq(gdb_region_at(&session.gdb, FAKE_FLASH_AT + 4, 1u << 31, &region),
                 FAKE_FLASH_SIZE - 4);
    cr_expect_eq(region->type, GDB_FLASH);
    cr_expect_eq(gdb_region_at(&session.gdb, FAKE_RAM_AT + FAKE_RAM_SIZE, 9, &region), 9);
    cr_expect_null(region);
    end(&session);
}

/* ---- lines that damage and lose ------------------------------------------------------------- */

Test(gdb_remote, asks_again_for_damaged_answers)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->no_ack = false;
    struct session session = open_session(fake);
    uint8_t bytes[16];

    fake->damage = 2; /* the server's thread waits for us: no race */
    cr_expect_eq(
        gdb_memory_read(&session.gdb, FAKE_FLASH_AT, bytes, 16, &session.ctx, &session.err), 0,
        "%s", session.err.message);
    cr_expect_eq(bytes[15], 0x5a);
    cr_expect_eq(fake_gdb_count(fake, "m"), 1, "the request is not repeated");
    end(&session);
}

Test(gdb_remote, gives_up_on_a_line_that_damages_everything)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->damage = 1000;
    fake->no_ack = false;
    struct session session = start(fake);

    cr_expect_eq(gdb_open(&session.gdb, session.fd, &session.ctx, &session.err), -ERR_PROTOCOL);
    cr_expect_str_eq(session.err.message, "the GDB server's answers arrive damaged");
    end(&session);
}

Test(gdb_remote, sends_again_what_the_server_rejects)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->reject = 2;
    struct session session = open_session(fake);

    end(&session);
}

Test(gdb_remote, gives_up_on_a_server_that_rejects_everything)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->reject = 1000;
    struct session session = start(fake);

    cr_expect_eq(gdb_open(&session.gdb, session.fd, &session.ctx, &session.err), -ERR_PROTOCOL);
    cr_expect_str_eq(session.err.message, "packets reach the GDB server damaged");
    end(&session);
}

Test(gdb_remote, sends_again_what_nobody_acknowledges)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"", 0, FAKE_DEAF, true};
    struct session session = open_session(fake);

    cr_expect_eq(fake_gdb_count(fake, "qSupported"), 1);
    end(&session);
}

Test(gdb_remote, a_silent_server_is_a_timeout)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"qSupported", 0, FAKE_SILENCE, false};
    struct session session = start(fake);
    struct ctx brief = ctx_narrow(&session.ctx, 50);

    cr_expect_eq(gdb_open(&session.gdb, session.fd, &brief, &session.err), -ERR_TIMEOUT);
    cr_expect_str_eq(session.err.message, "the GDB server did not answer in time");
    end(&session);
}

Test(gdb_remote, a_server_that_dies_while_written_to_is_gone)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"X", 3, FAKE_HANG_UP, false};
    struct session session = open_session(fake);
    static uint8_t bytes[32768];

    session.gdb.window = 4;
    cr_expect_eq(gdb_memory_write(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, NULL, NULL,
                                  &session.ctx, &session.err),
                 -ERR_GONE);
    end(&session);
}

Test(gdb_remote, is_cancelled)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"m", 0, FAKE_SILENCE, false};
    struct session session = open_session(fake);
    uint8_t bytes[4];
    int cancel[2];

    cr_assert_eq(pipe(cancel), 0);
    cr_assert_eq(write(cancel[1], "x", 1), 1);
    session.ctx.cancel_fd = cancel[0];
    cr_expect_eq(gdb_memory_read(&session.gdb, FAKE_RAM_AT, bytes, 4, &session.ctx, &session.err),
                 -ERR_CANCELLED);
    close(cancel[0]);
    close(cancel[1]);
    end(&session);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Each way that a server may have its bytes, and sizes around the packets' edges. */
Test(gdb_remote, writes_and_reads_every_byte_in_every_way)
{
    static const size_t sizes[] = {1, 3, 4, 5, 483, 484, 485, 1000, 4096, 60001};
    static uint8_t bytes[60001], back[60001];

    fill(bytes, sizeof bytes);
    for (unsigned way = 0; way < 16; way++) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->x = way & 1;
        fake->no_ack = way & 2;
        fake->crc = way & 4;
        fake->packet_size = way & 8 ? 1024 : 77;
        struct session session = open_session(fake);
        session.gdb.window = fake->no_ack ? 8 : 1;
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            memset(fake->ram, 0, sizeof fake->ram);
            memset(back, 0, sizeof back);
            int rc = gdb_memory_write(&session.gdb, FAKE_RAM_AT + 1, bytes, sizes[i], NULL, NULL,
                                      &session.ctx, &session.err);
            if (rc == 0)
                rc = gdb_memory_compare(&session.gdb, FAKE_RAM_AT + 1, bytes, sizes[i], NULL, NULL,
                                        &session.ctx, &session.err);
            if (rc == 0)
                rc = gdb_memory_read(&session.gdb, FAKE_RAM_AT + 1, back, sizes[i], &session.ctx,
                                     &session.err);
            cr_assert_eq(rc, 0, "way %u, %zu bytes: %s", way, sizes[i], session.err.message);
            cr_expect_arr_eq(fake->ram + 1, bytes, sizes[i], "way %u, %zu bytes", way, sizes[i]);
            cr_expect_eq(fake->ram[sizes[i] + 1], 0);
            cr_expect_arr_eq(back, bytes, sizes[i], "way %u, %zu bytes", way, sizes[i]);
        }
        cr_expect_eq(fake_gdb_count(fake, "M") == 0, fake->x);
        cr_expect_eq(session.gdb.has_crc == GDB_SUPPORTED, fake->crc);
        end(&session);
    }
}

Test(gdb_remote, a_difference_names_its_first_address)
{
    static uint8_t bytes[20000];

    fill(bytes, sizeof bytes);
    for (unsigned way = 0; way < 4; way++) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->crc = way & 1;
        struct session session = open_session(fake);
        session.gdb.window = way & 2 ? 8 : 1;
        memcpy(fake->ram, bytes, sizeof bytes);
        fake->ram[12345] = bytes[12345] ^ 1;
        fake->ram[19999] = bytes[19999] ^ 1;
        cr_expect_eq(gdb_memory_compare(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, NULL, NULL,
                                        &session.ctx, &session.err),
                     -ERR_REFUSED);
        cleanup_free char *want =
            xasprintf("0x20003039 holds 0x%02x, should be 0x%02x", bytes[12345] ^ 1, bytes[12345]);
        cr_expect_str_eq(session.err.message, want, "%s", session.err.message);
        /* Nothing is left under way: the next answer belongs to the next request. */
        cr_expect_eq(gdb_monitor(&session.gdb, "x", &session.ctx, &session.err), 0);
        end(&session);
    }
}

/* A server that computes its checksum otherwise must not fail a good image: reading decides. */
Test(gdb_remote, a_strange_checksum_is_settled_by_reading)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"qCRC", 0, "C12345678", false};
    fake->answers[1] = (struct fake_answer){"m", 0, "E.never read", true};
    struct session session = open_session(fake);
    uint8_t bytes[100] = {0};

    fake->answers[1].request = NULL;
    cr_expect_eq(gdb_memory_compare(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, NULL, NULL,
                                    &session.ctx, &session.err),
                 0, "%s", session.err.message);
    cr_expect_gt(fake_gdb_count(fake, "m"), 0);
    end(&session);
}

Test(gdb_remote, short_answers_are_asked_on)
{
    static uint8_t bytes[5000], back[5000];

    fill(bytes, sizeof bytes);
    for (unsigned window = 1; window <= 8; window += 7) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->read_most = 100;
        struct session session = open_session(fake);
        session.gdb.window = window;
        memcpy(fake->ram, bytes, sizeof bytes);
        cr_expect_eq(gdb_memory_read(&session.gdb, FAKE_RAM_AT, back, sizeof back, &session.ctx,
                                     &session.err),
                     0, "%s", session.err.message);
        cr_expect_arr_eq(back, bytes, sizeof bytes);
        end(&session);
    }
}

static void count_up(void *arg, uint64_t done)
{
    uint64_t *last = arg;

    cr_expect_gt(done, *last);
    *last = done;
}

Test(gdb_remote, progress_rises_to_the_end)
{
    static uint8_t bytes[50000];

    for (unsigned crc = 0; crc < 2; crc++) {
        struct fake_gdb *fake = fake_gdb_new();
        uint64_t written = 0, compared = 0;
        fake->crc = crc;
        struct session session = open_session(fake);
        session.gdb.window = 8;
        gdb_memory_write(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, count_up, &written,
                         &session.ctx, &session.err);
        gdb_memory_compare(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, count_up, &compared,
                           &session.ctx, &session.err);
        cr_expect_eq(written, sizeof bytes);
        cr_expect_eq(compared, sizeof bytes);
        end(&session);
    }
}

Test(gdb_remote, a_window_sends_ahead_of_the_answers)
{
    struct fake_gdb *fake = fake_gdb_new();
    static uint8_t bytes[20000];
    fake->gather = 8;
    struct session session = open_session(fake);

    session.gdb.window = 8;
    session.gdb.has_x = GDB_SUPPORTED; /* the probe is an X, too */
    cr_expect_eq(gdb_memory_write(&session.gdb, FAKE_RAM_AT, bytes, sizeof bytes, NULL, NULL,
                                  &session.ctx, &session.err),
                 0, "%s", session.err.message);
    cr_expect_eq(fake->most_in_flight, 8);
    end(&session);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static int write_some(struct session *session)
{
    static const uint8_t bytes[4000];

    return gdb_memory_write(&session->gdb, FAKE_RAM_AT, bytes, sizeof bytes, NULL, NULL,
                            &session->ctx, &session->err);
}

static int read_some(struct session *session)
{
    uint8_t bytes[4000];

    return gdb_memory_read(&session->gdb, FAKE_RAM_AT, bytes, sizeof bytes, &session->ctx,
                           &session->err);
}

static int read_four(struct session *session)
{
    uint8_t bytes[4];

    return gdb_memory_read(&session->gdb, FAKE_RAM_AT, bytes, sizeof bytes, &session->ctx,
                           &session->err);
}

static int flash_some(struct session *session)
{
    static const uint8_t bytes[4000];

    return gdb_flash_write(&session->gdb, FAKE_FLASH_AT, bytes, sizeof bytes, NULL, NULL,
                           &session->ctx, &session->err);
}

static int erase_some(struct session *session)
{
    uint64_t erased_to = 0;
    const struct gdb_region *region;

    gdb_region_at(&session->gdb, FAKE_FLASH_AT, 4000, &region);
    return gdb_flash_erase(&session->gdb, region, FAKE_FLASH_AT, 4000, &erased_to, &session->ctx,
                           &session->err);
}

static int flash_done(struct session *session)
{
    return gdb_flash_done(&session->gdb, &session->ctx, &session->err);
}

static int attach(struct session *session)
{
    return gdb_attach(&session->gdb, 1, &session->ctx, &session->err);
}

static int monitor(struct session *session)
{
    return gdb_monitor(&session->gdb, "reset halt", &session->ctx, &session->err);
}

Test(gdb_remote, refusals_say_what_and_why)
{
    static const struct {
        int (*call)(struct session *session);
        const char *request, *answer;
        int rc;
        const char *message;
    } rows[] = {
        {write_some, "X20000000,3", "E22", -ERR_REFUSED,
         "memory at 0x20000000 is write-protected or not memory: E22"},
        {write_some, "X20000000,3", "E.locked by RDP", -ERR_REFUSED,
         "memory at 0x20000000 is write-protected or not memory: locked by RDP"},
        {write_some, "X20000000,3", "E01\x1fOK", -ERR_REFUSED,
         "memory at 0x20000000 is write-protected or not memory: E01"},
        {write_some, "X20000000,3",
         "O6572723a206e6f0d0a\x1f"
         "E01",
         -ERR_REFUSED, "memory at 0x20000000 is write-protected or not memory: E01 (err: no)"},
        {write_some, "X20000000,3", "", -ERR_NOT_FOUND,
         "writing 0x20000000: the GDB server does not know this request"},
        {write_some, "X20000000,3", "what?", -ERR_PROTOCOL,
         "writing 0x20000000: the GDB server answered 'what?'"},
        {read_some, "m", "E0e", -ERR_REFUSED, "memory at 0x20000000 cannot be read: E0e"},
        {read_some, "m", "E.no", -ERR_REFUSED, "memory at 0x20000000 cannot be read: no"},
        {read_some, "m", "00zz", -ERR_PROTOCOL, "reading 0x20000000: not hexadecimal"},
        {read_four, "m", "0000000000", -ERR_PROTOCOL,
         "reading 0x20000000: more bytes than asked for"},
        {read_some, "m", "OK", -ERR_PROTOCOL, "reading 0x20000000: the GDB server answered 'OK'"},
        {flash_some, "vFlashWrite", "E.memtype", -ERR_REFUSED,
         "flash at 0x08000000 is write-protected or not memory: memtype"},
        {erase_some, "vFlashErase", "E05", -ERR_REFUSED,
         "erasing flash 0x08000000-0x08000fff: E05"},
        {flash_done, "vFlashDone", "E.verify", -ERR_REFUSED, "writing flash: verify"},
        {attach, "vAttach", "E01", -ERR_REFUSED,
         "attach 1: E01; is the board powered and its debug port wired?"},
        {monitor, "qRcmd", "E01", -ERR_REFUSED, "monitor reset halt: E01"},
        {monitor, "qRcmd",
         "O4572726f723a20\x1fO6e6f2070726f62650a\x1f"
         "E01",
         -ERR_REFUSED, "monitor reset halt: E01 (Error: no probe)"},
        {monitor, "qRcmd", "", -ERR_NOT_FOUND,
         "monitor reset halt: the GDB server takes no monitor commands"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fake_gdb *fake = fake_gdb_new();
        fake->answers[0] = (struct fake_answer){rows[i].request, 0, rows[i].answer, false};
        struct session session = open_session(fake);
        cr_expect_eq(rows[i].call(&session), rows[i].rc, "%s to %s", rows[i].answer,
                     rows[i].request);
        cr_expect_str_eq(session.err.message, rows[i].message, "%s", session.err.message);
        end(&session);
    }
}

/* In the middle of eight packets under way: the refused one is named, the others are taken off. */
Test(gdb_remote, a_refusal_in_mid_flight_leaves_the_session_usable)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"X", 4, "E22", true};
    struct session session = open_session(fake);

    session.gdb.window = 8;
    cr_expect_eq(write_some(&session), -ERR_REFUSED);
    cr_expect(str_starts(session.err.message, "memory at 0x20000"), "%s", session.err.message);
    cr_expect_eq(gdb_monitor(&session.gdb, "x", &session.ctx, &session.err), 0);
    cr_expect_eq(session.gdb.in_flight, 0);
    cr_expect_eq(write_some(&session), 0);
    end(&session);
}

/* ---- the rest ------------------------------------------------------------------------------- */

Test(gdb_remote, monitor_text_is_kept)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"qRcmd,", 0, "O68690a\x1fO796f75\x1fOK", true};
    struct session session = open_session(fake);

    cr_expect_eq(gdb_monitor(&session.gdb, "hello", &session.ctx, &session.err), 0);
    cr_expect_str_eq(session.gdb.console.data, "hi\nyou");
    cr_expect_eq(fake_gdb_count(fake, "qRcmd,68656c6c6f"), 1);
    cr_expect_eq(gdb_monitor(&session.gdb, "again", &session.ctx, &session.err), 0);
    cr_expect_str_eq(session.gdb.console.data, "", "text of the last call only");
    end(&session);
}

Test(gdb_remote, monitor_text_may_be_the_answer_itself)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"qRcmd,", 0, "68690a", false};
    struct session session = open_session(fake);

    cr_expect_eq(gdb_monitor(&session.gdb, "hello", &session.ctx, &session.err), 0);
    end(&session);
}

Test(gdb_remote, monitor_commands_have_a_limit)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->packet_size = 64;
    struct session session = open_session(fake);

    cr_expect_eq(
        gdb_monitor(&session.gdb, "123456789012345678901234567890", &session.ctx, &session.err),
        -ERR_LIMIT);
    cr_expect_eq(
        gdb_monitor(&session.gdb, "12345678901234567890123456789", &session.ctx, &session.err), 0,
        "%s", session.err.message);
    end(&session);
}

/* The last block of a region may be cut short; what follows the region must not be erased. */
Test(gdb_remote, erases_not_beyond_the_region)
{
    struct gdb_region region = {GDB_FLASH, FAKE_FLASH_AT, FAKE_BLOCK, 3000};
    struct fake_gdb *fake = fake_gdb_new();
    struct session session = open_session(fake);
    uint64_t erased_to = 0;

    cr_expect_eq(gdb_flash_erase(&session.gdb, &region, FAKE_FLASH_AT, 3001, &erased_to,
                                 &session.ctx, &session.err),
                 0, "%s", session.err.message);
    cr_expect_eq(fake_gdb_count(fake, "vFlashErase:8000000,1000"), 1);
    cr_expect_eq(erased_to, FAKE_FLASH_AT + FAKE_BLOCK);
    end(&session);
}

Test(gdb_remote, erases_whole_blocks_once)
{
    static const struct {
        uint64_t at, size;
        const char *request; /* NULL: none */
    } rows[] = {
        {FAKE_FLASH_AT + 10, 100, "vFlashErase:8000000,1000"},
        {FAKE_FLASH_AT + 200, 100, NULL},
        {FAKE_FLASH_AT + 0xfff, 2, "vFlashErase:8001000,1000"},
        {FAKE_FLASH_AT + 0x3000, 0x2000, "vFlashErase:8003000,2000"},
        {FAKE_FLASH_AT + FAKE_FLASH_SIZE - 1, 1, "vFlashErase:803f000,1000"},
    };
    struct fake_gdb *fake = fake_gdb_new();
    struct session session = open_session(fake);
    const struct gdb_region *region;
    uint64_t erased_to = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t before = fake->requests.count;
        gdb_region_at(&session.gdb, rows[i].at, rows[i].size, &region);
        cr_expect_eq(gdb_flash_erase(&session.gdb, region, rows[i].at, rows[i].size, &erased_to,
                                     &session.ctx, &session.err),
                     0, "%s", session.err.message);
        cr_assert_eq(fake->requests.count - before, rows[i].request ? 1 : 0, "%zu", i);
        if (rows[i].request)
            cr_expect_str_eq(fake->requests.items[before], rows[i].request);
    }
    end(&session);
}

Test(gdb_remote, a_server_may_close_instead_of_detaching)
{
    struct fake_gdb *fake = fake_gdb_new();
    fake->answers[0] = (struct fake_answer){"D", 0, FAKE_HANG_UP, false};
    struct session session = open_session(fake);

    cr_expect_eq(gdb_detach(&session.gdb, &session.ctx, &session.err), 0);
    end(&session);
}
