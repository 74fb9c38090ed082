// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc services: the words that stand for ports.
#include "base/services.h"

#include "cli/cli.h"

enum exit_code run_services(int argc, char **argv)
{
    struct buf text = {0};

    (void)argv;
    if (argc > 1)
        return usage_error("services", "it takes no arguments");
    for (size_t i = 0; i < service_count; i++)
        buf_printf(&text, "%-20s %-40s %s\n", services[i].word, services[i].ports, services[i].about);

    const enum exit_code code = write_output(&text);

    buf_clear(&text);
    return code;
}
