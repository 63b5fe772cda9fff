/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every command, every exit status, once. Dispatcher, help, man pages and completion come from it.
 *
 * COMMAND(id, name, arguments, summary, description, options, examples)
 *   arguments   of the command besides options, or NULL
 *   description paragraphs separated by an empty line
 *   options     list of option ids
 *   examples    "command line\tmeaning\n" each
 */
#ifndef IOMAPSCOPE_COMMANDS_H
#define IOMAPSCOPE_COMMANDS_H

#define COMMANDS(COMMAND) \
	COMMAND(lookups, "lookups", NULL, \
		"watch iomap mapping lookups: what was asked, what the file system answered, how long it took", \
		"A lookup is one call of a file system's ->iomap_begin: an operation asks for the mapping of a range of a file, and " \
		"gets a mapping or an error. Each lookup is one line, or with --hist is added to a histogram in the kernel.\n\n" \
		"The last line says how many lookups were seen, emitted, left out by the filters, and lost, and why. Always " \
		"seen = emitted + filtered + lost. In a stream the tool's own lookups are left out, or its output would feed it. " \
		"Where the kernel preempts BPF programs it skips them for other tasks meanwhile; on stock sources the line then also says " \
		"how many more lookups there may have been. Lookups of writeback are not made through the iterator and are not shown.\n\n" \
		"A kernel with this project's events gives every field. A stock kernel from 6.1 on is observed by its own events; " \
		"'iomapscope probe' says what that leaves unknown. A field that is unknown or means nothing is null in JSON, empty " \
		"in CSV and - in the table.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE, OPT_RING_SIZE, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope lookups -d /srv --min-latency 1ms\tthe slow lookups of one file system\n" \
		"iomapscope lookups -f /srv/db --op dio -o json\tdirect I/O of one file, for a program to read\n" \
		"iomapscope lookups --errors\tthe lookups that fail\n" \
		"iomapscope lookups --hist --by dev --interval 1s\tlatency by device, second by second\n") \
	COMMAND(ioends, "ioends", NULL, \
		"watch writeback: each ioend from its first folio to its end", \
		"An ioend is one unit of writeback: folios that are contiguous in the file and on the disk, written by one bio. Each that " \
		"is finished is one line, or with --hist is added to a histogram in the kernel. The task is the one that wrote back, which " \
		"is seldom the one that dirtied: nothing tells which that was.\n\n" \
		"The filters of task and file are decided when an ioend begins. One that had begun before the tool is not seen. The last " \
		"line says how many were seen, emitted, left out by the filters, and lost, and why. Always " \
		"seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"A kernel with this project's events gives every field. A stock kernel from 6.1 on is observed by the functions that submit and " \
		"finish ioends; 'iomapscope probe' says what that leaves unknown. A field that is unknown or means nothing is null in JSON, " \
		"empty in CSV and - in the table. File systems that write back without iomap, as ext4 and btrfs do, have no ioends.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY_IOENDS, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE_IOENDS, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope ioends -d /srv --min-latency 10ms\tthe slow writeback of one file system\n" \
		"iomapscope ioends --errors -o json\twriteback that fails, for a program to read\n" \
		"iomapscope ioends --hist --by comm --interval 1s\twho writes back, and how long it takes\n") \
	COMMAND(dio, "dio", NULL, \
		"watch direct I/O: each request from its submission to its end", \
		"Each direct I/O request that enters iomap is one line when it is over, or with --hist is added to a histogram in the kernel. " \
		"An asynchronous one is timed to its completion, whoever is there for it; that it was queued is no error.\n\n" \
		"Task and file are those of the submission, where the filters are decided. A request that had begun before the tool is not " \
		"seen, nor is one of no bytes. The last line says how many were seen, emitted, left out by the filters, and lost, and why. " \
		"Always seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"A kernel with this project's events gives every field. A stock kernel is observed by its own events, before 6.6 by iomap's functions; " \
		"'iomapscope probe' says what that leaves unknown. A field that is unknown or means nothing is null in JSON, " \
		"empty in CSV and - in the table. Direct I/O to block devices does not enter iomap.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY_DIO, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE_DIO, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope dio -d /srv --min-latency 10ms\tthe slow requests of one file system\n" \
		"iomapscope dio -f /srv/db --errors -o json\trequests to one file that fail, for a program to read\n" \
		"iomapscope dio --hist --by wait\tlatency of synchronous and asynchronous requests\n" \
		"iomapscope dio -r /var/tmp/minute --hist --by comm\twho did direct I/O in a recording, and how long it took\n") \
	COMMAND(dax, "dax", NULL, \
		"watch fsdax: each page fault, with its page size and why it fell back, each read and each write", \
		"Each fault on a mapping of an fsdax file, and each read and write of one, is one line when it is over, or with --hist is added " \
		"to a histogram in the kernel. A huge page fault that falls back is one line that says why, and the fault of a small page that " \
		"follows is the next; a fallback is no error. A write fault on a MAP_SYNC mapping is over when the file is synced and the page " \
		"mapped. Pages that are mapped already do not fault.\n\n" \
		"Histograms count beside what faults have mapped: by small pages, by huge pages, and how much of the memory by huge pages. " \
		"With --by ino this is the huge page rate of each file.\n\n" \
		"Task and file are those of the begin, where the filters are decided. What had begun before the tool is not " \
		"seen, nor is a read or write of no bytes. The last line says how many were seen, emitted, left out by the filters, and lost, and " \
		"why. Always seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"A kernel with this project's events gives every field. A stock kernel from 6.1 on is observed by its functions and its own " \
		"events; 'iomapscope probe' says what that leaves unknown. A field that is unknown or means nothing is null in JSON, " \
		"empty in CSV and - in the table. Zeroing, unsharing, comparing and writing back are not shown, nor is device dax.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY_DAX, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE_DAX, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope dax -f /pmem/db --op dax_fault_pmd\twhy does this file get no huge pages?\n" \
		"iomapscope dax --hist --by ino\tthe huge page rate of each file\n" \
		"iomapscope dax --hist --by fallback --interval 1s\twhat prevents huge pages, second by second\n" \
		"iomapscope dax --errors -o json\twhat fails, for a program to read\n") \
	COMMAND(aio, "aio", NULL, \
		"watch Linux AIO: each request of io_submit() from its turn there to the event that is posted", \
		"Each request (iocb) that io_submit() takes up is one line when it is over, or with --hist is added to a histogram in the kernel: " \
		"when its event is put into the ring of its context, or when it is refused. That it was queued is no error. One that is " \
		"cancelled, or whose process ends first, is shown with the end that it has all the same.\n\n" \
		"Task and file are those of the submission, where the filters are decided; a request whose descriptor is not open has no file. One that " \
		"had begun before the tool is not seen. The last line says how many were seen, emitted, left out by the filters, and lost, and why. " \
		"Always seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"A kernel with this project's events gives every field. A stock kernel from 6.1 on is observed by the functions of its fs/aio.c; " \
		"'iomapscope probe' says what that leaves unknown. A field that is unknown or means nothing is null in JSON, " \
		"empty in CSV and - in the table. io_uring has nothing to do with this.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY_AIO, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP_AIO, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE_AIO, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope aio -c mysqld --min-latency 10ms\tthe slow requests of a database\n" \
		"iomapscope aio --errors -o json\trequests that fail or are refused, for a program to read\n" \
		"iomapscope aio --op fsync,fdsync --hist\tlatency of what is made durable\n") \
	COMMAND(dmio, "dmio", NULL, \
		"watch dm-io: each request of the device mapper's targets, with its regions and which of them failed", \
		"Device mapper targets read and write by dm-io: the copies of kcopyd for mirrors and snapshots, the writes to the legs of a mirror, " \
		"and metadata. Each request is one line when it is over, or with --hist is added to a histogram in the kernel. It has one region " \
		"to read, or up to 64 to write, and an error bit for each; the first eight are shown.\n\n" \
		"The task is the one that submitted, mostly a kworker. A request that had begun before the tool is not seen. The last line " \
		"says how many were seen, emitted, left out by the filters, and lost, and why. " \
		"Always seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"A kernel with this project's events gives every field. A stock kernel from 6.1 on is observed by the functions of its dm-io.c; " \
		"'iomapscope probe' says what that leaves unknown. Where they are in the module dm_mod, it has to be loaded first, and to " \
		"find them takes CAP_SYS_ADMIN. A field that is unknown or means nothing is null in JSON, empty in CSV and - in the table.\n\n" \
		"Times are written like 10us, 1.5ms or 2s (a bare number means seconds), sizes like 4k, 1M or 0x1000. In the " \
		"table a multiple of a power of 1024 is printed like 4k, 1m, 1g, anything else in bytes.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_HIST, OPT_BY_DMIO, OPT_PERCENTILES, OPT_INTERVAL, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV_DMIO, OPT_OP_DMIO, \
		     OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT, OPT_SOURCE_DMIO, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope dmio --errors\trequests of which a region failed\n" \
		"iomapscope dmio -d /dev/sdb --op write -o json\tcopies and writes that reach one disk, for a program to read\n" \
		"iomapscope dmio --hist --by comm --interval 1s\twho uses dm-io, and how long it takes\n") \
	COMMAND(top, "top", NULL, \
		"watch which files, processes, devices or cgroups are busy in iomap, on a full screen", \
		"Lookups, ioends, direct I/O requests and DAX faults are added up in the kernel, by file, thread and cgroup. Each interval the sums are " \
		"read, and what was added is shown by file, process, device or cgroup, as a full screen, or with -b or -o line by line. What a " \
		"kernel cannot observe is null in JSON, empty in CSV and - in the table; 'iomapscope probe' says why.\n\n" \
		"Keys: the arrows, PgUp, PgDn, Home and End choose a row, Enter goes into it (from a device to its files, from a file to its " \
		"processes), Backspace or Esc back; f, p, d and c show files, processes, devices and cgroups; s, < and > choose the column to sort by, " \
		"r reverses; l chooses what the latency is of; / asks for a part of the name; the space bar stops and resumes; + and - change " \
		"the interval; h or ? helps, q quits.\n\n" \
		"The filters are those of the other commands, and are decided by the kernel. A key that has done nothing for a minute, or less if " \
		"the table is nearly full, is taken out of it. If it is full all the same, what is not added is counted as lost. The last lines say " \
		"of each kind of event how many were seen, emitted (added to a key), left out by the filters, and lost, and why. Always " \
		"seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin).\n\n" \
		"In the table counts and bytes are per second, with k, m and g of 1000 for counts and of 1024 for bytes; in JSON and CSV they are " \
		"those of the interval. Task and cgroup are those of the submission.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_BATCH, OPT_BY_TOP, OPT_SORT, OPT_LATENCY, OPT_INTERVAL_TOP, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, \
		     OPT_FILE, OPT_OP, OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT_TOP, OPT_IN_FLIGHT, OPT_KEYS, OPT_STRICT, \
		     OPT_VERBOSE, OPT_HELP), \
		"iomapscope top\twhat is going on?\n" \
		"iomapscope top -d /srv --by processes --sort dio\twho does direct I/O on one file system\n" \
		"iomapscope top -b --count 1 --interval 10s --latency dio\tten seconds, printed once\n" \
		"iomapscope top -o json --by devices\tfor a program to read\n" \
		"iomapscope top -r /var/tmp/minute\twhat went on in a recording, second by second\n") \
	COMMAND(follow, "follow", NULL, \
		"follow requests through every layer, each as a timeline with its steps", \
		"A request is what begins by itself: a kiocb of libaio, a direct I/O request, an operation of iomap (a write, a readahead), a pass " \
		"of writeback, a page fault on fsdax. What begins while its task is at work on one, and on that work's behalf, is part of it: " \
		"the operation of a direct I/O request and its bios, the writeback inside an O_SYNC write, a page fault inside a write, the " \
		"metadata that a lookup reads. Each request is printed when the last of these is over: a line with the whole, and below it a line " \
		"for each step, with the time since the begin, the time since the step before, the layer, and what happened; what is " \
		"nested is indented. #N tells one bio, or ioend, or operation of the request from another.\n\n" \
		"The filters are asked where a request begins, of the task and the file that it is for; --min-latency and --errors when it is " \
		"over. What happens in an interrupt or a worker is known by the addresses of kiocb, direct I/O, ioend and bio, never by the " \
		"task that it has interrupted. Work that others do on its behalf without one of these, as a flush of the log by a worker of the " \
		"file system, is not seen, only that it was waited for.\n\n" \
		"At most 16384 requests are held, of at most 4096 steps each and 65536 together; steps beyond are counted with the request, requests as lost " \
		"(map_full). One that has not ended when the tool does is printed as unfinished, and counts as lost (unmatched_begin). The last line " \
		"says how many were seen, emitted, left out by the filters, and lost, and why. Always seen = emitted + filtered + lost.\n\n" \
		"A kernel with this project's events shows every layer. On a stock kernel from 6.1 on, what its own events and functions tell is " \
		"shown; 'iomapscope probe' says which layers that leaves out. io_uring has no kiocb layer; its direct I/O begins with the dio layer.\n\n" \
		"JSON has one object a request, with its steps in the array timeline; CSV has one line a step, with the fields of the request before " \
		"those of the step.", \
		LIST(OPT_READ, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, \
		     OPT_COUNT, OPT_SOURCE_FOLLOW, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, OPT_VERBOSE, OPT_HELP), \
		"iomapscope follow -f /srv/db -n 1\tthe next request to this file, from top to bottom\n" \
		"iomapscope follow -c postgres --op dio --min-latency 10ms\twhere the slow ones spend their time\n" \
		"iomapscope follow -d /srv --errors -o json\trequests that fail, with all their steps\n") \
	COMMAND(export, "export", NULL, \
		"export metrics for Prometheus: lookups, steps, writeback, direct I/O, fsdax, AIO and dm-io, added up in the kernel", \
		"All observers that this kernel has a source for run side by side and add up in the kernel, by device, file system type and " \
		"operation, with --by-cgroup also by cgroup. Nothing else becomes a label: no process, no file, no path. What is added up is read when " \
		"somebody scrapes: from http://ADDRESS:PORT/metrics, or with --textfile from the file iomapscope.prom in a directory, as " \
		"the textfile collector of node_exporter reads it. The answer is OpenMetrics 1.0 if the scraper asks for it, else " \
		"the text format of Prometheus.\n\n" \
		"It listens on the loopback address alone unless told otherwise, without TLS and passwords: docs/exporter.md shows a reverse proxy " \
		"that has both. At most 64 connections are open at a time; more are closed at once and counted. A client that " \
		"is slow keeps nobody waiting.\n\n" \
		"The tables in the kernel have room for a number of keys. What comes when there is none is added to a device \"other\", " \
		"and counted in iomapscope_overflow: nothing is lost, and the number of series is bounded. Keys of devices that are gone are taken out.\n\n" \
		"What the source of an observer cannot tell is absent. An observer without any source is told of once on standard error, and " \
		"has iomapscope_source_attached 0. Metrics begin at 0 when the exporter starts; process_start_time_seconds changes then. docs/metrics.md " \
		"has all metrics.\n\n" \
		"CAP_BPF and CAP_PERFMON are enough, and are dropped when the programs are attached. dm-io in the module dm_mod takes CAP_SYS_ADMIN " \
		"as well.", \
		LIST(OPT_LISTEN, OPT_TEXTFILE, OPT_INTERVAL_EXPORT, OPT_OBSERVERS, OPT_BY_CGROUP, OPT_KEYS_EXPORT, OPT_IN_FLIGHT, OPT_VERBOSE, OPT_HELP), \
		"iomapscope export\tfor a Prometheus on the same machine: http://127.0.0.1:9842/metrics\n" \
		"iomapscope export --listen [::]:9842 --by-cgroup\tfor others, too; by cgroup, 64 of them\n" \
		"iomapscope export --textfile /var/lib/prometheus/node-exporter\tfor node_exporter, every 15 seconds\n" \
		"iomapscope export --observers dio,lookups --keys 1024\tonly these\n") \
	COMMAND(record, "record", "FILE", \
		"record what observers see into a file, which every command can read", \
		"Several observers run side by side as streams, and what they see is written to FILE, in blocks that are compressed and have a " \
		"checksum. The other commands read it with --read, on any machine and without any privilege, and print what they would have " \
		"printed while it was observed. Which observers take part, and which are left out and why, is told at the begin.\n\n" \
		"A block is written whole, at the latest a second after its first record: what is killed loses no more than that. With --rotate-size " \
		"or --rotate-time the recording goes on in FILE.1, FILE.2 and so on, of which each can be read alone; --keep removes the oldest. A request " \
		"of follow that began in the file before is not whole.\n\n" \
		"Paths, devices and cgroups are recorded by the names that they had at that moment, and the functions of --stacks as well. The filters are " \
		"those of the observers; follow is recorded whole, and --min-latency and --errors are for its reading. One to whose requests a filter " \
		"means nothing is left out.\n\n" \
		"The last lines say of each observer how many were seen, emitted (written), left out by the filters, and lost, and why. Always " \
		"seen = emitted + filtered + lost; those still in flight at the end count as lost (unmatched_begin). A disk that is full, or a file that " \
		"is removed, ends the recording with status 5; what could not be written counts as lost (output).", \
		LIST(OPT_OBSERVE, OPT_FORCE, OPT_ROTATE_SIZE, OPT_ROTATE_TIME, OPT_KEEP, OPT_PRINT, OPT_OUTPUT, OPT_CLOCK, OPT_STACKS, OPT_PID, OPT_COMM, \
		     OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, OPT_MIN_LATENCY, OPT_ERRORS, OPT_DURATION, OPT_COUNT_RECORD, \
		     OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, OPT_VERBOSE, OPT_HELP), \
		"iomapscope record --duration 1m /var/tmp/minute\ta minute of everything, for lookups -r, dio -r, top -r and the others\n" \
		"iomapscope record -e ioends,dio -d /srv --rotate-size 100m --keep 10 /var/tmp/srv\tthe last gigabyte of one file system\n" \
		"iomapscope record -e follow --stacks -c postgres /var/tmp/pg\trequests with all their steps\n") \
	COMMAND(report, "report", "FILE...", \
		"make one page of a recording, or a trace or rows for other programs", \
		"Reads a recording; the files of one that was rotated are given in their order. The page is one file that asks for nothing from a " \
		"network: how latency went over time, by operation and device; the phases of requests; routes, waits, fallbacks and errors; the files " \
		"and processes that took most of the time; the slowest requests, each with its phases on the axis of time. It says what was recorded " \
		"where, by which sources, what these cannot tell, and what was lost.\n\n" \
		"The page does not hold every event, and neither it nor the memory for it grows with the recording: of files, processes and the " \
		"slowest it has the first ones, and says of how many. Counts, sums and histograms are of all events.\n\n" \
		"-o perfetto makes a trace of Chrome's format, which ui.perfetto.dev and chrome://tracing open: a slice for each event, nested in that of its " \
		"thread's request where it lies in it, its phases inside; requests in flight at the same time are on tracks beside each other. " \
		"-o ndjson prints the objects that -o json of each observer prints, with node, kernel and recording in front. -o clickhouse prints the " \
		"tables for these, and needs no file.\n\n" \
		"The filters are those of the observers, asked of what was recorded. One to whose events a filter means nothing, as -f to those of dmio, " \
		"is left out.\n\n" \
		"A recording that is damaged, or was cut, is read up to there; the page and standard error say so, and the status is 7.", \
		LIST(OPT_REPORT_OUTPUT, OPT_TO, OPT_OBSERVE_REPORT, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_DEV, OPT_INO, OPT_FILE, OPT_MIN_LATENCY, OPT_ERRORS, \
		     OPT_COUNT_REPORT, OPT_HELP), \
		"iomapscope report --to report.html db.rec\ta page to look at, and to pass on\n" \
		"iomapscope report -o perfetto --to db.json db.rec\tfor ui.perfetto.dev\n" \
		"iomapscope report -o ndjson db.rec | grep '\"event\":\"dio\"'\tits direct I/O, for a program to read\n" \
		"iomapscope report -o clickhouse --to tables.sql\tthe tables for these\n") \
	COMMAND(inject, "inject", NULL, \
		"make steps of iomap fail, wait or shrink: for one file, device, task or operation, with a probability, so many times", \
		"For testing, on a kernel that has the hooks for it: this project's patches/6.12/control, with CONFIG_IOMAP_BPF_CONTROL. A rule says " \
		"what is done (--errno, --delay, --cap, --stale, --fallback, --defer; several if the step can have them), at which steps, " \
		"to which operations, files and tasks, and when. There are up to 16 rules with --policy; they are asked in " \
		"their order, and the first that acts is the only one for that call.\n\n" \
		"The rules hold while the tool runs, and end with it, however it ends. It stops after --duration, at SIGINT, and once every rule has " \
		"a --times and has used it up. Each time that something is done is one line, or with --hist is added to a histogram in the kernel: " \
		"of the delays, by step. The tool's own reads and writes are left alone. At the end it says for each rule how often it " \
		"matched, how often it was applied, and how often the kernel has ignored it at least in part.\n\n" \
		"What a step cannot have at all is refused, with the reason; what it cannot have at that moment the kernel ignores: " \
		"a delay of a task that holds a folio lock or must not wait, a cap on a lookup that has to be whole. The section Verdicts of " \
		"Documentation/filesystems/iomap/control.rst in that kernel has all of it, docs/writing-a-policy.md what is different here.\n\n" \
		"At ioend_end and dio_end the current task has not asked for the work: -p, -c, --cgroup and --container are refused there. At " \
		"writeback_map and ioend_submit it is the one that writes back, which is seldom the one that wrote.\n\n" \
		"A rule that could hit the root file system is refused unless --force: give -f, or -d of another one.\n\n" \
		"Attaching takes CAP_SYS_ADMIN, beside what observing takes, as it changes the results of other users' system calls. All capabilities are " \
		"dropped then.\n\n" \
		"JSON has an object rule for each rule before the summary.", \
		LIST(OPT_ERRNO, OPT_DELAY, OPT_CAP, OPT_STALE, OPT_FALLBACK, OPT_DEFER, OPT_STEP, OPT_PROBABILITY, OPT_EVERY, OPT_AFTER, OPT_TIMES, OPT_SEED, \
		     OPT_POLICY, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, \
		     OPT_STACKS, OPT_HIST, OPT_BY_INJECT, OPT_PERCENTILES, OPT_INTERVAL, OPT_DURATION, OPT_COUNT, OPT_RING_SIZE, OPT_FORCE_INJECT, \
		     OPT_STRICT, OPT_VERBOSE, OPT_HELP), \
		"iomapscope inject --op write --errno ENOSPC --probability 0.01 -f /mnt/db --times 5\tone lookup of a hundred fails, five times\n" \
		"iomapscope inject --op dio --step dio_end --errno EIO --every 100 -d /mnt\teach hundredth direct I/O request\n" \
		"iomapscope inject --delay 50ms --op dio_write -d /mnt --duration 1m\tslow lookups, for a minute\n" \
		"iomapscope inject --policy chaos --seed 7 -o json\tseveral rules, the same draws each time\n") \
	COMMAND(check, "check", NULL, \
		"verify at run time what iomap and the file systems promise each other", \
		"Watches what iomap, the file systems, direct I/O, aio and dm-io do, and compares it with the rules that their code and documents " \
		"give them. Each violation is printed at once: how the rule was broken, what it rests on, the operation's last steps, and the kernel's " \
		"functions where it was found. At the end there is a line for each rule: how often it was checked, how often it was broken, and how " \
		"often it could not be checked; or why this kernel cannot be checked for it. If anything was found the status is 8.\n\n" \
		"What had begun before the tool is not checked. Nor is what finds no room in the table of those in flight, which the rule's line counts as " \
		"unchecked, never guessed. Where the kernel leaves out a program, as some kernels do when tasks are preempted, what was not seen is no " \
		"violation, but unchecked, too.\n\n" \
		"A kernel with this project's events is checked for all rules. A stock kernel from 6.1 on tells enough for what a successful lookup " \
		"gives (lookup-covers, stale-returned, overwrite-only), and from 6.6 on for how direct I/O ends (dio-result, dio-complete-once). docs/checks.md says of each rule what it cannot see.\n\n" \
		"With --rules and --strict the status is 4 if one of these rules cannot be checked on this kernel.\n\n" \
		"The filters are decided where the work begins. What the tool itself begins is left out, but not what the kernel does for it later, as the " \
		"writeback of its output.\n\n" \
		"JSON has an object rule for each rule before the summary; a violation has its timeline in an array, which CSV leaves out.", \
		LIST(OPT_RULES, OPT_OUTPUT, OPT_CLOCK, OPT_COLOR, OPT_STACKS, OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, \
		     OPT_DURATION, OPT_FAIL_FAST, OPT_SOURCE_CHECK, OPT_RING_SIZE, OPT_IN_FLIGHT, OPT_STRICT, OPT_VERBOSE, OPT_HELP), \
		"iomapscope check -d /mnt\tone file system, until interrupted\n" \
		"iomapscope check --fail-fast --duration 10m\tbeside a stress run, to its first violation\n" \
		"iomapscope check --rules lookup-covers,overwrite-only -o json\ttwo rules, for a program to read\n") \
	COMMAND(probe, "probe", NULL, \
		"say what can be observed on this kernel, by which source, and what cannot and why", \
		"Prints the kernel, the privileges, each source of each observation with the reason if it cannot be used, and for " \
		"each mounted file system which operations enter iomap and can therefore be seen. Attaches nothing; with " \
		"the privilege it loads one program that does nothing, to see whether the kernel lets it.\n\n" \
		"The status is 0 if lookups can be observed, otherwise 3 or 4.", \
		LIST(OPT_PROBE_OUTPUT, OPT_HELP), \
		"iomapscope probe\tcan this machine be observed?\n" \
		"iomapscope probe -o json\tthe same for a program\n") \
	COMMAND(bench, "bench", "DIRECTORY", \
		"measure what operations of iomap cost on a file system, and what it costs them that something else runs", \
		"Runs workloads that each repeat one operation, in a directory of its own in DIRECTORY, which is removed " \
		"afterwards. No privilege is needed but to write there; dax_fault_pmd needs extents that are aligned to 2 " \
		"MiB, as mkfs.xfs -d su=2m,sw=1 makes them, and unshare a file system with reflinks. Each workload runs in " \
		"a process of its own. One that fails is a line that says why, the others go on, and the status is 1.\n\n" \
		"A round is a number of operations that take 20 ms or more, without what prepares them. With --against, the " \
		"rounds come in the order A B B A A B B A and so on: the command is started before each B or two of them, " \
		"and stopped (SIGINT, after five seconds SIGKILL) before the next A. After a start it is given the time of " \
		"--settle, and longer, up to ten seconds, until its processes are idle, as an observer is that is attached. " \
		"The first round after each change is a warm-up, and is dropped. What the command prints is not shown. That " \
		"it ends before it is stopped is an error.\n\n" \
		"Figures are medians of the rounds, in nanoseconds an operation, and of the ratios of B to A in each pair. " \
		"The interval beside it is between two of the sorted values, the closest that hold the true median with a " \
		"probability of 95 % or more whatever the distribution is, by the sign test; below six rounds there is " \
		"none. A ratio whose interval has 1 in it may be chance.\n\n" \
		"The figure of a job file of fio is the time that a job took for one of its reads or writes. Jobs should " \
		"run for a second at least, as fio counts in milliseconds.\n\n" \
		"--unit instructions is for a guest under QEMU with -icount shift=0,sleep=off, one CPU and nothing else to " \
		"do; it needs root. A line of JSON for each workload has the instructions of one operation, of the cheapest " \
		"round, and every round.", \
		LIST(OPT_BENCH_OUTPUT, OPT_LIST, OPT_WORKLOAD, OPT_DAX, OPT_MIRROR, OPT_UNIT, OPT_ROUNDS, OPT_AGAINST, OPT_SETTLE, \
		     OPT_FIO, OPT_HELP), \
		"iomapscope bench /srv\twhat each operation costs\n" \
		"iomapscope bench --workload seek,append -o json /srv\ttwo of them, for a program to read\n" \
		"iomapscope bench --against 'iomapscope lookups' /srv\twhat watching costs\n" \
		"iomapscope bench --fio jobs.fio --rounds 6 /srv\tthe jobs of fio in the same way\n") \
	COMMAND(help, "help", "[COMMAND]", \
		"print help", \
		"Without a command: the list of the commands. With one: its options, fields and examples.", \
		LIST(OPT_HELP), \
		"iomapscope help lookups\teverything about lookups\n") \
	COMMAND(version, "version", NULL, \
		"print the version", \
		"Prints the tool's version and that of the libbpf in it.", \
		LIST(OPT_HELP), \
		"iomapscope version\tfor a bug report\n")

