// SPDX-License-Identifier: GPL-2.0-or-later
//
// Policies in a folder of their own, read and compiled as the command does it.
#pragma once

#include "support/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compile.h"

// A folder for one test, without a slash at its end; removed with all that is in it by folder_remove().
static inline void folder_make(char folder[PATH_MAX])
{
    const char *parent = getenv("TMPDIR");

    snprintf(folder, PATH_MAX, "%s/ctc-unit-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
}

static inline int folder_remove_item(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static inline void folder_remove(const char *folder)
{
    assert_succeeds(nftw(folder, folder_remove_item, 8, FTW_DEPTH | FTW_PHYS));
}

static inline void file_write(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_succeeds(fclose(file));
}

// NULL where there is no such file; else its contents, for the caller to free.
static inline char *file_contents(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 16);

    assert_non_null(text);
    if (!file) {
        free(text);
        return NULL;
    }
    assert_true(fread(text, 1, (1 << 16) - 1, file) < (1 << 16) - 1);
    assert_succeeds(fclose(file));
    return text;
}

// A set of addresses holds these in the family: "192.0.2.1-192.0.2.3 192.0.2.9-192.0.2.9".
static inline void assert_ranges(const struct addr_set *set, enum family family, const char *text)
{
    struct buf buf = {0};

    buf_text(&buf, "");
    assert_non_null(set);
    for (size_t i = 0; i < set->families[family].count; i++) {
        buf_text(&buf, i ? " " : "");
        addr_print(&buf, family, set->families[family].items[i].first);
        buf_char(&buf, '-');
        addr_print(&buf, family, set->families[family].items[i].last);
    }
    assert_string_equal(buf.bytes, text);
    buf_clear(&buf);
}

struct fixture {
    char folder[PATH_MAX];
    struct compilation compilation;
    const struct policy *policy;
    bool fine; // read without an error
};

static inline void fixture_open(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    folder_make(fixture->folder);
    compilation_init(&fixture->compilation);
}

// A file beside the policy; `name` may be in a folder that is made for it.
static inline void fixture_file(struct fixture *fixture, const char *name, const char *text)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    for (char *slash = strchr(path + strlen(fixture->folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    file_write(path, text, strlen(text));
}

static inline void fixture_read_bytes(struct fixture *fixture, const char *bytes, size_t length)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/policy.yaml", fixture->folder);
    file_write(path, bytes, length);
    fixture->fine = compile_read(&fixture->compilation, path);
    fixture->policy = fixture->compilation.policy;
}

static inline void fixture_read(struct fixture *fixture, const char *text)
{
    fixture_read_bytes(fixture, text, strlen(text));
}

static inline void fixture_close(struct fixture *fixture)
{
    compilation_clear(&fixture->compilation);
    folder_remove(fixture->folder);
}

// The first diagnostic of a code, or NULL.
static inline const struct diag *fixture_diag(const struct fixture *fixture, enum diag_code code)
{
    const struct diag_list *diags = &fixture->compilation.diags;

    for (size_t i = 0; i < diags->items.count; i++)
        if (diags->items.items[i].code == code)
            return &diags->items.items[i];
    return NULL;
}

static inline size_t fixture_errors(const struct fixture *fixture)
{
    return fixture->compilation.diags.counts[SEVERITY_ERROR];
}

// Appends the rules of a family; false where a limit is broken.
static inline bool fixture_rules(struct fixture *fixture, enum family family, struct buf *out)
{
    return compile_rules(&fixture->compilation, family, &(struct compile_options){0}, out);
}
