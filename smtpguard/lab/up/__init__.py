"""``lab up``: the hosts of a scenario on real sockets in real time, any of them somebody else's."""
