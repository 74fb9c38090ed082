// SPDX-License-Identifier: GPL-2.0-or-later
//
// Preloaded into ctc: counts the calls by which an apply reaches libiptc, the kernel and its files, and lets one of them fail,
// or kills the process ahead of it. Only the process that was started is meant, not those that it forks.
//
//   FAULT_AT=N      the call, from 1; 0: none
//   FAULT_HOW=fail  it fails without being made; kill: the process is killed ahead of it; stop: it is stopped ahead of it;
//                   suspend: the same by Ctrl-Z
//   FAULT_ERRNO=N   it fails with that, and not EIO
//   FAULT_TIMES=N   so do the calls behind it, so many in all
//   FAULT_ONLY=TEXT only calls whose names contain it are counted
//   FAULT_COUNT=F   the number of calls is written to that file, as it grows
//   FAULT_GUARD=TEXT    instead the guard is meant, which is stopped, unless FAULT_HOW is given, ahead of its call FAULT_AT whose
//                   name contains that
//   FAULT_COMMIT=N  besides, the process that was started is killed ahead of its commit of that number; with FAULT_ERRS=yes
//                   that fails
//   FAULT_IPV6=no   the kernel answers as one does that was started with ipv6.disable=1, whichever process asks
//   FAULT_LEGACY=no the kernel answers as one does that has no legacy tables, whichever process asks; no6: none for IPv6
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static pid_t meant, started;
static long calls, at, times, commits, last_commit;
static int deed, problem = EIO; // the signal; 0: it fails, with that
static const char *only;
static const char *count_file;
static bool no_legacy, no_legacy6, no_ipv6, guard, errs;

static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void begin(void)
{
    const char *how = getenv("FAULT_HOW"), *legacy = getenv("FAULT_LEGACY");

    guard = getenv("FAULT_GUARD") != NULL;
    started = getpid();
    meant = guard ? -1 : started;
    only = getenv(guard ? "FAULT_GUARD" : "FAULT_ONLY");
    no_ipv6 = getenv("FAULT_IPV6") != NULL;
    no_legacy6 = legacy != NULL;
    no_legacy = legacy && strcmp(legacy, "no") == 0;
    at = number_of("FAULT_AT", 0);
    times = number_of("FAULT_TIMES", 1);
    last_commit = number_of("FAULT_COMMIT", 0);
    errs = getenv("FAULT_ERRS") != NULL;
    problem = (int)number_of("FAULT_ERRNO", EIO);
    deed = how && strcmp(how, "kill") == 0      ? SIGKILL
           : how && strcmp(how, "stop") == 0    ? SIGSTOP
           : how && strcmp(how, "suspend") == 0 ? SIGTSTP
                                                : 0;
    if (guard && !how)
        deed = SIGSTOP;
    count_file = getenv("FAULT_COUNT");
}

