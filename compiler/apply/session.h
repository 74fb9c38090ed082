// SPDX-License-Identifier: GPL-2.0-or-later
//
// The SSH connection over which ctc was called, and what becomes of it.
#pragma once

#include "apply/plan.h"

struct session {
    enum family family;
    const char *client, *server; // addresses
    unsigned client_port, server_port;
    const char *interface; // that has the server's address; "any": not known
};

// Finds it by SSH_CONNECTION, which sshd sets, in the environment of this process or, where sudo or su have taken it away, of one
// that it descends from. False where there is none.
bool session_find(struct arena *arena, struct session *session);

// Puts the connection through the rules as they are behind each table of a plan that is in order: its packets in both
// directions, and whether it could be opened anew at the end. NULL where all is well; else what would happen and which
// rule decides it.
const char *session_trouble(struct arena *arena, const struct session *session, const struct apply_plan *plan,
                            const struct policy *policy);
