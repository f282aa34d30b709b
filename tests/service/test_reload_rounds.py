"""Rounds of a reload: who answers, who dies, who asks in the middle."""

from __future__ import annotations

from smtpguard.service.errors import ServiceError
from smtpguard.service.pid_file import DONE
from smtpguard.service.reload_rounds import ReloadRounds


class Workers:
    """Those that ``send`` asks; ``wrong`` is what it finds in the files."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = set(numbers)
        self.wrong = ""
        self.heard: list[str] = []
        self.rounds = ReloadRounds(self._send, self.heard.append)

    def _send(self) -> set[int]:
        self.heard.append("sent")
        if self.wrong:
            raise ServiceError(self.wrong)
        return set(self.numbers)


def test_the_last_answer_is_the_guards() -> None:
    workers = Workers(1, 2)
    workers.rounds.ask()
    workers.rounds.answered(1, DONE)
    workers.rounds.answered(1, DONE)
    assert workers.heard == ["sent"]
    workers.rounds.answered(2, DONE)
    assert workers.heard == ["sent", DONE]
    workers.rounds.answered(2, "late")
    assert workers.heard == ["sent", DONE]


def test_one_that_could_not_spoils_it_for_this_round_alone() -> None:
    workers = Workers(1, 2)
    for _ in range(2):
        workers.rounds.ask()
        workers.rounds.answered(1, "no certificate" if workers.heard == ["sent"] else DONE)
        workers.rounds.answered(2, DONE)
    assert workers.heard == ["sent", "no certificate", "sent", DONE]


def test_files_with_a_mistake_reach_nobody() -> None:
    workers = Workers(1, 2)
    workers.wrong = "broken"
    workers.rounds.ask()
    workers.wrong = ""
    workers.rounds.ask()
    workers.rounds.answered(1, DONE)
    workers.rounds.answered(2, DONE)
    assert workers.heard == ["sent", "broken", "sent", DONE]


def test_where_no_worker_lives_it_is_done() -> None:
    workers = Workers()
    workers.rounds.ask()
    assert workers.heard == ["sent", DONE]


def test_an_answer_to_the_first_is_none_to_the_second() -> None:
    workers = Workers(1, 2)
    workers.rounds.ask()
    workers.rounds.answered(1, DONE)
    workers.rounds.ask()
    workers.rounds.ask()
    assert workers.heard == ["sent"]
    workers.rounds.answered(2, DONE)
    assert workers.heard == ["sent", DONE, "sent"]
    workers.rounds.answered(1, DONE)
    workers.rounds.answered(2, DONE)
    assert workers.heard == ["sent", DONE, "sent", DONE]
