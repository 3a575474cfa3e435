/* SPDX-License-Identifier: MIT
 *
 * Moving bytes over the GDB protocol: everything that takes more than one packet is a `job`, whose
 * `put` builds the request for the bytes at an offset and whose `take` reads its answer.
 */
#include "board/flash/gdb_remote.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CRC_STEP (64 * 1024) /* bytes that one qCRC covers, so that progress shows */
#define FRAME_MAX 4          /* $ # and two digits, which some servers count into PacketSize */

struct job {
    const char *what; /* "flash" or "memory" */
    uint64_t at;
    const uint8_t *out; /* written, or compared with */
    uint8_t *in;        /* read */
    size_t size;
    /* Returns how many bytes the request covers, > 0. */
    size_t (*put)(struct gdb_remote *gdb, const struct job *job, size_t offset);
    /* Returns how many bytes the answer covers, > 0, at most `count`. */
    ssize_t (*take)(struct gdb_remote *gdb, const struct job *job, size_t offset, size_t count,
                    struct err *err);
    gdb_progress *progress;
    void *arg;
};

/* Keeps gdb->window requests under way. Answers come in order. After a refusal, or an answer that
 * covers less than was asked for, what is under way is drained and dropped; in the second case the
 * rest is asked for again. */
static int run_job(struct gdb_remote *gdb, const struct job *job, const struct ctx *ctx,
                   struct err *err)
{
    size_t asked[GDB_WINDOW_MAX] = {0}; /* a ring */
    size_t first = 0, count = 0, sent = 0, done = 0;
    bool drop = false;
    int rc = 0;

    buf_clear(&gdb->console);
    while (done < job->size) {
        while (!drop && count < gdb->window && sent < job->size) {
            size_t n = job->put(gdb, job, sent);
            if ((rc = gdb_send(gdb, ctx, err)) < 0)
                return rc;
            asked[(first + count++) % GDB_WINDOW_MAX] = n;
            sent += n;
        }
        struct err *why = rc < 0 ? NULL : err;
        int received = gdb_receive(gdb, ctx, why);
        if (received < 0)
            return rc < 0 ? rc : received;
        if (!drop) {
            ssize_t n = job->take(gdb, job, done, asked[first], err);
            drop = n < 0 || (size_t)n < asked[first];
            rc = n < 0 ? (int)n : 0;
            done += n < 0 ? 0 : (size_t)n;
            if (rc == 0 && job->progress)
                job->progress(job->arg, done);
        }
        first = (first + 1) % GDB_WINDOW_MAX;
        if (--count == 0 && drop) {
            if (rc < 0)
                return rc;
            sent = done;
            drop = false;
        }
    }
    return 0;
}

/* Room for data behind a header as long as the longest: "vFlashWrite:", address, length. */
static size_t data_room(const struct gdb_remote *gdb)
{
    return gdb->packet_size - FRAME_MAX - strlen("vFlashWrite:,:") - 16;
}

/* Words are kept together: half-written ones are slow, or refused, on many parts. */
static size_t whole_words(size_t count, size_t left)
{
    return count >= left ? left : count & ~(size_t)3;
}

static size_t put_hex(struct gdb_remote *gdb, const struct job *job, size_t offset)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = whole_words(data_room(gdb) / 2, job->size - offset);
    char *space;

    gdb_packet(gdb, "M%" PRIx64 ",%zx:", job->at + offset, count);
    space = buf_space(&gdb->packet, count * 2);
    for (size_t i = 0; i < count; i++) {
        *space++ = digits[job->out[offset + i] >> 4];
        *space++ = digits[job->out[offset + i] & 15];
    }
    buf_grew(&gdb->packet, count * 2);
    return count;
}

static bool is_special(uint8_t byte)
{
    return byte == '#' || byte == '$' || byte == '}' || byte == '*';
}

/* How many bytes fit once escaped (appendix E.1, Binary Data). */
static size_t binary_fit(const struct gdb_remote *gdb, const struct job *job, size_t offset)
{
    size_t room = data_room(gdb), left = job->size - offset, count = 0;

    while (count < left && room > is_special(job->out[offset + count]))
        room -= 1u + is_special(job->out[offset + count++]);
    return whole_words(count, left);
}

static void add_binary(struct gdb_remote *gdb, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char escaped[2] = {'}', (char)(bytes[i] ^ 0x20)};
        if (is_special(bytes[i]))
            buf_add(&gdb->packet, escaped, 2);
        else
            buf_add(&gdb->packet, &bytes[i], 1);
    }
}

static size_t put_binary(struct gdb_remote *gdb, const struct job *job, size_t offset)
{
    size_t count = binary_fit(gdb, job, offset);

    gdb_packet(gdb, "X%" PRIx64 ",%zx:", job->at + offset, count);
    add_binary(gdb, job->out + offset, count);
    return count;
}

