// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/place.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fatal.h"

#define LINKS_MAX 40 // as many as the kernel follows (MAXSYMLINKS)

#define OPEN_FOLDER (O_PATH | O_DIRECTORY | O_CLOEXEC)

// Below a root that a kernel before 5.6 cannot keep links in: there are to be none.
static int open_without_links(int root, const char *path)
{
    int folder = openat(root, ".", OPEN_FOLDER);

    while (folder >= 0 && *path) {
        char name[NAME_MAX + 1];
        const size_t length = strcspn(path, "/");
        int next = folder;

        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            next = -1;
        } else if (length == 2 && memcmp(path, "..", 2) == 0) {
            errno = ELOOP;
            next = -1;
        } else if (length) {
            snprintf(name, sizeof(name), "%.*s", (int)length, path);
            next = openat(folder, name, OPEN_FOLDER | O_NOFOLLOW);
            // What O_NOFOLLOW says of a link that is asked to be a folder.
            if (next < 0 && errno == ENOTDIR)
                errno = ELOOP;
        }
        if (next != folder) {
            const int error = errno;

            close(folder);
            errno = error;
        }
        folder = next;
        path += length + (path[length] == '/');
    }
    return folder;
}

static int open_folder(int root, const char *path)
{
    const struct open_how how = {.flags = OPEN_FOLDER, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int folder;

    if (root == NO_ROOT)
        return open(*path ? path : ".", OPEN_FOLDER);
    folder = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
    if (folder < 0 && (errno == ENOSYS || errno == EPERM))
        folder = open_without_links(root, path);
    return folder;
}

static void note_made(struct made_folders *made, int folder, const char *name)
{
    if (made->count == made->capacity) {
        made->capacity = made->capacity ? 2 * made->capacity : 8;
        made->items = realloc(made->items, made->capacity * sizeof(*made->items));
        if (!made->items)
            fatal_no_memory();
    }

    struct place *place = &made->items[made->count++];

    place->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    snprintf(place->name, sizeof(place->name), "%s", name);
}

// A mask of the caller's is no business of a system's folders.
static bool make_folder(int folder, const char *name, struct made_folders *made)
{
    if (mkdirat(folder, name, 0755) < 0)
        return false;
    note_made(made, folder, name);
    return fchmodat(folder, name, 0755, 0) == 0;
}

// Makes what is missing of the way to a folder, part by part.
static bool make_folders(int root, const char *path, struct made_folders *made)
{
    char way[PATH_MAX];

    for (const char *end = path; *end;) {
        end += strspn(end, "/");

        const char *name = end;

        end += strcspn(end, "/");
        snprintf(way, sizeof(way), "%.*s", (int)(end - path), path);

        int folder = open_folder(root, way);

        if (folder < 0 && errno == ENOENT && end > name && end - name <= NAME_MAX) {
            char last[NAME_MAX + 1];

            snprintf(last, sizeof(last), "%.*s", (int)(end - name), name);
            snprintf(way, sizeof(way), "%.*s", (int)(name - path), path);
            folder = open_folder(root, way);
            if (folder >= 0 && !make_folder(folder, last, made)) {
                const int error = errno;

                close(folder);
                errno = error;
                return false;
            }
        }
        if (folder < 0)
            return false;
        close(folder);
    }
    return true;
}

// The folder of a path, and the name in it.
static bool take_apart(int root, const char *path, struct made_folders *made, struct place *place)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (strlen(name) > NAME_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    // A path that ends so names a folder.
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        errno = EISDIR;
        return false;
    }
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 0, path);
    place->folder = open_folder(root, folder);
    if (place->folder < 0 && errno == ENOENT && made && make_folders(root, folder, made))
        place->folder = open_folder(root, folder);
    memcpy(place->name, name, strlen(name) + 1);
    return place->folder >= 0;
}

bool place_find(int root, const char *path, struct made_folders *made, struct place *place)
{
    char way[PATH_MAX], link[PATH_MAX];

    *place = (struct place){.folder = -1};
    if (snprintf(way, sizeof(way), "%s", path) >= (int)sizeof(way)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (int links = 0; links < LINKS_MAX; links++) {
        if (!take_apart(root, way, made, place))
            return false;

        const ssize_t length = readlinkat(place->folder, place->name, link, sizeof(link) - 1);
        const char *slash = strrchr(way, '/');
        char next[PATH_MAX];
        int size;

        if (length < 0)
            return true; // no link, or nothing yet
        place_close(place);
        link[length] = '\0';
        size = link[0] == '/' || !slash
                   ? snprintf(next, sizeof(next), "%s", link)
                   : snprintf(next, sizeof(next), "%.*s%s", (int)(slash - way + 1), way, link);
        if (size >= (int)sizeof(next)) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(way, next, sizeof(way));
    }
    errno = ELOOP;
    return false;
}

void place_close(struct place *place)
{
    if (place->folder >= 0)
        close(place->folder);
    place->folder = -1;
}

void made_folders_clear(struct made_folders *made, bool remove)
{
    for (size_t i = made->count; i-- > 0;) {
        if (remove && made->items[i].folder >= 0)
            unlinkat(made->items[i].folder, made->items[i].name, AT_REMOVEDIR);
        place_close(&made->items[i]);
    }
    free(made->items);
    *made = (struct made_folders){0};
}
