/* SPDX-License-Identifier: MIT
 *
 * intake: the way of a download's bytes: hashed as they come, unpacked as they come, kept nowhere.
 *
 *     intake = intake_new(&spec, ctx)
 *     http_call(... .sink = intake_sink(intake) ...)     may begin several times
 *     rc = intake_finish(intake, &facts, err)           the files are with the taker, unjudged
 *     intake_free(intake)
 *
 * What the first bytes say decides: an archive goes to libarchive on a thread of its own, so that
 * receiving and unpacking take both their time at once; anything else goes to the taker as one
 * file. An archive that is refused is still received to its end, for only the digest can tell
 * whether it was meant to be like that. The taker is used from one thread at a time. The caller
 * judges digests and signatures before it uses what the taker has.
 */
#ifndef HIL_SOURCE_INTAKE_H
#define HIL_SOURCE_INTAKE_H

#include "base/hash.h"
#include "source/http.h"
#include "source/minisign.h"
#include "source/parts.h"

struct intake_spec {
    const char *name;   /* what messages call it */
    const char *base;   /* its file name where that is known; NULL: the server says, or `other` */
    const char *other;  /* last resort */
    const char *member; /* pattern; NULL: the archive's one firmware file */
    bool whole;         /* an archive is not unpacked */
    bool zip_due;       /* its name says nothing of what it is, as an artifact's */
    bool hash_blake;    /* for a signature of the hash */
    size_t keep_max;    /* for a signature of the bytes: keep them, at most so many; 0: no */
    struct source_taker taker;
    void (*restart)(void *arg); /* with the taker's arg: forget what came, it comes again */
};

struct intake_facts {
    uint64_t size;
    char sha256[SHA256_HEX_SIZE];
    uint8_t blake[MINISIGN_HASH_BYTES];
    struct buf kept;
};

struct intake;
struct intake *intake_new(const struct intake_spec *spec, const struct ctx *ctx);
struct http_sink intake_sink(struct intake *intake);
/* Ends the thread. *ret_facts (its `kept` borrowed until intake_free()) is set in any case; the
 * error is the archive's or the taker's. */
int intake_finish(struct intake *intake, struct intake_facts *ret_facts, struct err *err);
void intake_free(struct intake *intake); /* NULL is fine */

#endif
