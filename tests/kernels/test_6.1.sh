#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
. "$(dirname "$0")/lib.sh"
run_kernel 6.1 refused_inbound,connect_checks
