// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/error.h"

bool kernel_fail(struct kernel_error *error, enum kernel_trouble trouble, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error->trouble = trouble;
    error->text = arena_vprintf(error->arena, format, args);
    va_end(args);
    return false;
}
