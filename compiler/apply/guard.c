// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apply/stops.h"
#include "kernel/lock.h"

#define TICK      100000000L  // nanoseconds between two looks at the journal while a confirmation is awaited
#define TERM_WAIT 60000000000 // that are waited for a confirmation by whoever is told to end
#define END_TICK  1000000L    // and at a process that is to end
#define LOCK_WAIT 5000        // milliseconds; whoever holds the lock for longer keeps nobody locked out

// Milliseconds.
#define LOOK_WAIT   50    // between two looks whether the other one is stopped
#define ANSWER_WAIT 5000  // for an answer that takes no work, or of a process that is stopped
#define TABLE_WAIT  30000 // what one table may take: to be read, changed and put into the kernel
#define RULE_WAIT   1     // and each rule of all of them
#define PROGRAM_WAIT \
    90000 // what a table takes besides where programs do it, which have bounds of their own (kernel/iptables.c)
#define ALONE_WAIT 60000 // for the kernel to take the old tables, where nobody else would put them back

struct order {
    enum { ORDER_TABLE, ORDER_TABLE_NOT, ORDER_KEEP, ORDER_REVERT } what;
    unsigned seconds; // that a confirmation of what is kept is awaited; 0: none is
};

struct answer {
    enum guard_end end;
    char text[240];
};

// What it is armed with, and the descriptors that go with that; the lock comes last, for there may be none.
struct arms {
    unsigned milliseconds; // that may pass between two orders
};

enum { ARMS_DIRECTORY, ARMS_FILE, ARMS_LOCK, ARMS_COUNT };

// Room for the message that passes them on (cmsg(3)).
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(ARMS_COUNT * sizeof(int))];
};

static struct msghdr arms_message(struct arms *arms, struct iovec *part, union control *control)
{
    *part = (struct iovec){arms, sizeof(*arms)};
    return (struct msghdr){
        .msg_iov = part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(*control)};
}

// The journal says by now that they are on their way.
static enum guard_end put_back(const struct guarded *guarded, size_t begun, unsigned milliseconds,
                               struct restored *restored, struct kernel_error *error)
{
    if (!restore_tables(guarded->backend, guarded->journal, begun, milliseconds, restored, error))
        return GUARD_FAILED;
    state_rename(guarded->directory, guarded->file, STATE_REVERTING, STATE_REVERTED);
    return GUARD_REVERTED;
}

enum guard_end revert(const struct guarded *guarded, size_t begun, unsigned milliseconds,
                      struct restored *restored, struct kernel_error *error)
{
    enum guard_end end;
    sigset_t before;

    ends_hold(&before);
    if (!state_rename(guarded->directory, guarded->file, STATE_PENDING, STATE_REVERTING))
        kernel_fail(error, KERNEL_FAILED, "the journal is gone");
    end = put_back(guarded, begun, milliseconds, restored, error);
    stops_release(&before);
    return end;
}

