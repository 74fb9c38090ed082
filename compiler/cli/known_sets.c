// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/known_sets.h"

#include <stdio.h>

#include "cli/cli.h"

bool known_sets_read(struct known_sets *known, const char *path)
{
    struct compilation *compilation = &known->compilation;
    const struct source *source;
    int error;

    *known = (struct known_sets){0};
    compilation_init(compilation);
    if (!path)
        return true;
    error = source_set_open(&compilation->sources, path, SOURCE_ADDRESSES_MAX, &source);
    if (error) {
        diag_add(&compilation->diags, DIAG_FILE, source_whole(source), "cannot read it: %s",
                 source_problem(&compilation->arena, error, SOURCE_ADDRESSES_MAX));
    } else if (ipset_read(&compilation->arena, source, &compilation->read_sets, &compilation->diags)) {
        known->list = &compilation->read_sets;
    }
    return known->list;
}

enum exit_code known_sets_open(struct known_sets *known, const char *path)
{
    known_sets_read(known, path);
    report_diags(&known->compilation.diags, SEVERITY_WARNING);
    return known->compilation.diags.exit;
}

void known_sets_clear(struct known_sets *known)
{
    compilation_clear(&known->compilation);
}

void warn_of_unknown_sets(const char *why)
{
    if (why)
        fprintf(stderr,
                "ctc: warning: what is in sets that the kernel's rules ask for is not known: %s\n"
                "     a match that asks for one may hold or not\n",
                why);
}
