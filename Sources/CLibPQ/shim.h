#pragma once
#include <libpq-fe.h>

/* Character-literal macros are not imported into Swift. */
static const int clibpq_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int clibpq_diag_message = PG_DIAG_MESSAGE_PRIMARY;