// Where the caller is killed nobody reads it.
static void reply(int answers, enum guard_end end, const struct kernel_error *error)
{
    struct answer answer = {.end = end};

    if (error->text)
        snprintf(answer.text, sizeof(answer.text), "%s", error->text);
    if (send(answers, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
        return;
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// What may pass between two words of whoever works at the tables, a word being one table; `tables`: of several.
static unsigned patience(const struct guarded *guarded, size_t tables)
{
    const unsigned table = TABLE_WAIT + (guarded->backend->program ? PROGRAM_WAIT : 0);
    size_t rules = 0;

    for (size_t i = 0; i < guarded->journal->changed; i++)
        rules += guarded->journal->tables[i].before.count + guarded->journal->tables[i].after.count;
    return (unsigned)(table * tables + rules * RULE_WAIT);
}

// In the guard's process.

// What it is to put back. Where nothing was begun, that is nothing.
static bool recall(struct guarded *guarded, size_t begun, struct kernel_error *error)
{
    struct journal *journal = arena_alloc(error->arena, sizeof(*journal));
    struct slice bytes;

    guarded->journal = journal;
    return !begun ||
           (state_read_open(error->arena, guarded->file, &bytes) &&
            journal_read(error->arena, bytes, journal)) ||
           kernel_fail(error, KERNEL_FAILED, "the guard process cannot read the journal");
}

// Whether somebody has confirmed it, or is reverting it.
static bool is_over(const struct guarded *guarded)
{
    return !journal_has_deadline(guarded->file) || state_is(guarded->directory, guarded->file, STATE_LAST) ||
           state_is(guarded->directory, guarded->file, STATE_REVERTING);
}

// Whether there is an apply after this one, in the directory that has the state's name now. `last` is open: what was the last one
// as this one came to wait; -1: none was.
static bool was_followed(int last, struct kernel_error *error)
{
    const int directory = state_open(error);
    const bool followed =
        directory >= 0 &&
        (state_has(directory, STATE_PENDING) ||
         (state_has(directory, STATE_LAST) && (last < 0 || !state_is(directory, last, STATE_LAST))));

    if (directory >= 0)
        close(directory);
    return followed;
}

// Told to end, as what is left of a session can be by systemd, which kills it a minute and a half later: the end of the wait that
// is left then.
static int64_t shorten(const struct guarded *guarded, int64_t deadline)
{
    const int64_t sooner = boot_time() + TERM_WAIT;

    if (sooner >= deadline)
        return deadline;
    journal_set_deadline(guarded->file, sooner);
    return sooner;
}

// Whoever takes the journal away has confirmed nothing. Then tables go back that are as they were loaded, and no others.
static _Noreturn void watch(struct guarded guarded, size_t begun, int64_t deadline)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    struct restored restored;
    const int last = state_find(guarded.directory, STATE_LAST);
    sigset_t end;
    bool lost;

    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL);
    while (boot_time() < deadline && !is_over(&guarded))
        if (sigtimedwait(&end, NULL, &(struct timespec){.tv_nsec = TICK}) == SIGTERM)
            deadline = shorten(&guarded, deadline);
    guarded.lock = is_over(&guarded) ? -1 : xtables_lock(LOCK_WAIT, &error);
    lost = !state_rename(guarded.directory, guarded.file, STATE_PENDING, STATE_REVERTING);
    if (lost && (is_over(&guarded) || was_followed(last, &error)))
        _exit(0); // a confirmation in the last moment counts
    _exit(!recall(&guarded, begun, &error) ||
          put_back(&guarded, lost ? 0 : begun, ALONE_WAIT, &restored, &error) != GUARD_REVERTED);
}

// Nothing of the caller's is kept open: neither its terminal, nor pipes whose end somebody waits for.
static void leave_caller(int socket)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP};
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC), last = (int)sysconf(_SC_OPEN_MAX);

    setsid();
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_IGN);
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        dup2(nowhere, descriptor);
    for (int descriptor = STDERR_FILENO + 1; descriptor < (last < 0 || last > 4096 ? 4096 : last);
         descriptor++)
        if (descriptor != socket)
            close(descriptor);
}

// Waits until there is something to hear, the other one's end included. False where time is over.
static bool heard(int socket, unsigned milliseconds)
{
    struct pollfd input = {.fd = socket, .events = POLLIN};
    const int64_t end = now() + milliseconds;

    for (int64_t left = milliseconds; left > 0; left = end - now())
        if (poll(&input, 1, (int)left) > 0)
            return true;
    return false;
}

// No more than its last call to the kernel is done when it is gone.
static void end_caller(pid_t caller)
{
    if (getppid() == caller)
        kill(caller, SIGKILL);
    while (getppid() == caller)
        nanosleep(&(struct timespec){.tv_nsec = END_TICK}, NULL);
}

static ssize_t hear_order(int socket, struct order *order)
{
    ssize_t got;

    do
        got = recv(socket, order, sizeof(*order), 0);
    while (got < 0 && errno == EINTR);
    return got;
}

// The next order; one to revert where the caller is gone. One that says nothing for too long, or is not to be heard, holds the lock
// of xtables and half of the rules: it is killed, and what it has said until then counts.
static struct order receive(int socket, pid_t caller, unsigned milliseconds)
{
    const bool spoke = heard(socket, milliseconds);
    struct order order;
    ssize_t got = spoke ? hear_order(socket, &order) : -1;

    if (!spoke || (got < 0 && errno != ECONNRESET)) // it has closed its end, and not heard an answer
        end_caller(caller);
    if (got < 0)
        got = hear_order(socket, &order);
    return got == sizeof(order) ? order : (struct order){.what = ORDER_REVERT};
}

