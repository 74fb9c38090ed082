// SPDX-License-Identifier: GPL-2.0-or-later
//
// All files of a host, where its distribution looks for them.
#pragma once

#include <sys/types.h>

#include "host/plan.h"

enum layout {
#define LAYOUT(id, name, systemd) LAYOUT_##id,
#define LAYOUT_FILE(layout, part, path, mode)
#include "host/layouts.def"
#undef LAYOUT
#undef LAYOUT_FILE
    LAYOUT_COUNT
};

extern const char *const layout_names[]; // ended by NULL

struct layout_file {
    const char *path; // below the root of the host
    mode_t mode;
    struct buf text;
    bool needed; // false: the policy has nothing to say there, and a file of ctc's is to go
    bool common; // others make such files too: where it is not needed, theirs is no matter
};

// The files of a layout, in the order of layouts.def; `count` says how many. `rules` is restore text of both families,
// with its header, and `sets` that of the sets which they ask for; NULL: they ask for none. To be cleared.
struct layout_file *plan_files(struct arena *arena, const struct plan *plan, enum layout layout,
                               const struct buf rules[FAMILY_COUNT], const struct buf *sets, size_t *count);
void layout_files_clear(struct layout_file *files, size_t count);

// Whether a text is one that ctc made for a host: its first line says so.
bool made_by_ctc(struct slice text);
