// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy/helpers.h"

static const struct helper helpers[] = {
#define HELPER(name, control, port, data) {name, TRAFFIC_##control, port, TRAFFIC_##data},
#include "policy/helpers.def"
#undef HELPER
};

const char *const helper_names[] = {
#define HELPER(name, control, port, data) name,
#include "policy/helpers.def"
#undef HELPER
    NULL,
};

const struct helper *helper_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++)
        if (slice_is(name, helpers[i].name))
            return &helpers[i];
    return NULL;
}
