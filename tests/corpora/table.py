"""Every capture, which expected result belongs to it, and where our view differs from that and why. Data only.

``CAPTURES`` names all of them; a capture without another line here is read whole, passes octet for octet, breaks no
rule of the protocol, and agrees with the expected result that stands beside it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.corpora.places import ARKIME, PCAPPLUSPLUS, SURICATA, ZEEK

PORTS: Final = frozenset((25, 225, 465, 587, 1224, 2525, 8000))
"""Where the captures speak SMTP: the usual ports, and three of their authors' own."""

_SURICATA = """
bug-1045/smtpsuricataflowbitsFN bug-1449-01/suricata_stackoverflow bug-5867-fp-drop-01/input bug-6207-1/input
bug-6207-2/input detect-email-received/input
firewall/ruletype-firewall-122-smtp/smtp-simple-session
firewall/ruletype-firewall-125-smtp-all-rcpts-required-drop/two-rcpt
firewall/ruletype-firewall-127-smtp-interactive-commands/smtp-interactive
firewall/ruletype-firewall-128-smtp-rset-next-tx-delivered/smtp-rset-change-sender
firewall/ruletype-firewall-130-smtp-rset-after-rcpt/smtp-rset-after-rcpt
firewall/ruletype-firewall-131-smtp-quit-after-mail-from/smtp-quit-after-mail
firewall/ruletype-firewall-132-smtp-nested-mail-from/smtp-nested-mail
firewall/ruletype-firewall-133-smtp-out-of-order-commands/smtp-out-of-order
firewall/ruletype-firewall-134-smtp-rset-then-quit/smtp-rset-then-quit
firewall/ruletype-firewall-135-smtp-multi-mail-accept/smtp-multi-mail
issue-4220-01-ids/1flowB mime/mime-dec-parse-full-msg-test01/input mime/mime-dec-parse-full-msg-test02/input
mime/mime-dec-parse-line-test01/input mime/mime-dec-parse-line-test02/input mime/mime-dec-parse-long-filename01/input
mime/mime-dec-parse-long-filename02/input mime/mime-dec-parse-odd-len/input mime/mime-dec-parse-rem-sp/input
mime/mime-dec-parse-small-rem-inp/input mime/mime-dec-very-small-inp/input mime/mime-quoted-printable/input
mime/mime-stream-depth/input mime/smtp-mime-encap-8649-baseline/input mime/smtp-mime-encap-8649-combined/input
protocol-change-failed-event/input smtp-attachment-md5/input smtp-bug-5981/input smtp-bug-5989/input
smtp-bug-6053/input smtp-extract-url-schemes/input smtp-long-DATA-line/input smtp-long-command/input
smtp-pipelining/input smtp-quit/input smtp-raw-extraction/input smtp-rfc2231/input smtp-rset/input
smtp-rset-starttls/input smtp-startssl/input smtp-tls-protodetect/input smtp-url-base64/smtp-url-b64
"""
_ARKIME = """
ntlm_synthetic smtp-data-250 smtp-html smtp-moloch-bof smtp-nospaces smtp-originating smtp-rcpt-553 smtp-starttls
smtp-subject-8859-b smtp-subject-8859-multi smtp-subject-8859-q smtp-subject-encoded-empty smtp-subject-gb2312-b
smtp-subject-multi-nospace smtp-subject-utf8-mixed smtp-subject-utf8-q smtp-subject-windows smtp-zip wireshark-bdat
"""

