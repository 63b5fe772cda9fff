/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What watching costs, for the manual pages: guest instructions that a command's programs add to one operation, as tests/perf/run counts
 * them (docs/perf.md), on Linux 6.12 with this project's events and without. 0: not measured.
 */
#ifndef IOMAPSCOPE_COSTS_H
#define IOMAPSCOPE_COSTS_H

/* COST(command, workload, operation, form, patched, stock) */
#define COSTS(COST) \
	COST("lookups", "seek", "lookup", "--hist", 269, 894) \
	COST("lookups", "seek", "lookup", "lines", 0, 0) \
	COST("ioends", "writeback_4k", "ioend", "--hist", 0, 0) \
	COST("ioends", "writeback_4k", "ioend", "lines", 0, 0) \
	COST("dio", "dio_read_4k", "request", "--hist", 0, 0) \
	COST("dio", "dio_read_4k", "request", "lines", 0, 0) \
	COST("dax", "dax_fault_pte", "fault", "--hist", 0, 0) \
	COST("dax", "dax_fault_pte", "fault", "lines", 0, 0) \
	COST("follow", "dio_read_4k", "request", "lines", 0, 0) \
	COST("top", "seek", "lookup", "", 0, 0)

#endif
