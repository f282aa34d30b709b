"""The private Postfix comes back after a power cut, whatever the cut left in its queue."""

from __future__ import annotations

import pytest

from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import until

pytestmark = pytest.mark.real


def test_starts_again_over_a_file_that_cleanup_had_not_named_yet(own_postfix: PrivatePostfix) -> None:
    """postsuper warns of such a file in the log before postlogd runs, and as Postfix's own user."""
    own_postfix.kill()
    unnamed = own_postfix.root / "queue" / "incoming" / "174642.7101"
    unnamed.touch(mode=0o600)
    own_postfix.start()
    until(lambda: "bogus file name: incoming/174642.7101" in own_postfix.log(), 10, "postsuper's warning")
