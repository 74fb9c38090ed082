// SPDX-License-Identifier: GPL-2.0-or-later
//
// How many entries and buckets the tracking table gets, and what they cost.
#pragma once

#include "host/forecast.h"

// What an entry takes (struct nf_conn on x86-64, from the slab cache nf_conntrack of 6.18), what more it takes with
// accounting, timestamps or events, and what a bucket takes (struct hlist_nulls_head); bytes.
#define ENTRY_BYTES     256
#define EXTENSION_BYTES 128
#define BUCKET_BYTES    8

// The kernel rounds buckets up to whole pages: nf_ct_alloc_hashtable(), 4096 / 8.
#define BUCKET_STEP 512

enum formula {
    FORMULA_AUTO,    // by load and memory, see sizing.c
    FORMULA_KERNEL,  // what the kernel takes by itself
    FORMULA_ARTICLE, // memory / 16384 / (bits / 32), and an eighth as many buckets: an old default
};

extern const char *const formula_names[]; // ended by NULL

// Why a size is what it is.
enum size_reason {
    SIZE_UNSAID,   // nothing to tell it by: it is left to the kernel, and the number is 0
    SIZE_GIVEN,    // the policy says so
    SIZE_LOAD,     // twice what the load needs, at least the kernel's own
    SIZE_CAPPED,   // as SIZE_LOAD, but no more than an eighth of the memory holds
    SIZE_MEMORY,   // what a sixty-fourth of the memory holds, at least the kernel's own
    SIZE_BY_ENTRY, // buckets: one for each entry
    SIZE_FORMULA,  // one of the other formulas
};

struct sizing {
    enum formula formula;
    uint64_t max, buckets; // 0: left to the kernel
    enum size_reason max_reason, buckets_reason;
};

// `formula` other than auto stands in the place of what the policy says; those two need its `host.memory`.
struct sizing size_table(const struct policy *policy, const struct forecast *forecast, enum formula formula,
                         struct kernel_version version);

// What a 64-bit kernel takes by itself with that much memory (nf_conntrack_init_start() of the versions), in bytes.
uint64_t kernel_buckets(uint64_t memory, struct kernel_version version);
uint64_t kernel_max(uint64_t memory, struct kernel_version version);

uint64_t article_max(uint64_t memory); // on 64 bits

// Bytes of a table that is full, with its buckets.
uint64_t table_bytes(uint64_t max, uint64_t buckets, uint64_t entry_bytes);
