/* SPDX-License-Identifier: MIT
 *
 * image: firmware as loadable segments, whatever file it came in.
 *
 * image_load() tells the format from the bytes (ELF, Intel HEX, Motorola S-record, UF2) or takes a
 * raw binary where an address is given. The segments come out sorted, adjoining ones joined, empty
 * ones gone; overlap, bad checksums, truncation and trailing rubbish are errors with file and line
 * or offset. Formats: one file and one row each (image/builder.h).
 *
 * The image owns all its bytes. Read-only after loading, so threads may share it. Nothing blocks.
 */
#ifndef HIL_IMAGE_IMAGE_H
#define HIL_IMAGE_IMAGE_H

#include "base/err.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_FILE_MAX ((size_t)256 << 20) /* bytes of a file that is read at all */
#define IMAGE_LOAD_MAX ((size_t)64 << 20)  /* bytes that are to be flashed */
#define IMAGE_SEGMENTS_MAX 4096

struct layout;

struct segment {
    uint64_t address;
    uint8_t *bytes;
    size_t size; /* never 0; address + size never wraps */
};

struct image {
    char *name;         /* as the user named it */
    const char *format; /* "elf" "ihex" "srec" "uf2" "bin" "tsv" */
    struct segment *segments;
    size_t count;          /* at least 1; 0 only of a flash layout */
    struct layout *layout; /* of an STM32MP (layout.h); NULL: it is none */
    uint64_t size_bytes;   /* sum over the segments */
    bool has_entry;
    uint64_t entry;
    char *build_id;               /* GNU build-id, hexadecimal; NULL: none */
    char sha256[SHA256_HEX_SIZE]; /* of the file's bytes */
    uint8_t *file_bytes;          /* the file itself: flash tools and symbolizer want it */
    size_t file_size;
};

struct image_options {
    bool has_at;
    uint64_t at; /* address of a raw binary; refused with any other format */
};

/* Copies what it needs of `bytes`; `options` may be NULL. -ERR_DATA: "fw.hex:12: checksum 0x3f,
 * should be 0x41"; -ERR_LIMIT: too large; -ERR_USAGE: an address where none belongs. */
int image_load(const char *name, const void *bytes, size_t size,
               const struct image_options *options, struct image **ret, struct err *err);
void image_free(struct image *image);

#endif
