// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/way.h"

#include <stdio.h>
#include <string.h>

#include "apply/rivals.h"

static enum exit_code take_way(const char *command, const struct option_row *row)
{
    static const char *const ways[] = {"libiptc", "restore", NULL};
    enum kernel_choice *choice = row->into;
    int way;
    const enum exit_code code = take_word(command, row->word, ways, &way);

    *choice = way == 0 ? CHOICE_LIBIPTC : CHOICE_RESTORE;
    return code;
}

struct option_row option_via(enum kernel_choice *choice)
{
    return option_value("via", take_way, choice);
}

const struct kernel_backend *open_way(struct arena *arena, enum kernel_choice choice,
                                      struct kernel_error *error)
{
    const char *why;
    const struct kernel_backend *backend = backend_choose(arena, choice, &why, error);

    if (backend && why)
        fprintf(stderr, "ctc: note: %s\n", why);
    return backend;
}

enum exit_code report_rivals(struct arena *arena, const struct kernel_backend *backend, bool applying,
                             bool force)
{
    const bool nft = backend->way == WAY_NFT_RESTORE;
    struct kernel_error error = {.arena = arena};
    struct rivals rivals;

    if (!rivals_find(arena, backend, &rivals, &error)) {
        fprintf(stderr, "ctc: warning: other rules may be there: %s\n", error.text);
        return EXIT_FINE;
    }
    if (rivals.foreign)
        fprintf(stderr, "ctc: warning: nft has tables of its own, which stay as they are: %s\n",
                rivals.foreign);
    if (!rivals.live)
        return EXIT_FINE;
    fprintf(stderr, "ctc: %s: %s has live rules as well, and packets meet both: %s; %s%s\n",
            applying && !force ? "error" : "warning", nft ? "the legacy ruleset" : "the nf_tables ruleset",
            rivals.live,
            nft ? "--via libiptc changes those, "
                : "--via restore changes those where iptables is that variant, ",
            "--force loads the policy beside them");
    return applying && !force ? EXIT_WORLD : EXIT_FINE;
}