// The guard closes what it finds open.
static void write_count(void)
{
    const int file = open(count_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char text[32];
    const int length = snprintf(text, sizeof(text), "%ld", calls);

    if (pwrite(file, text, (size_t)length, 0) < 0)
        abort();
    close(file);
}

// Whether it is the commit at which the process that was started is to fail, unless it is killed there.
static bool is_last_commit(const char *name)
{
    if (!last_commit || getpid() != started || !strstr(name, "_commit") || ++commits != last_commit)
        return false;
    if (!errs)
        kill(started, SIGKILL);
    errno = EIO;
    return true;
}

// Whether this call is the one that fails.
static bool strikes(const char *name)
{
    if (is_last_commit(name))
        return true;
    if (getpid() != meant || (only && !strstr(name, only)))
        return false;
    calls++;
    if (count_file)
        write_count();
    if (!at || calls < at || calls >= at + times)
        return false;
    if (deed)
        kill(meant, deed);
    errno = problem;
    return !deed;
}

// A call of that name and type, with its arguments and what it gives where it fails.
#define WRAP(type, name, parameters, arguments, failure)    \
    type name parameters;                                   \
    type name parameters                                    \
    {                                                       \
        static type(*real) parameters;                      \
                                                            \
        if (!real)                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);      \
        return strikes(#name) ? (failure) : real arguments; \
    }

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's are its own
struct xtc_handle;

#define LIBRARY(prefix)                                                                                   \
    WRAP(struct xtc_handle *, prefix##_init, (const char *table), (table), NULL)                          \
    WRAP(int, prefix##_commit, (struct xtc_handle * handle), (handle), 0)                                 \
    WRAP(int, prefix##_flush_entries, (const char *chain, struct xtc_handle *handle), (chain, handle), 0) \
    WRAP(int, prefix##_create_chain, (const char *chain, struct xtc_handle *handle), (chain, handle), 0)  \
    WRAP(int, prefix##_delete_chain, (const char *chain, struct xtc_handle *handle), (chain, handle), 0)  \
    WRAP(int, prefix##_set_policy,                                                                        \
         (const char *chain, const char *policy, void *counters, struct xtc_handle *handle),              \
         (chain, policy, counters, handle), 0)                                                            \
    WRAP(int, prefix##_append_entry, (const char *chain, const void *rule, struct xtc_handle *handle),    \
         (chain, rule, handle), 0)                                                                        \
    WRAP(int, prefix##_insert_entry,                                                                      \
         (const char *chain, const void *rule, unsigned number, struct xtc_handle *handle),               \
         (chain, rule, number, handle), 0)                                                                \
    WRAP(int, prefix##_delete_num_entry, (const char *chain, unsigned number, struct xtc_handle *handle), \
         (chain, number, handle), 0)

LIBRARY(iptc)
LIBRARY(ip6tc)
WRAP(int, setsockopt, (int socket, int level, int name, const void *value, socklen_t size),
     (socket, level, name, value, size), -1)

// 65: IPT_SO_GET_ENTRIES. IPT_SO_GET_INFO to IPT_SO_GET_REVISION_TARGET, and IP6T_SO_GET_INFO to IP6T_SO_GET_REVISION_TARGET.
int getsockopt(int socket, int level, int name, void *value, socklen_t *size)
{
    static int (*real)(int socket, int level, int name, void *value, socklen_t *size);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getsockopt");
    if (((no_legacy && level == IPPROTO_IP && name <= 67) ||
         (no_legacy6 && level == IPPROTO_IPV6 && name <= 69)) &&
        name >= 64) {
        errno = ENOPROTOOPT;
        return -1;
    }
    if ((level == IPPROTO_IP || level == IPPROTO_IPV6) && name == 65 && strikes("getsockopt"))
        return -1;
    return real(socket, level, name, value, size);
}

int socket(int domain, int type, int protocol)
{
    static int (*real)(int domain, int type, int protocol);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "socket");
    if (no_ipv6 && domain == AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return real(domain, type, protocol);
}

int access(const char *path, int mode)
{
    static int (*real)(const char *path, int mode);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "access");
    if (no_ipv6 && strcmp(path, "/proc/net/if_inet6") == 0) {
        errno = ENOENT;
        return -1;
    }
    return real(path, mode);
}

// Only the guard begins a session.
pid_t setsid(void)
{
    static pid_t (*real)(void);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "setsid");
    meant = guard ? getpid() : meant;
    return real();
}

WRAP(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), -1)
WRAP(int, flock, (int file, int operation), (file, operation), -1)
WRAP(ssize_t, send, (int socket, const void *bytes, size_t length, int flags), (socket, bytes, length, flags),
     -1)
WRAP(ssize_t, sendmsg, (int socket, const struct msghdr *message, int flags), (socket, message, flags), -1)
WRAP(ssize_t, recv, (int socket, void *bytes, size_t length, int flags), (socket, bytes, length, flags), -1)
WRAP(int, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), -1)
WRAP(int, fsync, (int file), (file), -1)
WRAP(pid_t, fork, (void), (), -1)
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
