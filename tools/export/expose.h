/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics as text: the format of Prometheus (0.0.4), and OpenMetrics 1.0. */
#ifndef IOMAPSCOPE_EXPORT_EXPOSE_H
#define IOMAPSCOPE_EXPORT_EXPOSE_H

#include "export/model.h"
#include "export/text.h"

/* EXPOSE_FILE: EXPOSE_TEXT for node_exporter's collector, without the metrics that node_exporter has of itself. */
enum exposition { EXPOSE_TEXT, EXPOSE_OPENMETRICS, EXPOSE_FILE };

#define EXPOSE_TEXT_TYPE	"text/plain; version=0.0.4; charset=utf-8"
#define EXPOSE_OPENMETRICS_TYPE	"application/openmetrics-text; version=1.0.0; charset=utf-8"

/* What the header Accept asks for; NULL: there was none. */
enum exposition expose_choose(const char *accept);

/* All metrics of the model's group that this source of its observer can tell. */
void expose_model(struct text *text, enum exposition exposition, const struct model *model, enum metric_group group, int source);

/* The lines before the samples of a metric, and one sample: @labels without braces, "" for none. */
void expose_family(struct text *text, enum exposition exposition, const struct metric_desc *metric);
void expose_sample(struct text *text, const struct metric_desc *metric, const char *labels, __u64 value);
void expose_sample_ns(struct text *text, const struct metric_desc *metric, const char *labels, __u64 ns);

void expose_end(struct text *text, enum exposition exposition);

#endif
