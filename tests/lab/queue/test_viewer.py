"""Queue Viewer's rows."""

from __future__ import annotations

from smtpguard.lab.queue.viewer import QueueRow, QueueViewer


def test_only_changes_make_rows() -> None:
    now = [0.0]
    viewer = QueueViewer(lambda: now[0])
    viewer.show("example.net", "Ready", [(0.0, 1024)])
    now[0] = 5.0
    viewer.show("example.net", "Ready", [(0.0, 1024)])
    viewer.show("example.net", "Active", [(0.0, 1024)])
    assert [(row.time, row.state) for row in viewer.rows()] == [(0.0, "Ready"), (5.0, "Active")]


def test_domains_are_apart_and_in_order() -> None:
    viewer = QueueViewer(lambda: 0.0)
    for domain in ("b.example", "a.example", "b.example"):
        viewer.show(domain, "Ready", [])
    assert [row.domain for row in viewer.rows()] == ["a.example", "b.example"]


def test_the_columns() -> None:
    viewer = QueueViewer(lambda: 7.0)
    viewer.show("example.net", "Retry", [(3.0, 1024), (2.0, 1)], 60.0, "why")
    row = viewer.rows()[0]
    assert row == QueueRow(7.0, "example.net", "Retry", 2.0, 2, 1025, 60.0, "why")
    assert row.as_dict() == {
        "time": 7.0,
        "domain": "example.net",
        "state": "Retry",
        "connection_state": "Retry",
        "oldest_submission": 2.0,
        "messages": 2,
        "kilobytes": 2,
        "next_retry": 60.0,
        "information": "why",
    }


def test_an_empty_queue_has_no_oldest_message() -> None:
    viewer = QueueViewer(lambda: 0.0)
    viewer.show("example.net", "Ready", [])
    assert (viewer.rows()[0].oldest_submission, viewer.rows()[0].kilobytes) == (None, 0)
    assert viewer.rows()[0].as_dict()["next_retry"] is None
