"""X-LINK2STATE (KB812455): the link state table of a routing group, in chunks that stand in the command itself.

``X-LINK2STATE [FIRST|NEXT|LAST] CHUNK=<data>``. The command is bounded by the profile's greatest length. A chunk with
no place, out of its place or over 520 octets, by its own hexadecimal count or in truth, is refused and what was
collected is dropped: that is what CVE-2005-0560 (MS05-021) sent. The collection is bounded too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpguard.lab.receiver.session import ReceiverSession

_ARGUMENT = re.compile(rb"(FIRST|NEXT|LAST) +CHUNK=(\{([0-9a-f]{8})\}.*|.*)", re.IGNORECASE | re.DOTALL)
_LONGEST_CHUNK = 520  # MS05-021
_LARGEST_TABLE = 65_536  # ours


async def link_state(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """Take one chunk; the last one completes the table."""
    match = _ARGUMENT.fullmatch(argument)
    collected, session.link_state = session.link_state, None
    if match is None or max(len(match[2]), int(match[3] or b"0", 16)) > _LONGEST_CHUNK:
        return await session.say("arguments")
    place = match[1].upper()
    if place == b"FIRST":
        collected = bytearray()
    if collected is None:
        return await session.say("bad_sequence")
    collected += match[2]
    if len(collected) > _LARGEST_TABLE:
        return await session.say("arguments")
    if place != b"LAST":
        session.link_state = collected
        return await session.say("link_state_chunk")
    session.host.mailbox.link_states.append(bytes(collected))
    session.record("link-state-received", {"octets": len(collected)})
    return await session.say("link_state_whole")
