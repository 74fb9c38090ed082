// SPDX-License-Identifier: GPL-2.0-or-later
//
// reprint 4|6 FILE: reads rules, prints them, and requires that what was printed reads back to the same print.
// Exit code 1 where the rules are refused, 3 where the print is no fixed point.
#include <stdio.h>
#include <string.h>

#include "diag/render.h"
#include "emit/restore.h"
#include "rules/read.h"

#define MEMORY_MAX ((size_t)1 << 30)

static bool print_again(struct arena *arena, const struct source *source, enum family family,
                        struct diag_list *diags, struct buf *out)
{
    const struct ruleset *ruleset = rules_read(arena, source, family, NULL, diags);

    if (ruleset)
        restore_text(out, ruleset);
    return ruleset != NULL;
}

static int reprint(struct arena *arena, const char *path, enum family family)
{
    struct diag_list diags = {.arena = arena};
    struct buf first = {0}, second = {0}, findings = {0};
    struct source source;
    int code = 0;

    if (source_read(arena, path, MEMORY_MAX, &source) != 0)
        return 2;
    if (print_again(arena, &source, family, &diags, &first)) {
        const struct source printed = {
            .name = "printed", .path = "", .bytes = first.bytes, .length = first.length};

        if (!print_again(arena, &printed, family, &diags, &second) || first.length != second.length ||
            memcmp(first.bytes, second.bytes, first.length) != 0)
            code = 3;
        fwrite(first.bytes, 1, first.length, stdout);
    } else {
        code = 1;
    }
    render_text(&findings, &diags, SEVERITY_NOTE, false);
    fwrite(findings.bytes ? findings.bytes : "", 1, findings.length, stderr);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&findings);
    return code;
}

int main(int argc, char **argv)
{
    struct arena arena = {0};

    if (argc != 3)
        return 2;

    const int code = reprint(&arena, argv[2], argv[1][0] == '6' ? FAMILY_IPV6 : FAMILY_IPV4);

    arena_clear(&arena);
    return fflush(stdout) == 0 ? code : 2;
}
