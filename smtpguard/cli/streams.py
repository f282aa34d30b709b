"""Standard input, output and error as the shell left them: closed, or unable to take what is written.

A closed one is not left free: the next file or socket would get its number, and what is printed would go there (uvloop
ends the process over it). Standard output that is closed is an error, since what was asked for goes there.
"""

from __future__ import annotations

import errno
import os
import sys

from smtpguard.cli.errors import UsageError

_INPUT, _OUTPUT, _ERROR = range(3)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def fill_closed() -> None:
    """Put the null device where a standard stream is closed. Raises UsageError for standard output."""
    closed = [number for number in (_INPUT, _OUTPUT, _ERROR) if not _is_open(number)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)  # takes the least free number: these, in their order
    if _ERROR in closed:
        sys.stderr = os.fdopen(_ERROR, "w", closefd=False)
    if _OUTPUT in closed:
        raise UsageError("standard output is closed; give it a file, a pipe or /dev/null")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def output_failure(error: Exception) -> UsageError | None:
    """What to say where ``error`` is standard output that takes nothing more; None for every other error.

    Told by the error's kind, since an unbuffered standard output keeps nothing that could be tried again. No other
    write comes this far: whoever writes a file says in an error of its own which.
    """
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        drop_output()
        return UsageError(f"standard output can't be written: {error.strerror}")
    return None


def drop_output() -> None:
    """What is left in the buffer would fail again when the interpreter flushes standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _OUTPUT)
