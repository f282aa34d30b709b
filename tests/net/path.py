"""Three hosts: client, router, server. The router is where a guard runs; the client and the server each know a way.

client  192.0.2.2, 2001:db8:1::2  --  in0  router  out0  --  198.51.100.2, 2001:db8:2::2  server
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net.namespaces import Host, World

CLIENT = {"ipv4": "192.0.2.2", "ipv6": "2001:db8:1::2"}
SERVER = {"ipv4": "198.51.100.2", "ipv6": "2001:db8:2::2"}
ROUTER_INSIDE = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
ROUTER_OUTSIDE = {"ipv4": "198.51.100.1", "ipv6": "2001:db8:2::1"}


@dataclass(frozen=True)
class Path:
    """The three of them, joined; the router forwards both families."""

    client: Host
    router: Host
    server: Host


@contextmanager
def three_hosts() -> Iterator[Path]:
    """They are removed at the end, with all that runs in them."""
    with World() as world:
        client, router, server = (world.host(role) for role in ("client", "router", "server"))
        world.join(
            (router, "in0", (f"{ROUTER_INSIDE['ipv4']}/24", f"{ROUTER_INSIDE['ipv6']}/64")),
            (client, "eth0", (f"{CLIENT['ipv4']}/24", f"{CLIENT['ipv6']}/64")),
        )
        world.join(
            (router, "out0", (f"{ROUTER_OUTSIDE['ipv4']}/24", f"{ROUTER_OUTSIDE['ipv6']}/64")),
            (server, "eth0", (f"{SERVER['ipv4']}/24", f"{SERVER['ipv6']}/64")),
        )
        router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for host, gateways in ((client, ROUTER_INSIDE), (server, ROUTER_OUTSIDE)):
            for gateway in gateways.values():
                host.run("ip", "route", "add", "default", "via", gateway)
        yield Path(client, router, server)
