"""Conversations written down as text by other projects: chasquid's dialogues and fuzz seeds, MailKit's replies."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from smtpguard.replay.captures import Conversation, Endpoint, Turn
from smtpguard.smtp.sides import CLIENT, SERVER, Side


def conversation(turns: list[tuple[Side, bytes]]) -> Conversation:
    """These turns, and then both sides' FIN."""
    ends = [Turn(CLIENT, b"", "fin"), Turn(SERVER, b"", "fin")]
    said = [Turn(side, data) for side, data in turns if data]
    return Conversation(
        Endpoint("198.51.100.7", 40000), Endpoint("192.0.2.25", 25), (*said, *ends), {CLIENT: (), SERVER: ()}, True
    )


_STEP = re.compile(r"c (tcp_connect|tls_connect|close|->|~>|<-|<~|<\.\.\.) ?(.*)")


def dialogues(text: str) -> Iterator[Conversation]:
    """The connections of one ``.cmy`` file. What the server is only expected to match, it says.

    ``->`` a line to the server, ``~>`` the value of an expression to it; ``<-`` a line from it, ``<~`` a line that
    matches, ``<...`` lines up to this one.
    """
    turns: list[tuple[Side, bytes]] = []
    for line in text.splitlines():
        step = _STEP.fullmatch(line)
        if step is None:
            if line and not line.startswith("#"):
                raise ValueError(f"no step of a dialogue: {line!r}")
            continue
        kind, words = step[1], step[2]
        if kind.endswith(("connect", "close")):
            if turns:
                yield conversation(turns)
            turns = []
        elif kind == "->":
            turns.append((CLIENT, words.encode() + b"\r\n"))
        elif kind == "~>":
            turns.append((CLIENT, _value(ast.parse(words, mode="eval").body).encode()))
        elif kind == "<...":
            turns.append((SERVER, f"250-mx\r\n250-8BITMIME\r\n{words}\r\n".encode()))
        else:
            turns.append((SERVER, (words if " " in words else f"{words} so it is").encode() + b"\r\n"))
    yield conversation(turns)


def _value(node: ast.expr) -> str:
    """A text, made of texts by + and by * with a number; nothing else is an expression here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _value(node.left) + _value(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant):
        assert isinstance(node.right.value, int)
        return _value(node.left) * node.right.value
    raise ValueError(f"no text: {ast.dump(node)}")


def seed(text: str) -> bytes:
    r"""The octets of a seed of Go's fuzzer: its third line is ``[]byte("...")``, with the escape \n only."""
    literal = re.fullmatch(r'\[\]byte\((".*")\)', text.splitlines()[2])
    if literal is None or re.search(r"\\[^n\"]", literal[1]):
        raise ValueError("a seed that is not written as expected")
    value = ast.literal_eval(literal[1])
    assert isinstance(value, str)
    return value.encode()


_LIKED = {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n", b"AUTH": b"504 no\r\n"}


def answered(commands: bytes) -> Conversation:
    """``commands`` said all at once to a server that likes everything."""
    verbs = [line.split(b" ")[0].upper() for line in commands.split(b"\r\n")[:-1]]
    replies, text = [b"220 mx\r\n"], False
    for verb, line in zip(verbs, commands.split(b"\r\n"), strict=False):
        if text and line != b".":
            continue
        text = verb == b"DATA"
        replies.append(
            {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n", b"AUTH": b"504 no\r\n"}.get(verb, b"250 ok\r\n")
        )
    return conversation([(SERVER, replies[0]), (CLIENT, commands), (SERVER, b"".join(replies[1:]))])


_ASKED = (
    ("greeting", b""),
    ("ehlo", b"EHLO a.example\r\n"),
    ("helo", b"HELO a.example\r\n"),
    ("pipelined", b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"),
    ("auth-login-", b"AUTH LOGIN\r\n"),
    ("auth", b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n"),
    ("mail-from", b"MAIL FROM:<a@a.example>\r\n"),
    ("rcpt", b"RCPT TO:<b@b.example>\r\n"),
    ("data-done", b"BDAT 3 LAST\r\nabc"),
    ("data", b"DATA\r\n"),
    ("", b"NOOP\r\n"),
)


def replied(name: str, stored: bytes) -> Conversation:
    """A reply text of MailKit's, stored with LF, as the answer to what its file's name tells."""
    reply = stored.replace(b"\n", b"\r\n")
    asked = next(command for word, command in _ASKED if word in name)
    if not asked:
        return conversation([(SERVER, reply)])
    return conversation([(SERVER, b"220 mx\r\n"), (CLIENT, asked), (SERVER, reply), (CLIENT, b"QUIT\r\n")])
