/* SPDX-License-Identifier: MIT
 *
 * pq_api: libpq, loaded when the first server is asked: a host without one pays nothing for it.
 *
 * Members are called as their functions, less "PQ". May be called from any thread. What was loaded
 * stays until the program ends.
 */
#ifndef HIL_STORE_PQ_API_H
#define HIL_STORE_PQ_API_H

#include "base/err.h"

#include <libpq-fe.h>

#define PQ_API_NAMES(X)   \
    X(clear)              \
    X(cmdTuples)          \
    X(conninfo)           \
    X(conninfoFree)       \
    X(conninfoParse)      \
    X(connectPoll)        \
    X(connectStartParams) \
    X(consumeInput)       \
    X(errorMessage)       \
    X(finish)             \
    X(flush)              \
    X(freemem)            \
    X(ftype)              \
    X(getResult)          \
    X(getisnull)          \
    X(getvalue)           \
    X(isBusy)             \
    X(notifies)           \
    X(ntuples)            \
    X(parameterStatus)    \
    X(resultErrorField)   \
    X(resultStatus)       \
    X(sendPrepare)        \
    X(sendQuery)          \
    X(sendQueryParams)    \
    X(sendQueryPrepared)  \
    X(setErrorVerbosity)  \
    X(setNoticeProcessor) \
    X(setnonblocking)     \
    X(socket)             \
    X(status)

struct pq_api {
#define X(name) __typeof__(PQ##name) *(name);
    PQ_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libpq is not installed, or too old. */
int pq_api_load(struct pq_api *ret, struct err *err);

#endif