/* STATUS(id, number, doc) */
#define STATUSES(STATUS) \
	STATUS(OK, 0, "done, also after --duration, --count, SIGINT or SIGTERM") \
	STATUS(FAILED, 1, "failed while running") \
	STATUS(USAGE, 2, "wrong arguments (unknown option, a device or file that does not exist)") \
	STATUS(PRIVILEGE, 3, "missing privilege") \
	STATUS(KERNEL, 4, "this kernel cannot serve it (no BTF, no event, a required program does not load)") \
	STATUS(OUTPUT, 5, "the output was closed or could not be written") \
	STATUS(LOST, 6, "--strict and something was lost or may not have been seen") \
	STATUS(DAMAGED, 7, "the recording is damaged, or was cut; what comes before was read") \
	STATUS(VIOLATION, 8, "check found a violation")

/* LOSS(id, doc): why what was seen was neither emitted nor filtered. */
#define LOSSES(LOSS) \
	LOSS(ring_full, "the reader did not keep up and the ring had no room; see --ring-size") \
	LOSS(map_full, "a table had no room for the task, the key, or one more in flight") \
	LOSS(unmatched_begin, "the end was not seen, or had not come yet") \
	LOSS(unmatched_end, "lookups: the begin was not seen, as when it was before the tool's") \
	LOSS(skipped, "the kernel skipped the program because it was running already") \
	LOSS(evicted, "top: added to a key while it was taken out of the table") \
	LOSS(output, "the record was read, or was in the ring, but could not be written")

#endif
