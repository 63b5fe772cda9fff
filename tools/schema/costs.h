/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What watching costs, for the manual pages: guest instructions that a command's programs add to one operation, as tests/perf/run counts
 * them (docs/perf.md), on Linux 6.12 with this project's events and without. 0: not measured.
 */
#ifndef IOMAPSCOPE_COSTS_H
#define IOMAPSCOPE_COSTS_H

/* COST(command, workload, operation, form, patched, stock) */
#define COSTS(COST) \
	COST("lookups", "seek", "lookup", "--hist", 269, 897) \
	COST("lookups", "seek", "lookup", "lines", 3031, 3746) \
	COST("ioends", "writeback_4k", "ioend", "--hist", 1610, 2651) \
	COST("ioends", "writeback_4k", "ioend", "lines", 4720, 5249) \
	COST("dio", "dio_read_4k", "request", "--hist", 1485, 1424) \
	COST("dio", "dio_read_4k", "request", "lines", 5877, 4017) \
	COST("dax", "dax_fault_pte", "fault", "--hist", 949, 1499) \
	COST("dax", "dax_fault_pte", "fault", "lines", 4672, 4116) \
	COST("aio", "aio_read_32", "request", "--hist", 2090, 3060) \
	COST("aio", "aio_read_32", "request", "lines", 4681, 5663) \
	COST("follow", "dio_read_4k", "request", "lines", 16229, 14517) \
	COST("top", "seek", "lookup", "", 1473, 1804)

#endif
