/* SPDX-License-Identifier: GPL-2.0 */
/* What holds between values, once each of them is right by itself. */
#ifndef SHUNT_CONFIG_VALIDATE_H
#define SHUNT_CONFIG_VALIDATE_H

#include "config/complaints.h"
#include "config/outline.h"

/* Within services[number]; for one whose values are all right. */
void validate_service(const struct config_service *service, size_t number,
		      const struct outline *outline, struct complaints *complaints);

/* Between services.  Returns 0 or -ENOMEM. */
int validate_services(const struct config *config, const struct outline *outline,
		      struct complaints *complaints);

#endif
