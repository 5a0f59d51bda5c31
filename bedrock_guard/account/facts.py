"""Facts of one account that no document settles, found by `doctor` and kept in a small file for the other commands.

The file holds no account number, ARN or name; it lies under the account's fingerprint.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bedrock_guard.errors import GuardError

VARIABLE: Final = "BEDROCK_GUARD_FACTS"
"""A folder for the files; by default under the user's state folder."""


class Fact(BaseModel):
    """One open point and what this account says of it. `answer` is None when nothing here could tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str
    answer: str | None
    seen: int = 0
    why: str = ""


class Facts(BaseModel):
    """What was found in one account, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    found_at: datetime
    facts: tuple[Fact, ...]

    def of(self, name: str) -> str | None:
        """The answer to one question; None when it is not known."""
        return next((fact.answer for fact in self.facts if fact.id == name), None)


def folder() -> Path:
    """Where the files are."""
    named = os.environ.get(VARIABLE)
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return Path(named) if named else base / "bedrock-guard" / "facts"


def path_of(account_id: str) -> Path:
    """The file of an account."""
    return folder() / f"{hashlib.sha256(f'facts of {account_id}'.encode()).hexdigest()[:16]}.json"


def load_facts(account_id: str) -> Facts | None:
    """What was found before; None when nothing was, or the file is none of ours."""
    try:
        return Facts.model_validate_json(path_of(account_id).read_bytes())
    except (OSError, ValidationError):
        return None


def save_facts(account_id: str, facts: Facts) -> Path:
    """Keep them, whole or not at all.

    Raises:
        GuardError: the folder cannot be written.

    """
    path = path_of(account_id)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(facts.model_dump_json(indent=1) + "\n")
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise GuardError(
            "The facts could not be kept.", why=str(error.strerror), remedy=f"Name a folder in {VARIABLE}."
        ) from error
    return path
