"""Transactions, commands and BDAT edges as Zeek's Baseline states them (testing/btest, BSD licence)."""

from __future__ import annotations

import pytest

from smtpguard.replay.captures import Conversation
from tests.corpora.observed import Observed, Transaction, observe
from tests.corpora.places import ZEEK, ZEEK_BASELINE, conversations, place
from tests.corpora.table import PORTS, ZEEK_BASELINES, ZEEK_DIFFERS, ZEEK_UNUSED, ZEEK_WEIRD

pytestmark = pytest.mark.corpora

PREFIX = "scripts.base.protocols.smtp."
PAIRS = [(trace, folder) for trace, folders in ZEEK_BASELINES.items() for folder in folders]


def log(folder: str, file: str) -> list[dict[str, str]]:
    """The rows of one of Zeek's logs; none where it wrote no such log. Some are cut down to their columns' names."""
    lines = [line for line in _lines(folder, file) if not line.startswith("#") or line.startswith("#fields")]
    names = lines[0].removeprefix("#fields\t").split("\t") if lines else []
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]


def printed(folder: str) -> list[list[str]]:
    """What a test's script printed: the fields of each line of ``out``."""
    return [line.split(", ", 4) for line in _lines(folder, "out") if not line.startswith("#")]


def _lines(folder: str, file: str) -> list[str]:
    path = place(ZEEK_BASELINE) / (PREFIX + folder) / file
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def by_port(trace: str) -> dict[str, tuple[Conversation, Observed]]:
    """What we see of each conversation of a trace, by the client's port: Zeek's logs state that."""
    return {str(one.client.port): (one, observe(one)) for one in conversations(f"{ZEEK}/{trace}", PORTS)}


def test_every_baseline_is_used_or_says_why_not() -> None:
    there = {path.name.removeprefix(PREFIX) for path in place(ZEEK_BASELINE).iterdir()}
    assert there == {folder for _, folder in PAIRS} | set(ZEEK_UNUSED)


@pytest.mark.parametrize(("trace", "folder"), PAIRS)
def test_transactions(trace: str, folder: str) -> None:
    seen = by_port(trace)
    depth: dict[str, int] = {}
    for row in log(folder, "smtp.log"):
        port = row["id.orig_p"]
        conversation, observed = seen[port]
        index = depth[port] = depth.get(port, -1) + 1
        assert (conversation.client.address, conversation.server.address) == (row["id.orig_h"], row["id.resp_h"])
        differs = ZEEK_DIFFERS.get((trace, port))
        if differs:
            assert ours(observed, index) == differs.ours, differs.why
        else:
            assert ours(observed, index) == theirs(row)


def theirs(row: dict[str, str]) -> dict[str, object]:
    """What a row of smtp.log says about a transaction."""
    return {
        "helo": row["helo"],
        "mailfrom": "" if row["mailfrom"] == "-" else row["mailfrom"],
        "rcptto": set() if row["rcptto"] == "-" else set(row["rcptto"].split(",")),
        "last_reply": row["last_reply"],
        "tls": row["tls"] == "T",
    }


def ours(observed: Observed, index: int) -> dict[str, object]:
    """The same of our transaction number ``index``."""
    there = index < len(observed.transactions)
    transaction = observed.transactions[index] if there else Transaction("", ())
    tunnels = [line for verb, _, line in observed.replies if verb == "STARTTLS"]
    return {
        "helo": observed.hello,
        "mailfrom": transaction.sender,
        "rcptto": set(transaction.recipients),
        "last_reply": transaction.reply or (tunnels[0] if tunnels else "-"),
        "tls": any(record.fields["outcome"] == "tunnel" for record in observed.records("starttls")),
    }


@pytest.mark.parametrize(("trace", "folder"), [pair for pair in PAIRS if pair[1].startswith("bdat")])
def test_commands_and_chunks(trace: str, folder: str) -> None:
    """The scripts print each command: ``uid, T, verb, argument``, some with ``smtp_request`` before it."""
    rows = [row[1:] if row[0] == "smtp_request" else row for row in printed(folder) if row[0] != "smtp_reply"]
    sessions: dict[str, list[tuple[str, str]]] = {}
    for uid, _, verb, *argument in rows:
        sessions.setdefault(uid, []).append((verb, ", ".join(argument)))
    found = [observed for _, observed in by_port(trace).values()]
    assert len(found) == len(sessions)
    for observed, commands in zip(found, sessions.values(), strict=True):
        if "bdat-size" in observed.uncertain:  # the session is a tunnel from there on
            commands = commands[: next(i for i, (verb, _) in enumerate(commands) if verb == "BDAT")]
            assert observed.commands[: len(commands)] == commands
            continue
        assert observed.commands == commands
        chunks = [int(argument.split()[0]) for verb, argument in commands if verb == "BDAT"]
        assert sum(message.size or 0 for message in observed.messages) == sum(chunks)
        assert all(message.verb == "BDAT" for message in observed.messages)


@pytest.mark.parametrize(("trace", "folder"), PAIRS)
def test_weirds(trace: str, folder: str) -> None:
    """Zeek's weirds: a BDAT that cannot be counted is our bdat-size, the others are none of a relay's business."""
    seen = by_port(trace)
    expected: dict[str, set[str]] = {port: set() for port in seen}
    for row in log(folder, "weird.log"):
        if row["id.orig_p"] in expected:
            expected[row["id.orig_p"]] |= {ZEEK_WEIRD[row["name"]]} - {""}
    for port, (_, observed) in seen.items():
        assert observed.violations & {"bdat-size"} == expected[port]


def test_recipients_are_counted_beyond_those_kept_by_name() -> None:
    """Zeek stops at 500 (address-limits); we keep 100 by name and count all."""
    ((_, observed),) = by_port("smtp/smtp-many-addresses.pcap.gz").values()
    (record,) = observed.records("message")
    assert isinstance(record.fields["recipients"], list)
    assert len(record.fields["recipients"]) == 100
    accepted = [code for verb, code, _ in observed.replies if verb == "RCPT"]
    assert record.fields["recipient_count"] == len(accepted) == 600
    assert set(accepted) == {250}
