// SPDX-License-Identifier: GPL-2.0-or-later
#include "findings/flows.h"

const struct passage *raw_passage(struct inspection *inspection, enum hook hook)
{
    return find_passage(inspection, "raw", hook == HOOK_OUTPUT ? "OUTPUT" : "PREROUTING", hook);
}

diagram usual_packets(struct inspection *inspection, diagram set)
{
    set = set_and(&inspection->space, set, off_lo_domain(inspection));
    set = where(inspection, set, FIELD_STATE, PACKET_STATE_NEW);
    set = where(inspection, set, FIELD_FRAGMENT, FRAGMENT_NONE);
    set = where(inspection, set, FIELD_HELPER, 0);
    set = where(inspection, set, FIELD_SOCKET, SOCKET_CONNECTED);
    return settled(inspection, where(inspection, set, FIELD_DESTINATION_TYPE, DESTINATION_LOCAL));
}

diagram usual_flows(struct inspection *inspection, diagram set)
{
    return usual_packets(inspection, set_and(&inspection->space, set, tcp_and_udp(inspection)));
}

diagram accepted_in_state(struct inspection *inspection, enum hook hook, unsigned state)
{
    struct packet_space *space = &inspection->space;
    const diagram filter = where(inspection, inspection->meaning.filters[hook], FIELD_STATE, state);

    return settled(inspection, accepted_set(space, where(inspection, filter, FIELD_HELPER, 0)));
}

diagram refused_in_state(struct inspection *inspection, enum hook hook, unsigned state)
{
    struct packet_space *space = &inspection->space;
    const diagram filter = where(inspection, inspection->meaning.filters[hook], FIELD_STATE, state);

    return settled(inspection, refused_set(space, where(inspection, filter, FIELD_HELPER, 0)));
}
