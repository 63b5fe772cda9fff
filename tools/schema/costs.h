/* SPDX-License-Identifier: GPL-2.0 */
/* What watching costs, for the manual pages (docs/perf.md). */
#ifndef IOMAPSCOPE_COSTS_H
#define IOMAPSCOPE_COSTS_H

/*
 * COST(command, workload, operation, form, patched, stock): guest instructions that the programs add to one operation, as tests/perf/run
 * counts them, on Linux 6.12 with this project's events and without (0: it is not measured there). make perf-costs writes them.
 */
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
	COST("dmio", "mirror_write_4k", "request", "--hist", 1774, 4536) \
	COST("dmio", "mirror_write_4k", "request", "lines", 4055, 4916) \
	COST("follow", "dio_read_4k", "request", "lines", 16229, 14517) \
	COST("top", "seek", "lookup", "", 1473, 1804) \
	COST("check", "seek", "lookup", "", 1309, 455) \
	COST("check", "overwrite", "write", "", 1558, 0) \
	COST("check", "writeback_4k", "write and its writeback", "", 3261, 0) \
	COST("check", "dio_read_4k", "request", "", 3552, 1292) \
	COST("check", "aio_read_32", "request", "", 4905, 1293) \
	COST("check", "dax_fault_pmd", "fault", "", 1630, 0) \
	COST("check", "mirror_write_4k", "request", "", 5619, 0)

/*
 * NATIVE_COST(command, form, operation, ns, other, other_ns): nanoseconds that it adds on a running stock Linux 6.18, and what another tool
 * adds that shows the same, by tests/perf/native.
 */
#define NATIVE_COSTS(COST) \
	COST("lookups", "--hist", "lookup", 237, "bpftrace, by caller and flags,", 677) \
	COST("lookups", "lines", "lookup", 418, "bpftrace", 880) \
	COST("dio", "--hist", "request", 143, "bpftrace", 480) \
	COST("dio", "--hist", "request", 143, "biolatency of libbpf-tools", 611) \
	COST("dio", "lines", "request", 730, NULL, 0) \
	COST("follow", "lines", "request", 5635, NULL, 0) \
	COST("top", "", "lookup", 322, NULL, 0)

#endif
