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
	COST("lookups", "seek", "lookup", "lines", 3038, 3753) \
	COST("ioends", "writeback_4k", "ioend", "--hist", 1626, 2662) \
	COST("ioends", "writeback_4k", "ioend", "lines", 4738, 5261) \
	COST("dio", "dio_read_4k", "request", "--hist", 1504, 1441) \
	COST("dio", "dio_read_4k", "request", "lines", 5891, 4036) \
	COST("dax", "dax_fault_pte", "fault", "--hist", 963, 1515) \
	COST("dax", "dax_fault_pte", "fault", "lines", 4680, 4127) \
	COST("aio", "aio_read_32", "request", "--hist", 2103, 3069) \
	COST("aio", "aio_read_32", "request", "lines", 4696, 5672) \
	COST("dmio", "mirror_write_4k", "request", "--hist", 1785, 4549) \
	COST("dmio", "mirror_write_4k", "request", "lines", 4068, 4922) \
	COST("follow", "dio_read_4k", "request", "lines", 16200, 14517) \
	COST("top", "seek", "lookup", "", 1477, 1818) \
	COST("check", "seek", "lookup", "", 1319, 455) \
	COST("check", "overwrite", "write", "", 1570, 0) \
	COST("check", "writeback_4k", "write and its writeback", "", 3285, 0) \
	COST("check", "dio_read_4k", "request", "", 3568, 1303) \
	COST("check", "aio_read_32", "request", "", 4926, 1304) \
	COST("check", "dax_fault_pmd", "fault", "", 1621, 0) \
	COST("check", "mirror_write_4k", "request", "", 5530, 0)

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
