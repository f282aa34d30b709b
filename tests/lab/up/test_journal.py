"""The journal of hosts that stay up: nothing is kept, moments become dates, batches count on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from smtpguard.lab.up.journal import LiveLog, SenderLog, SubmissionLog

Told = list[tuple[str, dict[str, object]]]


def live() -> tuple[LiveLog, Told]:
    told: Told = []
    return LiveLog(lambda: 1000.0, lambda event, fields: told.append((event, fields))), told


def test_events_go_out_with_their_host_and_none_is_kept() -> None:
    log, told = live()
    log.add("receiver", "blob-stored", {"octets": 12})
    log.add("firewall", "stall")
    assert told == [("blob-stored", {"host": "receiver", "octets": 12}), ("stall", {"host": "firewall"})]
    assert log.ordered() == ()


def test_a_field_cannot_pose_as_event_or_host() -> None:
    log, told = live()
    log.add("sender", "queued", {"event": "x", "host": "y", "octets": 1})
    assert told == [("queued", {"host": "sender", "octets": 1})]


def test_the_moment_of_the_next_retry_becomes_a_date() -> None:
    log, told = live()
    before = datetime.now(UTC)
    log.add("sender", "retry", {"next": 1060.0, "domain": "example.net"})
    after = datetime.now(UTC)
    shown = datetime.fromisoformat(str(told[0][1]["next"]))
    minute, grain = timedelta(seconds=60), timedelta(milliseconds=1)
    assert before + minute - grain <= shown <= after + minute
    assert told[0][1]["domain"] == "example.net"


def test_the_messages_of_a_batch_count_on() -> None:
    log, told = live()
    SenderLog(log, 5).add("sender", "delivered", {"message": 2, "connection": 1, "tls": False})
    SenderLog(log, 5).add("sender", "mx-failed", {"domain": "example.net"})
    assert told[0] == ("delivered", {"host": "sender", "message": 7, "tls": False})
    assert told[1] == ("mx-failed", {"host": "sender", "domain": "example.net"})


def test_the_senders_door_tells_only_what_came_in() -> None:
    log, told = live()
    door = SubmissionLog(log)
    door.add("receiver", "connected", {"connection": 1})
    door.add("receiver", "message-stored", {"octets": 7})
    assert told == [("submitted", {"host": "sender", "octets": 7})]
