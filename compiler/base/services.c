// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/services.h"

const struct service services[] = {
#define SERVICE(word, ports, about) {word, ports, about},
#include "base/services.def"
#undef SERVICE
};

const char *const service_words[] = {
#define SERVICE(word, ports, about) word,
#include "base/services.def"
#undef SERVICE
    NULL,
};

const size_t service_count = sizeof(services) / sizeof(*services);

const struct service *service_find(struct slice word)
{
    for (size_t i = 0; i < service_count; i++)
        if (slice_is(word, services[i].word))
            return &services[i];
    return NULL;
}
