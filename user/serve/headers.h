/* SPDX-License-Identifier: GPL-2.0 */
/* What stands above an answer. */
#ifndef SHUNT_HEADERS_H
#define SHUNT_HEADERS_H

#include "serve/routes.h"

struct MHD_Response;

/*
 * Adds type, encoding and, for browsers, that no page may show, run or read what is
 * answered, but for what the answer's own policy allows.  0 or -ENOMEM.
 */
int headers_add(struct MHD_Response *response, const struct answer *answer);

#endif
