/* SPDX-License-Identifier: GPL-2.0 */
/* All observers at work, and what a scrape makes of them. */
#ifndef IOMAPSCOPE_EXPORT_EXPORTER_H
#define IOMAPSCOPE_EXPORT_EXPORTER_H

#include "export/expose.h"
#include "run.h"

struct exporter;

struct exporter_setup {
	const struct args *args;
	struct observe_code code[GROUP_COUNT];
	unsigned int groups;		/* bits: those that are wanted */
	unsigned int keys;
	unsigned int cgroups;		/* 0: not by cgroup */
};

/* What serves it counts these. */
struct exporter_service {
	__u64 scrape_errors;
	__u64 connections, refused;
};

/*
 * Attached; what this kernel has no source for is told on standard error, once. NULL with @err, of STATUS_KERNEL if there is none for any.
 */
struct exporter *exporter_open(const struct exporter_setup *setup, struct err *err);
struct exporter_service *exporter_service(struct exporter *exporter);
/* The metrics as they are now, appended to @text. 0 or -errno; a scrape that fails is counted. */
int exporter_scrape(struct exporter *exporter, enum exposition exposition, struct text *text);
void exporter_detach(struct exporter *exporter);
void exporter_close(struct exporter *exporter);

#endif