ZEEK_BASELINES: Final[dict[str, tuple[str, ...]]] = {
    "smtp-attachment-msg.pcap": ("attachment-msg",),
    "smtp-multi-addr.pcap": (),
    "smtp-one-side-only.pcap": ("one-side",),
    "smtp.pcap": ("basic", "attachment"),
    "smtp/mime-header-size-limit.pcap.gz": ("mime-header-size-limit",),
    "smtp/rfc3030-bdat-0-last.pcap": ("bdat-0-last",),
    "smtp/rfc3030-bdat-example1.pcap": ("bdat",),
    "smtp/rfc3030-bdat-multipart-chunked.pcap": ("bdat-multipart-chunked",),
    "smtp/rfc3030-bdat-multipart.pcap": ("bdat-multipart",),
    "smtp/rfc3030-bdat-nonascii.pcap": (),
    "smtp/smtp-bdat-cmd-chunk-size-overflow.pcap": ("bdat-chunk-size-overflow",),
    "smtp/smtp-bdat-cmd-chunk-size-overflow2.pcap": ("bdat-chunk-size-overflow2",),
    "smtp/smtp-bdat-cmd-invalid.pcapng": ("bdat-cmd-invalid",),
    "smtp/smtp-bdat-cmd-negative-chunk-size.pcap": ("bdat-negative-chunk-size",),
    "smtp/smtp-bdat-pipeline-8bitmime.pcap": ("bdat-pipeline-8bitmime",),
    "smtp/smtp-many-addresses.pcap.gz": ("address-limits",),
    "tls/smtp-starttls.pcap": ("starttls",),
}
"""Zeek's traces and the Baseline folders that belong to them: by name, and by the client's port where a log has it."""

ZEEK_UNUSED: Final[dict[str, str]] = {
    "mime-all-headers-event": "header fields of smtp.pcap: we read no header",
    "rfc822-msg-file-analysis": "states files only, and does not say of which trace",
    "rfc822-msg-file-analysis-binary": "states files only, and does not say of which trace",
    "rfc822-msg-file-analysis-gap": "states files only, and does not say of which trace",
    "rfc822-msg-file-analysis-multi-mail": "states files only, and does not say of which trace",
    "rfc822-msg-file-analysis-multi-session": "states files only, and does not say of which trace",
}

ZEEK_WEIRD: Final[dict[str, str]] = {
    "smtp_huge_bdat_chunk": "bdat-size",
    "smtp_invalid_bdat_command": "bdat-size",
    "smtp_too_many_rcptto_addresses": "",
    "smtp_max_path_length_exceeded": "",
    "smtp_too_many_to_addresses": "",
    "smtp_too_many_cc_addresses": "",
    "exceeded_mime_max_header_bytes": "",
}
"""Zeek's weirds and our violation, if it is one."""

CAPTURES: Final[tuple[str, ...]] = (
    *(f"{SURICATA}/{name}.pcap" for name in _SURICATA.split()),
    *(f"{ARKIME}/{name}.pcap" for name in _ARKIME.split()),
    f"{PCAPPLUSPLUS}/Smtp.pcap",
    *(f"{ZEEK}/{name}" for name in ZEEK_BASELINES),
)


class Odd(NamedTuple):
    """A conversation that is not in order. ``violations`` are all that are recorded, ``uncertain`` the one, if any,
    after which nothing can be known for certain; ``stays`` says why octets stay behind at its end, if they do."""

    violations: frozenset[str]
    why: str
    uncertain: str = ""
    stays: str = ""


def _odd(violations: str, why: str, uncertain: str = "", stays: str = "") -> Odd:
    return Odd(frozenset(violations.split()), why, uncertain, stays)


_ONE_SIDED = "the replies are not in the capture"
_NO_354 = "without the 354 nothing says that what stands behind DATA is text"
_UNCOUNTED = "a BDAT whose size cannot be counted: nobody knows where the next command begins"
_NO_END = "the reply before this one has no line end: every reply is taken for that of the command before"

