/* SPDX-License-Identifier: MIT
 *
 * mhd_api: libmicrohttpd, loaded when the first server begins.
 *
 * Linked as usual it would bring GnuTLS along, and cost every verb milliseconds at its start.
 * Members are called as their functions, less "MHD_". What was loaded stays until the program ends.
 */
#ifndef HIL_SERVE_MHD_API_H
#define HIL_SERVE_MHD_API_H

#include "base/err.h"

#include <microhttpd.h>

#define MHD_API_NAMES(X)             \
    X(start_daemon)                  \
    X(stop_daemon)                   \
    X(get_daemon_info)               \
    X(get_connection_info)           \
    X(is_feature_supported)          \
    X(run)                           \
    X(get_timeout)                   \
    X(suspend_connection)            \
    X(resume_connection)             \
    X(lookup_connection_value)       \
    X(create_response_from_buffer)   \
    X(create_response_from_callback) \
    X(create_response_from_fd)       \
    X(add_response_header)           \
    X(queue_response)                \
    X(destroy_response)

struct mhd_api {
#define X(name) __typeof__(MHD_##name) *(name);
    MHD_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libmicrohttpd is not installed, or too old. */
int mhd_api_load(struct mhd_api *ret, struct err *err);

#endif
