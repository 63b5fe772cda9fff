/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What 'iomapscope export' tells: each metric once. The exposition and docs/metrics.md are made of it, and tests hold the dashboards and
 * the rules to it. Conventions: OpenMetrics 1.0, and Prometheus' practice for names: base units, _total on counters.
 */
#ifndef IOMAPSCOPE_METRICS_H
#define IOMAPSCOPE_METRICS_H

/*
 * GROUP(id, observer, facet): the metrics of one observer have the labels device, fstype and, if it is not "", what @facet names; with
 * --by-cgroup also cgroup.
 */
#define METRIC_GROUPS(GROUP) \
	GROUP(LOOKUPS, "lookups", "op") \
	GROUP(STEPS, "steps", "op") \
	GROUP(IOENDS, "ioends", "type") \
	GROUP(DIO, "dio", "op") \
	GROUP(DAX, "dax", "op") \
	GROUP(AIO, "aio", "op") \
	GROUP(DMIO, "dmio", "op")

/*
 * METRIC(group, name, type, unit, label, doc): @name without the _total of counters, @label: one more than its group's, or "". Only what its
 * doc says needs this project's events is absent on other kernels.
 */
#define METRICS(METRIC) \
	METRIC(LOOKUPS, "iomap_lookup_duration_seconds", HISTOGRAM, "seconds", "", "Time in the file system's ->iomap_begin") \
	METRIC(LOOKUPS, "iomap_lookups", COUNTER, "", "", "Mapping lookups") \
	METRIC(LOOKUPS, "iomap_lookup_errors", COUNTER, "", "", "Lookups that failed") \
	METRIC(LOOKUPS, "iomap_lookup_mapping_bytes", HISTOGRAM, "bytes", "", "Lengths of the mappings that lookups returned") \
	METRIC(LOOKUPS, "iomap_lookup_mappings", COUNTER, "", "type", "Mappings returned, by their type") \
	METRIC(LOOKUPS, "iomap_lookup_shared", COUNTER, "", "", "Mappings returned that are shared with another file or range") \
	METRIC(LOOKUPS, "iomap_lookup_cow", COUNTER, "", "", "Mappings returned with a source mapping: data will be copied on write") \
	METRIC(STEPS, "iomap_steps", COUNTER, "", "", "Units of work on a mapping (needs this project's events)") \
	METRIC(STEPS, "iomap_step_bytes", COUNTER, "bytes", "", "Bytes processed by steps (needs this project's events)") \
	METRIC(STEPS, "iomap_step_errors", COUNTER, "", "", "Steps that failed (needs this project's events)") \
	METRIC(STEPS, "iomap_stale_mappings", COUNTER, "", "reason", "Mappings found stale, and looked up again (needs this project's events)") \
	METRIC(STEPS, "iomap_releases", COUNTER, "", "", "Calls of ->iomap_end (needs this project's events)") \
	METRIC(STEPS, "iomap_release_errors", COUNTER, "", "", "Calls of ->iomap_end that failed (needs this project's events)") \
	METRIC(STEPS, "iomap_release_duration_seconds", HISTOGRAM, "seconds", "", "Time in ->iomap_end (needs this project's events)") \
	METRIC(IOENDS, "iomap_ioend_duration_seconds", HISTOGRAM, "seconds", "", "From the begin of an ioend to its finish") \
	METRIC(IOENDS, "iomap_ioends", COUNTER, "", "reason", "Ioends finished, by why they were begun; reason is empty where the source cannot tell") \
	METRIC(IOENDS, "iomap_ioend_errors", COUNTER, "", "", "Ioends that failed") \
	METRIC(IOENDS, "iomap_ioend_bytes", HISTOGRAM, "bytes", "", "Lengths of ioends") \
	METRIC(IOENDS, "iomap_ioend_merged", COUNTER, "", "", "Ioends merged into another one at completion (needs this project's events)") \
	METRIC(IOENDS, "iomap_ioend_folios", COUNTER, "", "", "Folios that ioends have a part of (needs this project's events)") \
	METRIC(IOENDS, "iomap_ioend_phase_seconds", COUNTER, "seconds", "phase", "Time of ioends in build, device and completion (needs this project's events)") \
	METRIC(IOENDS, "iomap_ioend_phases", COUNTER, "", "phase", "Ioends that have had the phase (needs this project's events)") \
	METRIC(IOENDS, "iomap_ioends_in_flight", GAUGE, "", "", "Ioends begun and not finished") \
	METRIC(DIO, "iomap_dio_duration_seconds", HISTOGRAM, "seconds", "", "From the begin of a direct I/O request to its end, whoever waits") \
	METRIC(DIO, "iomap_dio_errors", COUNTER, "", "", "Direct I/O requests that failed; a fallback to buffered I/O is none") \
	METRIC(DIO, "iomap_dio_would_block", COUNTER, "", "", "Of these, with EAGAIN: they were not to wait") \
	METRIC(DIO, "iomap_dio_request_bytes", HISTOGRAM, "bytes", "", "Lengths asked for") \
	METRIC(DIO, "iomap_dio_bytes", COUNTER, "bytes", "", "Bytes transferred") \
	METRIC(DIO, "iomap_dio_bios", COUNTER, "", "", "Bios of direct I/O requests (needs this project's events)") \
	METRIC(DIO, "iomap_dio_extents", COUNTER, "", "", "Mappings that direct I/O was carried out on (needs this project's events)") \
	METRIC(DIO, "iomap_dio_phase_seconds", COUNTER, "seconds", "phase", "Time in mapping, setup, device, queue and completion; mapping is part of setup and device (needs this project's events)") \
	METRIC(DIO, "iomap_dio_phases", COUNTER, "", "phase", "Requests that have had the phase (needs this project's events)") \
	METRIC(DIO, "iomap_dio_completions", COUNTER, "", "route", "Requests by who completed them (needs this project's events)") \
	METRIC(DIO, "iomap_dio_waits", COUNTER, "", "wait", "Requests by who waits for them") \
	METRIC(DIO, "iomap_dio_fallbacks", COUNTER, "", "cause", "Requests of which less was done than asked for, or nothing, by the cause (needs this project's events)") \
	METRIC(DIO, "iomap_dio_in_flight", GAUGE, "", "", "Direct I/O requests begun and not ended") \
	METRIC(DAX, "iomap_dax_duration_seconds", HISTOGRAM, "seconds", "", "Time of fsdax faults, by the size that op names, and of reads and writes") \
	METRIC(DAX, "iomap_dax_errors", COUNTER, "", "", "Fsdax faults, reads and writes that failed; a fallback is none") \
	METRIC(DAX, "iomap_dax_fallbacks", COUNTER, "", "reason", "Faults that fell back to smaller pages; reason is empty where the source cannot tell") \
	METRIC(DAX, "iomap_dax_mapped", COUNTER, "", "mapped", "Faults by what they have mapped") \
	METRIC(DAX, "iomap_dax_sync_seconds", COUNTER, "seconds", "", "Time of syncing for MAP_SYNC mappings") \
	METRIC(DAX, "iomap_dax_bytes", COUNTER, "bytes", "", "Bytes read and written") \
	METRIC(AIO, "aio_duration_seconds", HISTOGRAM, "seconds", "", "From io_submit() taking a request up to its event") \
	METRIC(AIO, "aio_errors", COUNTER, "", "", "Requests that failed, or were refused") \
	METRIC(AIO, "aio_completions", COUNTER, "", "route", "Requests by how they came to their end") \
	METRIC(AIO, "aio_cancelled", COUNTER, "", "", "Requests that were cancelled") \
	METRIC(AIO, "aio_in_flight", GAUGE, "", "", "Requests submitted and not ended") \
	METRIC(DMIO, "dm_io_duration_seconds", HISTOGRAM, "seconds", "", "From the begin of a dm-io request to the end of its last region; device is that of its first region") \
	METRIC(DMIO, "dm_io_errors", COUNTER, "", "", "Requests of which a region failed") \
	METRIC(DMIO, "dm_io_failed_regions", COUNTER, "", "", "Regions that failed") \
	METRIC(DMIO, "dm_io_regions", COUNTER, "", "", "Regions of the requests") \
	METRIC(DMIO, "dm_io_bytes", HISTOGRAM, "bytes", "", "Lengths of all regions of a request together") \
	METRIC(DMIO, "dm_io_in_flight", GAUGE, "", "", "Requests begun and not ended")

