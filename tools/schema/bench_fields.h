/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What iomapscope bench can measure, and the JSON that it prints, once. Its --workload and --list, help, man page and completion
 * come from it; tests/unit/bench.c holds the lines to it.
 */
#ifndef IOMAPSCOPE_BENCH_FIELDS_H
#define IOMAPSCOPE_BENCH_FIELDS_H

/* W(id, one operation); the first by FIRST(), so that a list can have separators. Those on --dax begin with dax_, on --mirror with mirror_. */
#define WORKLOADS(FIRST, W) \
	FIRST(seek, "lseek(SEEK_DATA) on a file of one extent") \
	W(fiemap, "one FIEMAP call for 1000 extents with holes between them (2001 lookups)") \
	W(overwrite, "pwrite() of 4 KiB that are cached and dirty") \
	W(cached_read, "pread() of 4 KiB that are cached: never enters iomap") \
	W(ram_read, "pread() of 4 KiB that are not cached, in order: with the readahead of the device") \
	W(mkwrite, "write fault on a clean, cached page of a shared mapping") \
	W(write_writeback, "pwrite() of 1 MiB and its writeback by sync_file_range()") \
	W(writeback_4k, "the same with 4 KiB") \
	W(dio_read_4k, "direct read of 4 KiB that are allocated") \
	W(dio_write_4k, "direct write of 4 KiB that are allocated") \
	W(dax_fault_pte, "read fault on a page of an fsdax mapping whose alignment rules huge pages out") \
	W(unshare, "FALLOC_FL_UNSHARE_RANGE of 64 KiB of a reflinked file") \
	W(readahead, "readahead() of 64 KiB that are not cached, until all is submitted") \
	W(append, "pwrite() of 4 KiB at the end of the file") \
	W(zero_range, "FALLOC_FL_PUNCH_HOLE of 1 KiB inside a block: zeroes it by iomap_zero_range()") \
	W(truncate, "ftruncate() down and up again inside the last block: iomap_truncate_page() and iomap_zero_range()") \
	W(writeback_random, "pwrite() of 4 KiB in random order, no two adjacent; then all are written back by one sync_file_range()") \
	W(dio_read_1m, "direct read of 1 MiB") \
	W(dio_write_1m, "direct write of 1 MiB that are allocated") \
	W(aio_read_32, "direct read of 4 KiB, 32 of them in one io_submit()") \
	W(dax_read, "pread() of 4 KiB from fsdax") \
	W(dax_write, "pwrite() of 4 KiB that are allocated to fsdax") \
	W(dax_fault_pmd, "read fault on a huge page of an fsdax mapping") \
	W(mirror_write_4k, "direct write of 4 KiB that are allocated to a mirror of the device mapper: one request of dm-io")

/* FIELD(name, doc), in the order in which they are printed. */
#define ENVIRONMENT_FIELDS(FIELD) \
	FIELD(event, "environment: the first line") \
	FIELD(command, "bench") \
	FIELD(kernel, "release of the kernel") \
	FIELD(kernel_version, "version of the kernel, as uname -v prints it") \
	FIELD(machine, "its architecture") \
	FIELD(cpu, "model of the CPU") \
	FIELD(cpus, "how many are online") \
	FIELD(governor, "what rules the frequency of the first of them") \
	FIELD(turbo, "whether it may run faster than its nominal frequency") \
	FIELD(mitigations, "object: what the kernel says of each vulnerability of the CPU, by the name of its file") \
	FIELD(clocksource, "what the kernel reads the time from") \
	FIELD(hypervisor, "whether the CPU says that it is a virtual one") \
	FIELD(device, "block device of DIRECTORY") \
	FIELD(scheduler, "I/O scheduler of that device") \
	FIELD(rotational, "whether it says that it rotates") \
	FIELD(device_dax, "whether it can serve fsdax") \
	FIELD(filesystem, "type of the file system of DIRECTORY") \
	FIELD(mount_options, "options of the mount, then of the file system") \
	FIELD(iomapscope, "version of the tool") \
	FIELD(time, "when the measurement began, UTC")

#define FIGURE_FIELDS(FIELD) \
	FIELD(event, "workload: one line each") \
	FIELD(command, "bench") \
	FIELD(workload, "its name; fio: and the name of the file for --fio") \
	FIELD(n, "operations of one pass; null for --fio, as repeats is") \
	FIELD(repeats, "passes of one round, each prepared anew, which is not measured") \
	FIELD(rounds, "how many were measured; with --against, of each of A and B") \
	FIELD(a_ns, "A, or without --against all that there is: median of the rounds, in nanoseconds an operation") \
	FIELD(a_low_ns, "lower bound of the median; null, as every bound, below six rounds") \
	FIELD(a_high_ns, "upper bound of the median") \
	FIELD(a_min_ns, "the cheapest round") \
	FIELD(b_ns, "the same of B, while the command of --against runs") \
	FIELD(b_low_ns, "lower bound of the median") \
	FIELD(b_high_ns, "upper bound of the median") \
	FIELD(b_min_ns, "the cheapest round") \
	FIELD(ratio, "median of B divided by A, pair by pair") \
	FIELD(ratio_low, "lower bound of that median") \
	FIELD(ratio_high, "upper bound of that median") \
	FIELD(confidence, "probability that a median lies between its bounds, at least 0.95") \
	FIELD(a, "array: every round of A, in nanoseconds an operation, in the order of time") \
	FIELD(b, "array: every round of B; the two at one place are a pair") \
	FIELD(error, "why there is no figure; null if there is one")

#define BENCH_SUMMARY_FIELDS(FIELD) \
	FIELD(event, "summary: the last line") \
	FIELD(command, "bench") \
	FIELD(workloads, "lines of workloads, failed ones included") \
	FIELD(failed, "how many of them have failed") \
	FIELD(left_out, "workloads that were asked for, and were left out for want of --dax") \
	FIELD(rounds, "as given, or 20") \
	FIELD(against, "the command as given") \
	FIELD(settle_ns, "the time to settle, as given, or half a second") \
	FIELD(interrupted, "whether a signal ended the measurement") \
	FIELD(seconds, "how long it took")

#endif