static size_t put_flash(struct gdb_remote *gdb, const struct job *job, size_t offset)
{
    size_t count = binary_fit(gdb, job, offset);

    gdb_packet(gdb, "vFlashWrite:%" PRIx64 ":", job->at + offset);
    add_binary(gdb, job->out + offset, count);
    return count;
}

static size_t put_read(struct gdb_remote *gdb, const struct job *job, size_t offset)
{
    size_t count = whole_words((gdb->packet_size - FRAME_MAX) / 2, job->size - offset);

    gdb_packet(gdb, "m%" PRIx64 ",%zx", job->at + offset, count);
    return count;
}

static ssize_t take_written(struct gdb_remote *gdb, const struct job *job, size_t offset,
                            size_t count, struct err *err)
{
    uint64_t at = job->at + offset;
    int rc = gdb_answer(gdb, err);

    if (rc == 0)
        return (ssize_t)count;
    if (rc != -ERR_REFUSED)
        return err_wrap(err, "writing 0x%08" PRIx64, at);
    return err_wrap(err, "%s at 0x%08" PRIx64 " is write-protected or not memory", job->what, at);
}

/* Decodes an answer to `m`: the bytes that it holds, at most `count`. */
static ssize_t read_bytes(const struct gdb_remote *gdb, uint64_t at, uint8_t *out, size_t count,
                          struct err *err)
{
    const char *text = gdb->decoder.payload.data;
    size_t size = gdb->decoder.payload.size;

    /* An error is "E22" or "E.text": an odd length, or no digit, where data is pairs of digits. */
    if (size < 2 || size % 2 || gdb_hex_digit(text[1]) < 0) {
        int rc = gdb_answer(gdb, err);
        if (rc == 0)
            rc = err_set(err, ERR_PROTOCOL, "the GDB server answered 'OK'");
        return rc == -ERR_REFUSED ? err_wrap(err, "memory at 0x%08" PRIx64 " cannot be read", at)
                                  : err_wrap(err, "reading 0x%08" PRIx64, at);
    }
    if (size / 2 > count)
        return err_set(err, ERR_PROTOCOL, "reading 0x%08" PRIx64 ": more bytes than asked for", at);
    for (size_t i = 0; i < size / 2; i++) {
        int high = gdb_hex_digit(text[2 * i]), low = gdb_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return err_set(err, ERR_PROTOCOL, "reading 0x%08" PRIx64 ": not hexadecimal", at);
        out[i] = (uint8_t)(high * 16 + low);
    }
    return (ssize_t)(size / 2);
}

static ssize_t take_read(struct gdb_remote *gdb, const struct job *job, size_t offset, size_t count,
                         struct err *err)
{
    return read_bytes(gdb, job->at + offset, job->in + offset, count, err);
}

static ssize_t take_compared(struct gdb_remote *gdb, const struct job *job, size_t offset,
                             size_t count, struct err *err)
{
    uint8_t held[GDB_PACKET_MAX / 2] = {0};
    ssize_t n = read_bytes(gdb, job->at + offset, held, count, err);

    for (size_t i = 0; n > 0 && i < (size_t)n; i++) {
        if (held[i] != job->out[offset + i])
            return err_set(err, ERR_REFUSED, "0x%08" PRIx64 " holds 0x%02x, should be 0x%02x",
                           job->at + offset + i, held[i], job->out[offset + i]);
    }
    return n;
}

uint64_t gdb_region_at(const struct gdb_remote *gdb, uint64_t at, uint64_t size,
                       const struct gdb_region **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < gdb->map_count; i++) {
        const struct gdb_region *region = &gdb->map[i];
        uint64_t left;
        if (at < region->start) /* in the gap before it */
            return size < region->start - at ? size : region->start - at;
        if (at - region->start >= region->length)
            continue;
        *ret = region;
        left = region->length - (at - region->start);
        return size < left ? size : left;
    }
    return size;
}

int gdb_flash_erase(struct gdb_remote *gdb, const struct gdb_region *region, uint64_t at,
                    uint64_t size, uint64_t *erased_to, const struct ctx *ctx, struct err *err)
{
    uint64_t offset = at - region->start;
    uint64_t from = at - offset % region->block_size;
    uint64_t blocks = (offset + size - 1) / region->block_size + 1;
    uint64_t to = blocks > region->length / region->block_size
                      ? region->start + region->length
                      : region->start + blocks * region->block_size;
    int rc;

    if (from < *erased_to)
        from = *erased_to;
    if (from >= to)
        return 0;
    *erased_to = to;
    gdb_packet(gdb, "vFlashErase:%" PRIx64 ",%" PRIx64, from, to - from);
    rc = gdb_ask(gdb, ctx, err);
    if (rc == 0)
        rc = gdb_answer(gdb, err);
    return rc < 0 ? err_wrap(err, "erasing flash 0x%08" PRIx64 "-0x%08" PRIx64, from, to - 1) : 0;
}

