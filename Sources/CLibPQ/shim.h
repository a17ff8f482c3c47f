#pragma once
#include <libpq-fe.h>

/* Character-literal macros are not imported into Swift. */
static const int clibpq_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int clibpq_diag_severity = PG_DIAG_SEVERITY;
static const int clibpq_diag_message = PG_DIAG_MESSAGE_PRIMARY;

/* libpq 17 can queue a sync without writing to the socket at once; before, each sync is a write of its own. */
static inline int clibpq_pipeline_sync(PGconn *connection) {
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(connection);
#else
    return PQpipelineSync(connection);
#endif
}
