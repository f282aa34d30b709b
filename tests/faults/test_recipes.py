"""docs/faults.md and the faults that ship: each policy loads, and does what it says before a real server."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from smtpguard.policy import library
from tests.faults.stage import RESET, SILENCE, Stage, codes, play

TEXT = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### ([^\n]*)\n\n```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
SHIPPED = [name for name in library.shipped() if name.startswith("fault-")]

Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {}
DELIVERED = [250, 250, 354, 250]


def scene(*titles: str) -> Callable[[Scene], Scene]:
    """The scene that shows these recipes and shipped policies."""

    def keep(play: Scene) -> Scene:
        for title in titles:
            SCENES[title] = play
        return play

    return keep


async def delivered(stage: Stage, *recipients: str, octets: int = 20, header: str = "Subject: x") -> list[int | bytes]:
    return codes(await stage.message(*recipients, octets=octets, header=header))


# --- when the client connects --------------------------------------------------------------------------------------


@scene("421 to one connection in ten", "fault-busy")
async def one_in_ten(stage: Stage) -> None:
    heard = codes([await stage.greeting() for _ in range(60)])
    assert {*heard} == {220, 421}
    assert 2 <= heard.count(421) <= 12
    busy = [number for number, code in enumerate(heard) if code == 421]
    assert busy == [int(str(fields["session"])) - 1 for fields in stage.journal.named("connect-closed")]


@scene("No service for the first three connections")
async def late_server(stage: Stage) -> None:
    assert codes([await stage.greeting() for _ in range(5)]) == [554, 554, 554, 220, 220]


@scene("A greeting that takes a minute")
async def slow_greeting(stage: Stage) -> None:
    before = stage.now()
    assert codes([await stage.greeting()]) == [220]
    assert 60 <= stage.now() - before < 62


@scene("A connection that is reset at once")
async def reset_at_once(stage: Stage) -> None:
    assert await stage.greeting() == RESET


# --- EHLO, STARTTLS, AUTH ------------------------------------------------------------------------------------------


@scene("A server that knows HELO only")
async def helo_only(stage: Stage) -> None:
    async with stage.client() as client:
        replies = [await client.reply(), await client.ask(b"EHLO a.example"), await client.ask(b"HELO a.example")]
        assert codes(replies) == [220, 502, 250]
        assert codes(await client.send()) == DELIVERED


@scene("STARTTLS is advertised and fails")
async def tls_fails(stage: Stage) -> None:
    async with stage.client() as client:
        await client.reply()
        assert b"STARTTLS\r\n" in await client.ask(b"EHLO a.example")
        assert codes([await client.ask(b"STARTTLS")]) == [454]
        assert codes(await client.send()) == DELIVERED


@scene("A password that is wrong the first time")
async def wrong_password(stage: Stage) -> None:
    async with stage.greeted() as client:
        attempts = [await client.ask(b"AUTH PLAIN AHVzZXIAc2VjcmV0") for _ in range(2)]
        assert codes(attempts) == [535, 235]


# --- senders and recipients ----------------------------------------------------------------------------------------


@scene("Refuse the first two RCPT for a domain, then accept")
async def first_two(stage: Stage) -> None:
    tried = [await delivered(stage, "a@slow.example"), await delivered(stage, "b@fast.example")]
    tried += [await delivered(stage, "b@slow.example"), await delivered(stage, "a@slow.example")]
    assert tried == [[250, 451], DELIVERED, [250, 451], DELIVERED]


@scene("fault-greylist")
async def greylist(stage: Stage) -> None:
    tried = [await delivered(stage, f"{name}@x.example") for name in ("a", "b", "A", "b")]
    assert tried == [[250, 451], [250, 451], DELIVERED, DELIVERED]


@scene("Refuse one sender for good")
async def blocked_sender(stage: Stage) -> None:
    async with stage.greeted() as client:
        asked = [await client.ask(b"MAIL FROM:<%b@x.example>" % name) for name in (b"blocked", b"other")]
        assert codes(asked) == [550, 250]


@scene("Refuse the third recipient of a session")
async def third_recipient(stage: Stage) -> None:
    assert await delivered(stage, *"abcd") == [250, 250, 250, 550, 250, 354, 250]


@scene("Refuse what is announced as too big")
async def announced(stage: Stage) -> None:
    async with stage.greeted() as client:
        asked = [await client.ask(b"MAIL FROM:<a@x.example> SIZE=%d" % size) for size in (1_000_001, 1_000_000)]
        assert codes(asked) == [552, 250]


@scene("A reply to RCPT that never comes")
async def no_answer(stage: Stage) -> None:
    assert await delivered(stage) == [250, SILENCE]


@scene("fault-by-address")
async def by_address(stage: Stage) -> None:
    for name, replies in {
        "tempfail": [250, 451],
        "unknown": [250, 550],
        "full": [250, 552],
        "spam": [250, 250, 554],
        "close": [250, 421],
        "reset": [250, RESET],
        "silent": [250, SILENCE],
        "someone": DELIVERED,
    }.items():
        assert await delivered(stage, f"{name}@x.example") == replies, name
    before = stage.now()
    assert await delivered(stage, "slow@x.example") == DELIVERED
    assert 10 <= stage.now() - before < 12


# --- the message ---------------------------------------------------------------------------------------------------


@scene("Refuse DATA for one recipient")
async def no_data(stage: Stage) -> None:
    assert await delivered(stage, "spam@x.example") == [250, 250, 554]
    assert await delivered(stage, "other@x.example") == DELIVERED


@scene("552 at the end of DATA for big messages")
async def full(stage: Stage) -> None:
    async with stage.greeted() as client:
        assert codes(await client.send(octets=200_000)) == [250, 250, 354, 552]
        assert codes(await client.send()) == DELIVERED, "the session goes on"
    assert stage.taken == 2, "and the server has both"


@scene("fault-mailbox-full")
async def full_of_a_million(stage: Stage) -> None:
    assert await delivered(stage, octets=900_000) == DELIVERED
    assert await delivered(stage, octets=1_000_001) == [250, 250, 354, 552]


@scene("Reset the connection after 1000 octets of the body", "fault-reset-in-data")
async def breaks(stage: Stage) -> None:
    assert await delivered(stage, octets=5000) == [250, 250, 354, RESET]
    assert stage.taken == 0
    assert await delivered(stage, octets=500) == DELIVERED


@scene("Close in order with 421 after 1000 octets of the body")
async def goes_down(stage: Stage) -> None:
    assert await delivered(stage, octets=5000) == [250, 250, 354, 421]
    assert stage.taken == 0
    async with stage.greeted() as client:
        await client.ask(b"MAIL FROM:<a@x.example>")
        await client.ask(b"RCPT TO:<b@x.example>")
        assert codes([await client.ask(b"BDAT 2000 LAST\r\n" + b"x" * 1998)]) == [421]


@scene("The message is taken, its reply is lost, once", "fault-lost-ack")
async def lost_ack(stage: Stage) -> None:
    assert await delivered(stage) == [250, 250, 354, RESET]
    assert await delivered(stage) == DELIVERED
    assert stage.taken == 2, "twice: the sender could not know"


@scene("A header that breaks the connection")
async def asked_for(stage: Stage) -> None:
    assert await delivered(stage, header="X-Fault: reset") == [250, 250, 354, RESET]
    assert await delivered(stage) == DELIVERED


# --- time and pieces -----------------------------------------------------------------------------------------------


@scene("Delay every reply by three seconds")
async def delayed(stage: Stage) -> None:
    before = stage.now()
    assert await delivered(stage) == DELIVERED
    assert 15 <= stage.now() - before < 17, "EHLO, MAIL, RCPT, DATA and the message: the greeting is no reply"


@scene("fault-slow")
async def all_delayed(stage: Stage) -> None:
    before = stage.now()
    assert await delivered(stage) == DELIVERED
    assert 18 <= stage.now() - before < 20


@scene("A black hole from DATA on", "fault-silent")
async def black_hole(stage: Stage) -> None:
    assert await delivered(stage) == [250, 250, SILENCE]
    assert stage.taken == 0


@scene("One octet at a time")
async def in_pieces(stage: Stage) -> None:
    async with stage.client() as client:
        greeting = await client.reply()
        assert client.pieces == [greeting[at : at + 1] for at in range(len(greeting))]
        hello = await client.ask(b"EHLO a.example")
        assert len(client.pieces) == len(hello)
        assert codes(await client.send()) == DELIVERED


@scene("fault-trickle")
async def trickle(stage: Stage) -> None:
    before = stage.now()
    assert await delivered(stage, octets=400) == DELIVERED
    assert stage.now() - before > 4, "400 octets of message alone take four seconds"
    assert stage.taken == 1


@scene("A slow uplink")
async def slow_uplink(stage: Stage) -> None:
    before = stage.now()
    assert await delivered(stage, octets=51_200) == DELIVERED
    assert 9 <= stage.now() - before < 13


@scene("A connection that hangs at QUIT")
async def hangs_at_quit(stage: Stage) -> None:
    async with stage.greeted() as client:
        assert codes(await client.send()) == DELIVERED
        assert await client.ask(b"QUIT") == SILENCE


# --- all of them ---------------------------------------------------------------------------------------------------


def test_every_recipe_and_every_shipped_fault_has_its_scene() -> None:
    assert {*SCENES} == {*RECIPES} | {*SHIPPED}
    assert len(RECIPES) == TEXT.count("```yaml") == TEXT.count("\n### "), "one policy a recipe"


def test_the_table_lists_what_ships() -> None:
    listed = re.findall(r"^\| `(fault-[a-z-]+)` \|", TEXT, re.MULTILINE)
    assert sorted(listed) == SHIPPED


@pytest.mark.parametrize("title", SCENES)
def test_does_what_it_says(title: str, tmp_path: Path) -> None:
    policy = title
    if title in RECIPES:
        path = tmp_path / "recipe.yaml"
        path.write_text(RECIPES[title], encoding="utf-8")
        policy = str(path)
    play(policy, SCENES[title])


def test_without_a_fault_the_stage_delivers() -> None:
    async def plain(stage: Stage) -> None:
        assert await delivered(stage) == DELIVERED
        assert stage.taken == 1

    play("pass", plain)
