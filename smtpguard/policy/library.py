"""The policies that come with smtpguard: where they are and what they are called.

In a wheel they travel inside the package; in a checkout they stand in ``policies/`` beside it.
"""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path

from smtpguard.policy.errors import PolicyError, suggestion

SUFFIX = ".yaml"

_WITH_VARIANT = re.compile(r"(?P<policy>.+):(?P<variant>[a-z0-9]+(?:-[a-z0-9]+)*)\Z")


def folder() -> Path:
    """The folder of the shipped policies."""
    package = Path(str(files("smtpguard")))
    for candidate in (package / "policies", package.parent / "policies"):
        if candidate.is_dir():
            return candidate
    raise PolicyError("the policies that belong to smtpguard are not there", file=str(package), hint="install it again")


def shipped() -> dict[str, Path]:
    """Every shipped policy's name and file, by name."""
    return {path.stem: path for path in sorted(folder().glob(f"*{SUFFIX}"), key=lambda path: path.stem)}


def find(name_or_path: str, beside: Path | None = None) -> Path:
    """The file of a policy given by its name or its path.

    A word without ``/`` and without a suffix is a shipped policy's name first; a path is taken from ``beside`` (the
    folder of the file that names it), else from the current folder. Whether it can be read shows when it is read.
    """
    is_path = "/" in name_or_path or name_or_path.endswith((SUFFIX, ".yml"))
    named = shipped()
    if not is_path and name_or_path in named:
        return named[name_or_path]
    path = (beside or Path()) / name_or_path
    if is_path or (name_or_path and os.path.lexists(path)):  # also a link that leads nowhere: reading it says so
        return path
    hint = "`smtpguard policy list` shows the names, a file is given by its path"
    close = suggestion(name_or_path, named)
    raise PolicyError(
        f"no policy is called '{name_or_path}'", hint=f"{close} {hint}" if close.startswith("did") else hint
    )


def split(name_or_path: str) -> tuple[str, str]:
    """The policy's name or path, and the variant that is named behind a colon: ``isa-2000:reply``, ``my.yaml:strict``.

    The variant is "" where none is named, and where what stands behind the colon cannot be the name of one.
    """
    found = _WITH_VARIANT.match(name_or_path)
    return (found["policy"], found["variant"]) if found else (name_or_path, "")
