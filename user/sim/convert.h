/* SPDX-License-Identifier: GPL-2.0 */
/* From a scenario's text values to the scenario. */
#ifndef SHUNT_SIM_CONVERT_H
#define SHUNT_SIM_CONVERT_H

#include "config/complaints.h"
#include "config/outline.h"
#include "sim/raw.h"
#include "sim/scenario.h"

/*
 * Fills `scenario`, whose configuration is there already, from `raw`; every wrong value
 * becomes a complaint.  Returns 0 even then, or -EINVAL where the rest makes no sense.
 */
int sim_convert(const struct raw_scenario *raw, const struct outline *outline,
		struct complaints *complaints, struct scenario *scenario);

#endif
