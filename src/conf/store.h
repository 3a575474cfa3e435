/* SPDX-License-Identifier: MIT
 *
 * store: where the history is kept, for how long, and how large it may become; and, of a database
 * that hosts share, how they share boards: `store:` of a lab, a map or just the url.
 */
#ifndef HIL_CONF_STORE_H
#define HIL_CONF_STORE_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stdint.h>

struct store_conf {
    char *url; /* of a PostgreSQL database that several hosts share; NULL: a file of this host */
    int64_t keep_ms;
    uint64_t max_bytes;
    /* Of a database: for how long a board is taken by who says nothing more; and what becomes of
     * new leases while it is away. */
    int64_t lease_ms;
    int away; /* enum store_away */
};
enum store_away {
    AWAY_REFUSE,
    AWAY_LOCAL, /* the locks of this host alone decide */
};
#define STORE_CONF_DEFAULT                                                                      \
    {                                                                                           \
        .keep_ms = INT64_C(180) * 86400000, .max_bytes = UINT64_C(512) << 20, .lease_ms = 60000 \
    }

/* `node` may be NULL: the default. */
void store_conf_read(const struct yaml_node *node, struct store_conf *ret, struct diags *diags);
void store_conf_done(struct store_conf *conf);

#endif
