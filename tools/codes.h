/* SPDX-License-Identifier: GPL-2.0 */
/* The programs of each observer, for what runs several of them. */
#ifndef IOMAPSCOPE_CODES_H
#define IOMAPSCOPE_CODES_H

#include "run.h"

struct observe_code lookups_code(void);
struct observe_code ioends_code(void);
struct observe_code dio_code(void);
struct observe_code dax_code(void);
struct observe_code aio_code(void);
struct observe_code dmio_code(void);
struct observe_code steps_code(void);

#endif
