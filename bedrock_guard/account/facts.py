"""Facts of one account that no document settles, found by `doctor` and kept in a small file for the other commands.

The file holds no account number, ARN or name; it lies under the account's fingerprint.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bedrock_guard.account.cost_explorer import FAILURES
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.bill_class import Bucket
from bedrock_guard.evidence.learnt import CANDIDATES, NOTHING, ROUNDING_USD, Learnt

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

UNITS: Final = "unit_tokens"
CHARGES: Final = "unknown_charges"
ROUNDING: Final = "rounding"
BUCKET: Final[TypeAdapter[Bucket]] = TypeAdapter(Bucket)

VARIABLE: Final = "BEDROCK_GUARD_FACTS"
"""A folder for the files; by default under the user's state folder."""


class Fact(BaseModel):
    """One open point and what this account says of it. `answer` is None when nothing here could tell.

    `data` is what readings go by where it differs from what they take for granted: see `learnt`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str
    answer: str | None
    seen: int = 0
    why: str = ""
    data: dict[str, str] = {}


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


def learnt(account: Account) -> Learnt:
    """What readings of this account's bill go by; nothing where `doctor` found nothing, or was never run."""
    try:
        known = load_facts(account.account_id)
    except FAILURES:
        return NOTHING
    if known is None:
        return NOTHING
    data = {fact.id: fact.data for fact in known.facts}
    try:
        return Learnt(
            {_unit(key): _tokens(tokens) for key, tokens in data.get(UNITS, {}).items()},
            {key: BUCKET.validate_python(bucket) for key, bucket in data.get(CHARGES, {}).items()},
            min(Decimal(data.get(ROUNDING, {}).get("tolerance_usd", "0")), ROUNDING_USD),
            known.found_at,
        )
    except (ValueError, ArithmeticError):  # a file that was edited by hand
        return NOTHING


def _unit(key: str) -> tuple[str, int]:
    name, _, assumed = key.partition("/")
    return name, int(assumed)


def _tokens(text: str) -> int:
    if int(text) not in CANDIDATES:
        raise ValueError(text)
    return int(text)


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
