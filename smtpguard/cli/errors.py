"""Errors that a user can mend: one clear line on stderr and exit status 2, never a traceback.

A command raises ``UsageError`` for what it was given (a port in use, a file that cannot be read, an argument that makes
no sense); the text says what, where and what to do. ``describe`` knows these, ``PolicyError`` and typer's own errors.
Everything else is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import typer

from smtpguard.policy.errors import PolicyError, one_line
from smtpguard.service.errors import ServiceError

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells report it

# The command-line parser inside typer has changed its address between versions; its error classes are reached
# through the one that typer has always exported: BadParameter -> UsageError -> ClickException.
PARSER_ERROR: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


class UsageError(ServiceError):
    """Something that the user gave cannot be used; ``str()`` is the whole line after ``smtpguard: ``."""


def describe(error: Exception) -> str | None:
    """The one line for ``error``, without the programme's name; None for what is not the user's to mend."""
    if isinstance(error, ServiceError | PolicyError):
        return one_line(str(error))
    if isinstance(error, PARSER_ERROR):
        return one_line(_parser_line(error))
    return None


def _parser_line(error: Exception) -> str:
    format_message = getattr(error, "format_message", None)
    message = str(format_message() if callable(format_message) else error).rstrip(".").replace("Value error, ", "")
    message = " ".join(message.split())  # the parser lists choices one a line
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "") or "smtpguard"
    return f"{message[:1].lower()}{message[1:]}; see `{command} --help`"
