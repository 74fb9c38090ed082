// SPDX-License-Identifier: GPL-2.0-or-later
//
// sets FILE   reads a text of sets and prints them again; of one that nothing is known of, `# NAME`
//
// Exit code 1 where ctc does not take the text, with the reason on standard error.
#include <stdio.h>

#include "diag/render.h"
#include "ipset/ipset.h"

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct ipset_list list = {0};
    struct source source;
    struct buf out = {0}, findings = {0};
    bool fine;

    if (argc != 2 || source_read(&arena, argv[1], SOURCE_ADDRESSES_MAX, &source) != 0)
        return 2;
    fine = ipset_read(&arena, &source, &list, &diags);
    for (size_t i = 0; fine && i < list.count; i++) {
        if (list.items[i]->kind == IPSET_OTHER)
            buf_printf(&out, "# %s\n", list.items[i]->name);
        else
            ipset_print(&out, list.items[i]);
    }
    if (out.length)
        fwrite(out.bytes, 1, out.length, stdout);
    render_text(&findings, &diags, SEVERITY_ERROR, false);
    if (findings.length)
        fwrite(findings.bytes, 1, findings.length, stderr);
    buf_clear(&findings);
    buf_clear(&out);
    arena_clear(&arena);
    return fflush(stdout) == 0 && fine ? 0 : 1;
}
