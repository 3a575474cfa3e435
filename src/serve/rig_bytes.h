/* SPDX-License-Identifier: MIT
 *
 * rig_bytes: an identity as the bytes that a board has of it, and those bytes within an image.
 *
 * Pure functions.
 */
#ifndef HIL_SERVE_RIG_BYTES_H
#define HIL_SERVE_RIG_BYTES_H

#include "base/buf.h"
#include "image/image.h"
#include "serve/rig_conf.h"
#include "store/identities.h"

/* Appends the identity in the recipe's form: a MAC address as six bytes, others as text, unless it
 * says otherwise; text is filled up with zeroes, bytes with 0xFF. -ERR_CONFIG: it has no such form,
 * or is longer than the recipe's size. */
int rig_bytes(const struct rig_recipe *recipe, const struct store_identity *identity,
              struct buf *ret, struct err *err);
/* A copy of the image, as Intel HEX, with the bytes at `at`: within a segment, or where none is.
 * -ERR_CONFIG: half of them would be in one. */
int rig_bytes_patch(const struct image *image, uint64_t at, const struct buf *bytes,
                    struct image **ret, struct err *err);
/* An image of nothing but the bytes. */
int rig_bytes_image(uint64_t at, const struct buf *bytes, struct image **ret, struct err *err);

#endif
