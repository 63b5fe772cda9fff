// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "observers.h"

const struct observer *const observers[] = {
	&lookups_observer,
	&ioends_observer,
	&dio_observer,
	&dax_observer,
	&aio_observer,
	&dmio_observer,
	&follow_observer,
};
const size_t observer_count = sizeof(observers) / sizeof(observers[0]);

const struct observer *observer_of(const struct command_desc *command)
{
	size_t i;

	for (i = 0; i < observer_count; i++) {
		if (!strcmp(observers[i]->command, command->name))
			return observers[i];
	}
	if (!strcmp(inject_observer.command, command->name))
		return &inject_observer;
	if (!strcmp(check_observer.command, command->name))
		return &check_observer;
	return strcmp(top_table.command, command->name) ? NULL : &top_table;
}

const char *source_name(const struct observer *observer, unsigned int source)
{
	return source < (unsigned int)observer->source_count ? observer->source[source].name : NULL;
}

const char *source_limits(const struct observer *observer, unsigned int source)
{
	return source < (unsigned int)observer->source_count ? observer->source[source].limits : NULL;
}

const char *step_title(const struct observer *observer, int step)
{
	static char title[64];

	snprintf(title, sizeof(title), "%s %s", observer->layer[observer->step[step].layer].name, observer->step[step].name);
	return title;
}

const char *step_values(const struct observer *observer, int step)
{
	const struct field *value = observer->step[step].value;
	static char names[160];
	size_t used = 0;
	int i;

	names[0] = 0;
	for (i = 0; i < STEP_VALUES_MAX && value[i].name; i++)
		used += snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", value[i].name);
	return names;
}

bool observer_shows(const struct observer *observer, enum field_kind kind)
{
	int i;

	for (i = 0; i < observer->field_count; i++) {
		if (observer->field[i].kind == kind)
			return true;
	}
	for (i = 0; i < observer->step_field_count; i++) {
		if (observer->step_field[i].kind == kind)
			return true;
	}
	for (i = 0; i < observer->step_count * STEP_VALUES_MAX; i++) {
		const struct field *value = &observer->step[i / STEP_VALUES_MAX].value[i % STEP_VALUES_MAX];

		if (value->name && value->kind == kind)
			return true;
	}
	return false;
}

bool observer_filters_op(const struct observer *observer)
{
	size_t i, k;

	for (i = 0; i < CMD_COUNT; i++) {
		if (strcmp(commands[i].name, observer->command))
			continue;
		for (k = 0; k < commands[i].option_count; k++) {
			if (commands[i].options[k] == OPT_OP)
				return true;
		}
	}
	return false;
}