ODD: Final[dict[tuple[str, int], Odd]] = {
    (f"{SURICATA}/detect-email-received/input.pcap", 0): _odd(
        "early-talk pipelining unexpected-reply", _NO_END, "unexpected-reply"
    ),
    (f"{SURICATA}/protocol-change-failed-event/input.pcap", 0): _odd("bare-lf", "commands end in LF", "bare-lf"),
    (f"{SURICATA}/smtp-bug-5989/input.pcap", 0): _odd(
        "pipelining cut-reply", "a greeting without an end, then all at once"
    ),
    (f"{SURICATA}/smtp-bug-6053/input.pcap", 0): _odd(
        "early-talk pipelining unexpected-reply", _NO_END, "unexpected-reply"
    ),
    (f"{SURICATA}/smtp-long-command/input.pcap", 0): _odd("long-command", "EHLO with 4,097 octets"),
    (f"{SURICATA}/smtp-pipelining/input.pcap", 0): _odd("early-data", "the text does not wait for the 354"),
    (f"{SURICATA}/smtp-rset-starttls/input.pcap", 0): _odd(
        "early-talk bare-lf", "no greeting, and commands end in LF", "bare-lf"
    ),
    (f"{SURICATA}/smtp-tls-protodetect/input.pcap", 0): _odd(
        "early-talk bare-lf", "TLS before anything else: an LF in it ends no command", "bare-lf"
    ),
    (f"{SURICATA}/smtp-url-base64/smtp-url-b64.pcap", 0): _odd("bare-lf", "every line ends in LF", "bare-lf"),
    (f"{ARKIME}/smtp-html.pcap", 0): _odd("early-talk bare-lf", f"{_ONE_SIDED}, and commands end in LF", "bare-lf"),
    (f"{ARKIME}/smtp-moloch-bof.pcap", 0): _odd("early-talk pipelining early-data", "the client never waits"),
    (f"{ARKIME}/smtp-nospaces.pcap", 0): _odd("pipelining early-data", "the client waits for the greeting only"),
    (f"{ARKIME}/smtp-subject-multi-nospace.pcap", 0): _odd("early-talk pipelining", _ONE_SIDED, stays=_NO_354),
    (f"{ARKIME}/smtp-subject-windows.pcap", 0): _odd(
        "early-talk pipelining early-data smuggling early-reply",
        "the client never waits; its text ends in CRLF . LF, which this server takes for the end",
        "early-reply",
    ),
    (f"{PCAPPLUSPLUS}/Smtp.pcap", 0): _odd(
        "", "four packets of a session", stays="the reply to the user name is not in the capture: the password waits"
    ),
    (f"{ZEEK}/smtp-attachment-msg.pcap", 0): _odd("early-talk pipelining", _ONE_SIDED, stays=_NO_354),
    (f"{ZEEK}/smtp-multi-addr.pcap", 0): _odd(
        "unsolicited-reply", "an Exchange that waited too long says 451 and closes", "unsolicited-reply"
    ),
    (f"{ZEEK}/smtp-one-side-only.pcap", 0): _odd("early-talk pipelining", _ONE_SIDED, stays=_NO_354),
    (f"{ZEEK}/smtp/rfc3030-bdat-nonascii.pcap", 0): _odd(
        "unsolicited-reply", "two replies to BDAT 0 LAST", "unsolicited-reply"
    ),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-chunk-size-overflow.pcap", 0): _odd("bare-cr bdat-size", _UNCOUNTED, "bdat-size"),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-chunk-size-overflow2.pcap", 0): _odd("bare-cr bdat-size", _UNCOUNTED, "bdat-size"),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-invalid.pcapng", 0): _odd("bdat-size", _UNCOUNTED, "bdat-size"),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-invalid.pcapng", 1): _odd("bdat-size", _UNCOUNTED, "bdat-size"),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-invalid.pcapng", 2): _odd("bdat-size", _UNCOUNTED, "bdat-size"),
    (f"{ZEEK}/smtp/smtp-bdat-cmd-negative-chunk-size.pcap", 0): _odd("bare-cr bdat-size", _UNCOUNTED, "bdat-size"),
}
"""By capture and number of the conversation on one of ``PORTS``."""


class Differs(NamedTuple):
    """What we see where the project's expected result says something else, and why."""

    ours: dict[str, object]
    why: str


