"""What lenient servers take for the end of data, and a strict one does not. Facts, section 8, B1."""

from __future__ import annotations

INBOUND = {
    "LF . LF": b"\n.\n",
    "LF . CR": b"\n.\r",
    "CR . LF": b"\r.\n",
    "CR . CR": b"\r.\r",
    "LF . CRLF": b"\n.\r\n",
    "CR . CRLF": b"\r.\r\n",
    "CRLF NUL . CRLF": b"\r\n\x00.\r\n",
}
"""Tried on servers that receive."""

OUTBOUND = {
    "CRLF . CR CRLF": b"\r\n.\r\r\n",
    "CR CRLF . CR CRLF": b"\r\r\n.\r\r\n",
    "CRLF . LF": b"\r\n.\n",
    "CRLF . CR": b"\r\n.\r",
    "CRLF . NUL CRLF": b"\r\n.\x00\r\n",
}
"""What comes to it on the outbound leg: servers that pass these on as they are."""

FALSE_ENDS = {**INBOUND, **OUTBOUND}
