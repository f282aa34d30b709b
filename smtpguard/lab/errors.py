"""What the lab can't use: an argument, a scenario, a message. ``str(error)`` is the one clear line for the user."""

from __future__ import annotations


class LabError(Exception):
    """Says what, where and what to do, in one line."""
