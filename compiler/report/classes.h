// SPDX-License-Identifier: GPL-2.0-or-later
//
// Classes of senders: by interface and address, all those that fare alike with every service that was asked about. Not for
// other folders.
#pragma once

#include "report/gather.h"

#define CLASSES_MAX 1000 // of senders; beyond, no more services are looked at

// Classes of one family: class 0 stands for no packet.
struct classes {
    struct report_meaning *meaning;
    struct field_choice *choices;
    diagram numbers; // by interface and source
    struct {
        struct reach_cell *cells; // by service
        bool shown;
    } * items;
    size_t count;
    size_t services;
};

// One class of everybody who comes in off lo, in one family.
struct classes classes_open(struct report_meaning *meaning, struct arena *arena);

// Tells the classes apart by one service more, of `services` in all: by what becomes of the packets of the set. False where
// they become too many.
bool classes_refine(struct classes *classes, struct arena *arena, diagram set, size_t services);

// The senders of a class, as a set of packets that asks for nothing but interface and source.
diagram class_set(const struct classes *classes, uint32_t number);

// The class of most addresses among those that come in by an interface that nothing names; of very many classes, that of a
// usual stranger.
uint32_t largest_class(const struct classes *classes, struct arena *arena);

// Openings of an entry of `allow`, and of all that is no service of a policy.
bool same_traffic(const struct traffic *a, const struct traffic *b);
diagram service_openings(struct report_meaning *meaning, const struct entry *entry);
diagram other_openings(struct report_meaning *meaning, const struct policy *policy);
