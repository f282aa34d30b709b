"""The two peers of a session, seen from the guard between them."""

from __future__ import annotations

from enum import Enum


class Side(Enum):
    """CLIENT opened the connection, SERVER is the upstream; TURN and ATRN change their roles, never their names."""

    CLIENT = "client"
    SERVER = "server"

    def __repr__(self) -> str:
        return self.name

    # Identity is enough, and an Enum's own hash is a Python-level call on a path that every octet takes.
    __hash__ = object.__hash__


CLIENT = Side.CLIENT
SERVER = Side.SERVER


def other(side: Side) -> Side:
    """The peer of ``side``."""
    return SERVER if side is CLIENT else CLIENT
