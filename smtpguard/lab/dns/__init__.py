"""Names in the lab: a real DNS server on loopback, and the resolver that the sender asks it with."""