static enum guard_end keep(const struct guarded *guarded, int64_t deadline, struct kernel_error *error)
{
    if (deadline ? journal_set_deadline(guarded->file, deadline)
                 : state_settle(guarded->directory, guarded->file))
        return deadline ? GUARD_WAITS : GUARD_KEPT;
    kernel_fail(error, KERNEL_FAILED, "cannot write the journal: %s", strerror(errno));
    return GUARD_FAILED;
}

// Waits until it is armed. False where the caller ends without that.
static bool take_arms(int socket, struct guarded *guarded, struct arms *arms)
{
    union control control;
    struct iovec part;
    struct msghdr message = arms_message(arms, &part, &control);
    const struct cmsghdr *header;
    int descriptors[ARMS_COUNT] = {-1, -1, -1};
    ssize_t got;

    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    header = got == sizeof(*arms) ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_len > CMSG_LEN(sizeof(descriptors)))
        return false;
    memcpy(descriptors, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    guarded->directory = descriptors[ARMS_DIRECTORY];
    guarded->file = descriptors[ARMS_FILE];
    guarded->lock = descriptors[ARMS_LOCK];
    return true;
}

static enum guard_end end_guard(struct guarded *guarded, struct order order, size_t begun, int64_t deadline,
                                bool alone, struct kernel_error *error)
{
    struct restored restored;

    if (order.what == ORDER_KEEP)
        return keep(guarded, deadline, error);
    return recall(guarded, begun, error)
               ? revert(guarded, begun, alone ? ALONE_WAIT : RESTORE_WAIT, &restored, error)
               : GUARD_GONE;
}

static _Noreturn void stand_guard(const struct kernel_backend *backend, int socket, pid_t caller)
{
    struct guarded guarded = {.backend = backend};
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    struct arms arms;
    struct order order;
    size_t begun = 0;
    int64_t deadline;
    enum guard_end end;

    leave_caller(socket);
    if (!take_arms(socket, &guarded, &arms))
        _exit(0);
    journal_set_attendants(
        guarded.file, (struct process[ATTENDANT_COUNT]){
                          [ATTENDANT_APPLY] = process_of(caller), [ATTENDANT_GUARD] = process_of(getpid())});
    reply(socket, GUARD_WAITS, &error); // armed
    for (order = receive(socket, caller, arms.milliseconds);
         order.what == ORDER_TABLE || order.what == ORDER_TABLE_NOT;
         order = receive(socket, caller, arms.milliseconds))
        begun += order.what == ORDER_TABLE ? 1 : (size_t)-1;
    deadline = order.seconds ? boot_time() + (int64_t)order.seconds * 1000000000 : 0;
    end = end_guard(&guarded, order, begun, deadline, getppid() != caller, &error);
    reply(socket, end, &error);
    close(socket);
    close(guarded.lock);
    if (end == GUARD_WAITS)
        watch(guarded, begun, deadline);
    _exit(end == GUARD_FAILED || end == GUARD_GONE);
}

// In its caller's.

// Whether it is stopped now, as far as its parent is told: not where a debugger has it.
static bool is_stopped(const struct guard *guard, bool stopped)
{
    siginfo_t news = {0};

    if (waitid(P_PID, (id_t)guard->process, &news, WSTOPPED | WCONTINUED | WNOHANG) == 0 && news.si_pid)
        return news.si_code == CLD_STOPPED;
    return stopped;
}

// Waits for its answer for at most that long, and no longer than for any answer where it is stopped. False where there is none: it
// is killed then, and does nothing more.
static bool answers(const struct guard *guard, unsigned milliseconds)
{
    const int64_t begun = now();
    bool stopped = false;

    for (int64_t passed = 0; passed < (stopped ? ANSWER_WAIT : milliseconds); passed = now() - begun) {
        if (heard(guard->socket, LOOK_WAIT))
            return true;
        stopped = is_stopped(guard, stopped);
    }
    kill(guard->process, SIGKILL);
    heard(guard->socket, ANSWER_WAIT); // its end
    return false;
}

// What the guard says next. GUARD_GONE: it has died without a word, or had to.
static struct answer hear(const struct guard *guard, unsigned milliseconds)
{
    struct answer answer;
    ssize_t got;

