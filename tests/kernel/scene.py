# SPDX-License-Identifier: GPL-2.0-or-later
"""The topology with everything listening that the tests talk to."""
import time

from clients import End, ping
from netns import FAMILIES, Family, Topology, address
from services import Services

# The server listens on all of these, whether or not a policy lets anyone reach them.
SERVER_TCP = (22, 80, 443, 2222, 3306, 5060, 6379, 8080, 25565, 50000)
SERVER_UDP = (1194, 5060, 11211, 25565, 50000)
# These listen at the server's own address instead of at any.
BOUND_PORT = 50001
# Nobody listens here.
CLOSED_TCP = (6380, 50002)
CLOSED_UDP = (11212, 50002)
# What the server may want elsewhere.
REMOTE_TCP = (53, 80, 443, 9000, 9999)
REMOTE_UDP = (53, 123, 9000, 9001, 9999)


class Scene:
    """The topology and its services; `backend` is what loads rules into it."""

    def __init__(self, backend: str):
        self.backend = backend
        self.topology = Topology()
        self.services = Services()
        for family in FAMILIES:
            self._listen(family)
        for family in FAMILIES:
            self._wait_for_links(family)

    def _listen(self, family: Family) -> None:
        services, topology = self.services, self.topology
        services.tcp(topology.server, family, *SERVER_TCP)
        services.udp(topology.server, family, *SERVER_UDP)
        here = address("server", family)
        services.tcp(topology.server, family, BOUND_PORT, address=here)
        services.udp(topology.server, family, BOUND_PORT, address=here)
        services.ftp(topology.server, family)
        services.tcp(topology.client, family, *REMOTE_TCP)
        # A UDP service that listened at any address would answer from the client's first one.
        services.udp(topology.client, family, *REMOTE_UDP, address=address("resolver", family))
        services.ftp(topology.client, family)
        services.tcp(topology.far, family, *REMOTE_TCP)
        services.udp(topology.far, family, *REMOTE_UDP)

    def _wait_for_links(self, family: Family) -> None:
        """A link takes a moment to come up, and drops what is sent before."""
        until = time.monotonic() + 10
        ends = [self.client(family), self.far(family)]
        while ends:
            ends = [end for end in ends if ping(end, address("server", family), timeout=0.1)]
            if time.monotonic() > until:
                raise RuntimeError(f"{ends[0].who} does not reach the server by {family.name}")

    def client(self, family: Family, who: str = "client") -> End:
        return End(self.topology.client, who, family)

    def server(self, family: Family) -> End:
        return End(self.topology.server, "server", family)

    def far(self, family: Family) -> End:
        return End(self.topology.far, "far", family)