def _only_hello(name: str, why: str) -> Differs:
    return Differs({"helo": name, "mailfrom": "", "rcptto": set(), "last_reply": "-", "tls": False}, why)


_NO_STATE = "an envelope is what the server accepted: without replies there is none"
_TUNNEL = "behind the BDAT that cannot be counted the session is a tunnel, its 521 unread"

ZEEK_DIFFERS: Final[dict[tuple[str, str], Differs]] = {
    ("smtp-attachment-msg.pcap", "56660"): _only_hello("localhost.localdomain", _NO_STATE),
    ("smtp-one-side-only.pcap", "57722"): _only_hello("enzo.icir.org", _NO_STATE),
    ("smtp/smtp-bdat-cmd-chunk-size-overflow.pcap", "41610"): _only_hello("localhost", _TUNNEL),
    ("smtp/smtp-bdat-cmd-chunk-size-overflow2.pcap", "33762"): _only_hello("localhost", _TUNNEL),
    ("smtp/smtp-bdat-cmd-invalid.pcapng", "33472"): _only_hello("localhost", _TUNNEL),
    ("smtp/smtp-bdat-cmd-invalid.pcapng", "52364"): _only_hello("localhost", _TUNNEL),
    ("smtp/smtp-bdat-cmd-invalid.pcapng", "46862"): _only_hello("localhost", _TUNNEL),
    ("smtp/smtp-bdat-cmd-negative-chunk-size.pcap", "54028"): _only_hello("localhost", _TUNNEL),
}
"""By trace and the client's port."""

_NONE: Final[dict[str, object]] = {"sender": False, "recipient": False}

ARKIME_DIFFERS: Final[dict[str, Differs]] = {
    "smtp-nospaces.pcap": Differs(_NONE, "the text has no end in the capture: no transaction"),
    "smtp-rcpt-553.pcap": Differs(_NONE, "no recipient was accepted and nothing was sent: no transaction"),
    "smtp-subject-multi-nospace.pcap": Differs(_NONE, _NO_STATE),
    "smtp-subject-windows.pcap": Differs(_NONE, "the text has no end that we accept: a tunnel, no transaction"),
}
"""By capture: sender and recipients of the envelope are not known."""


class Counts(NamedTuple):
    """How many transactions we see for a check (by its number in the file) that counts otherwise, and why."""

    ours: dict[int, int]
    why: str


_TUNNELLED = "the session is a tunnel before its message ends"

SURICATA_DIFFERS: Final[dict[str, Counts]] = {
    "detect-email-received": Counts({0: 0}, _TUNNELLED),
    "firewall/ruletype-firewall-125-smtp-all-rcpts-required-drop": Counts(
        {0: 1}, "its firewall rule drops the packets; the capture itself goes on and is accepted"
    ),
    "firewall/ruletype-firewall-133-smtp-out-of-order-commands": Counts(
        {0: 1}, "its firewall rule drops the packets; the capture itself goes on and is accepted"
    ),
    "smtp-bug-5989": Counts({0: 0}, "the greeting has no end, so no reply is known: no transaction"),
    "smtp-long-command": Counts({0: 0}, "AUTH, then nothing: a hello alone is no transaction"),
    "smtp-rset-starttls": Counts({0: 0}, "a hello alone is no transaction"),
    "smtp-startssl": Counts({0: 0}, "a hello alone is no transaction; the mail is inside TLS"),
    "smtp-url-base64": Counts({0: 0}, _TUNNELLED),
}
"""By folder of the test."""

DIALOGUE_VIOLATIONS: Final[dict[str, set[str]]] = {
    "bad_data_dot.cmy": {"smuggling"},
    "bad_data_dot_2.cmy": {"smuggling"},
    "bad_data_dot_on_message_too_big.cmy": {"smuggling"},
    "line_too_long.cmy": {"long-command"},
}
"""By chasquid's dialogue; the others have none."""