/* OWN_METRIC(name, type, unit, labels, doc): about the exporter itself. */
#define OWN_METRICS(METRIC) \
	METRIC("iomapscope_build_info", INFO, "", "version,kernel", "Always 1; the exporter's version and the kernel's release") \
	METRIC("iomapscope_source_attached", GAUGE, "", "observer,source", "1 for the source that an observer uses; an observer without one has source \"none\" and 0") \
	METRIC("iomapscope_events", COUNTER, "", "observer", "Events seen: emitted and lost") \
	METRIC("iomapscope_events_emitted", COUNTER, "", "observer", "Events that are in the metrics") \
	METRIC("iomapscope_events_lost", COUNTER, "", "observer,reason", "Events that are not, by reason") \
	METRIC("iomapscope_programs_skipped", COUNTER, "", "observer", "Runs of programs that the kernel left out because another one ran on that CPU") \
	METRIC("iomapscope_map_entries", GAUGE, "", "observer,map", "Entries of the maps that have a bound: keys of metrics, requests in flight, cgroups") \
	METRIC("iomapscope_map_max_entries", GAUGE, "", "observer,map", "Room for entries in them") \
	METRIC("iomapscope_overflow", COUNTER, "", "observer", "Events that were added to the device or cgroup \"other\", as there was no room for another key") \
	METRIC("iomapscope_start_time_seconds", GAUGE, "seconds", "", "Start time of the exporter since the epoch: counters begin at 0 then") \
	METRIC("iomapscope_scrapes", COUNTER, "", "", "Scrapes answered") \
	METRIC("iomapscope_scrape_errors", COUNTER, "", "", "Scrapes that could not be answered") \
	METRIC("iomapscope_scrape_duration_seconds", GAUGE, "seconds", "", "Time that the last scrape took, until its answer was ready") \
	METRIC("iomapscope_scrape_cpu_seconds", COUNTER, "seconds", "", "CPU time of all scrapes, until their answers were ready") \
	METRIC("iomapscope_connections", GAUGE, "", "", "Open connections") \
	METRIC("iomapscope_connections_refused", COUNTER, "", "", "Connections closed at once, as there were too many") \
	METRIC("process_cpu_seconds", COUNTER, "seconds", "", "User and system CPU time of the exporter") \
	METRIC("process_start_time_seconds", GAUGE, "seconds", "", "The same, by the name that is common; as all of process_, not in the text file of --textfile, where it is node_exporter's") \
	METRIC("process_resident_memory_bytes", GAUGE, "bytes", "", "Resident memory of the exporter") \
	METRIC("process_open_fds", GAUGE, "", "", "Open file descriptors of the exporter") \
	METRIC("process_max_fds", GAUGE, "", "", "Most file descriptors that it may have open")

#endif
