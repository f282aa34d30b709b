"""What a user can mend before a guard runs."""

from __future__ import annotations


class ServiceError(Exception):
    """The guard can't start, or can't be reached; the text is one clear line."""