int gdb_flash_write(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                    gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err)
{
    return run_job(gdb,
                   &(struct job){.what = "flash",
                                 .at = at,
                                 .out = bytes,
                                 .size = size,
                                 .put = put_flash,
                                 .take = take_written,
                                 .progress = progress,
                                 .arg = arg},
                   ctx, err);
}

int gdb_flash_done(struct gdb_remote *gdb, const struct ctx *ctx, struct err *err)
{
    int rc;

    gdb_packet(gdb, "vFlashDone");
    rc = gdb_ask(gdb, ctx, err);
    if (rc == 0)
        rc = gdb_answer(gdb, err);
    return rc < 0 ? err_wrap(err, "writing flash") : 0;
}

/* "X address,0:" writes nothing and tells whether binary writes are understood, as GDB asks it. */
static int probe_binary(struct gdb_remote *gdb, uint64_t at, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (gdb->has_x != GDB_UNTRIED)
        return 0;
    gdb_packet(gdb, "X%" PRIx64 ",0:", at);
    rc = gdb_ask(gdb, ctx, err);
    if (rc == 0)
        gdb->has_x = gdb_answer(gdb, NULL) == 0 ? GDB_SUPPORTED : GDB_MISSING;
    return rc;
}

int gdb_memory_write(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                     gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err)
{
    int rc = probe_binary(gdb, at, ctx, err);

    if (rc < 0)
        return rc;
    return run_job(gdb,
                   &(struct job){.what = "memory",
                                 .at = at,
                                 .out = bytes,
                                 .size = size,
                                 .put = gdb->has_x == GDB_SUPPORTED ? put_binary : put_hex,
                                 .take = take_written,
                                 .progress = progress,
                                 .arg = arg},
                   ctx, err);
}

int gdb_memory_read(struct gdb_remote *gdb, uint64_t at, void *bytes, size_t size,
                    const struct ctx *ctx, struct err *err)
{
    return run_job(
        gdb, &(struct job){.at = at, .in = bytes, .size = size, .put = put_read, .take = take_read},
        ctx, err);
}

/* As the manual's section "Packets" says of qCRC: CRC-32 with polynomial 0x04c11db7, most
 * significant bit first, starting from all ones, not inverted at the end. */
static uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
    uint32_t table[256], crc = 0xffffffff;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i << 24;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] << 1 ^ (table[i] >> 31 ? 0x04c11db7 : 0);
    }
    for (size_t i = 0; i < count; i++)
        crc = crc << 8 ^ table[crc >> 24 ^ bytes[i]];
    return crc;
}

/* *ret_same is false where the server does not know, cannot, or says otherwise: reading tells. */
static int compare_crc(struct gdb_remote *gdb, uint64_t at, const uint8_t *bytes, size_t size,
                       bool *ret_same, const struct ctx *ctx, struct err *err)
{
    const struct buf *answer = &gdb->decoder.payload;
    int rc;

    gdb_packet(gdb, "qCRC:%" PRIx64 ",%zx", at, size);
    rc = gdb_ask(gdb, ctx, err);
    if (rc < 0)
        return rc;
    gdb->has_crc = answer->data[0] == 'C' ? GDB_SUPPORTED : GDB_MISSING;
    *ret_same =
        answer->data[0] == 'C' && strtoull(answer->data + 1, NULL, 16) == crc32_of(bytes, size);
    return 0;
}

struct shifted {
    gdb_progress *progress;
    void *arg;
    uint64_t before;
};

static void shifted_progress(void *arg, uint64_t done)
{
    const struct shifted *shifted = arg;

    if (shifted->progress)
        shifted->progress(shifted->arg, shifted->before + done);
}

int gdb_memory_compare(struct gdb_remote *gdb, uint64_t at, const void *bytes, size_t size,
                       gdb_progress *progress, void *arg, const struct ctx *ctx, struct err *err)
{
    struct shifted shifted = {progress, arg, 0};
    size_t done = 0;
    bool same = gdb->has_crc != GDB_MISSING;

    while (same && done < size) {
        size_t n = size - done < CRC_STEP ? size - done : CRC_STEP;
        int rc = compare_crc(gdb, at + done, (const uint8_t *)bytes + done, n, &same, ctx, err);
        if (rc < 0)
            return rc;
        if (!same)
            break;
        done += n;
        shifted_progress(&shifted, done);
    }
    shifted.before = done;
    return run_job(gdb,
                   &(struct job){.at = at + done,
                                 .out = (const uint8_t *)bytes + done,
                                 .size = size - done,
                                 .put = put_read,
                                 .take = take_compared,
                                 .progress = shifted_progress,
                                 .arg = &shifted},
                   ctx, err);
}