    if (!answers(guard, milliseconds))
        return (struct answer){.end = GUARD_GONE, .text = "the guard process did not answer, and was killed"};
    do
        got = recv(guard->socket, &answer, sizeof(answer), 0);
    while (got < 0 && errno == EINTR);
    return got == sizeof(answer) ? answer
                                 : (struct answer){.end = GUARD_GONE, .text = "the guard process was killed"};
}

bool guard_start(struct guard *guard, const struct kernel_backend *backend, struct kernel_error *error)
{
    const pid_t caller = getpid();
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return kernel_fail(error, KERNEL_FAILED, "cannot start a guard: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        stand_guard(backend, ends[1], caller);
    if (pid < 0) {
        kernel_fail(error, KERNEL_FAILED, "cannot start a guard: %s", strerror(errno));
        close(ends[0]);
    }
    close(ends[1]);
    if (pid < 0)
        return false;
    *guard = (struct guard){.process = pid, .socket = ends[0]};
    return true;
}

static bool give_arms(const struct guard *guard, const struct guarded *guarded)
{
    const int descriptors[ARMS_COUNT] = {guarded->directory, guarded->file, guarded->lock};
    const size_t size = (guarded->lock < 0 ? ARMS_LOCK : ARMS_COUNT) * sizeof(*descriptors);
    struct arms arms = {.milliseconds = patience(guarded, 1)};
    union control control = {0};
    struct iovec part;
    struct msghdr message = arms_message(&arms, &part, &control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size)};
    memcpy(CMSG_DATA(header), descriptors, size);
    message.msg_controllen = CMSG_SPACE(size);
    return sendmsg(guard->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(arms);
}

bool guard_arm(struct guard *guard, const struct guarded *guarded, struct kernel_error *error)
{
    struct answer answer = {.end = GUARD_GONE, .text = "the guard process was killed"};

    if (!guard->process && !guard_start(guard, guarded->backend, error))
        return false;
    guard->milliseconds = patience(guarded, guarded->journal->changed);
    guard->armed = give_arms(guard, guarded);
    if (guard->armed)
        answer = hear(guard, ANSWER_WAIT);
    if (answer.end != GUARD_GONE)
        return true;
    close(guard->socket);
    *guard = (struct guard){0};
    return kernel_fail(error, KERNEL_FAILED, "cannot start a guard: %s", answer.text);
}

void guard_dismiss(struct guard *guard)
{
    if (!guard->process || guard->armed)
        return;
    close(guard->socket);
    kill(guard->process, SIGKILL); // it may be stopped, and has nothing to lose
    while (waitpid(guard->process, NULL, 0) < 0 && errno == EINTR)
        ;
    *guard = (struct guard){0};
}

static bool give_order(struct guard *guard, struct order order)
{
    return send(guard->socket, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(order);
}

bool guard_begin_table(struct guard *guard)
{
    return give_order(guard, (struct order){.what = ORDER_TABLE});
}

bool guard_spare_table(struct guard *guard)
{
    return give_order(guard, (struct order){.what = ORDER_TABLE_NOT});
}

// A guard that cannot be told anything takes its caller for dead, and reverts: perhaps ahead of what its caller has done last.
static enum guard_end give_last_order(struct guard *guard, struct order order, struct kernel_error *error)
{
    const bool told = give_order(guard, order);
    struct answer answer;

    if (!told)
        shutdown(guard->socket, SHUT_WR);
    answer = hear(guard, told && order.what == ORDER_KEEP ? ANSWER_WAIT : guard->milliseconds);
    close(guard->socket);
    if (!told)
        answer = (struct answer){.end = GUARD_GONE, .text = "the guard process could not be told anything"};
    if (answer.end == GUARD_GONE || answer.end == GUARD_FAILED)
        kernel_fail(error, KERNEL_FAILED, "%s", answer.text);
    return answer.end;
}

enum guard_end guard_keep(struct guard *guard, unsigned seconds, struct kernel_error *error)
{
    return give_last_order(guard, (struct order){ORDER_KEEP, seconds}, error);
}

enum guard_end guard_revert(struct guard *guard, struct kernel_error *error)
{
    return give_last_order(guard, (struct order){.what = ORDER_REVERT}, error);
}
