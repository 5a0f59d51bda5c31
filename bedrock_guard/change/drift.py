"""What is deployed against what a spec asks, per user and role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.boundary.packing import minified
from bedrock_guard.change.effects import universe_of
from bedrock_guard.change.engine import halted
from bedrock_guard.change.look import Look
from bedrock_guard.change.survey import Person, Survey
from bedrock_guard.change.texts import digest
from bedrock_guard.change.wish import Selection
from bedrock_guard.evidence.tables import Provenance, with_provenance
from bedrock_guard.iam.compare import Difference, PolicySet, Universe, compare
from bedrock_guard.iam.document import ALLOW_ALL

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.builder import Built

State = Literal["as asked", "missing", "weaker", "stronger", "foreign", "removed"]
STATES: Final[tuple[State, ...]] = ("missing", "weaker", "foreign", "removed", "stronger", "as asked")
COLUMNS: Final = ("account_id", "principal", "state", "boundary_arn", "detail", "witness")


@dataclass(frozen=True, slots=True)
class _Row:
    principal: str
    state: State
    boundary_arn: str | None
    detail: str
    witness: str | None = None


def drift(account: Account, built: Built, selection: Selection | None = None) -> pd.DataFrame:
    """One row a target, worst first.

    `state`: `as asked`; `missing` (no boundary, or a deny policy not attached); `weaker` (something the spec refuses is
    allowed; `witness` is such a request as JSON); `stronger` (something it allows is refused); `foreign` (another
    boundary); `removed` (the user or role is gone). `boundary_arn` is what is there now.

    Args:
        account: who reads.
        built: the documents of a spec's profile.
        selection: by default the targets that the profile names.

    Raises:
        ChangeError: the account could not be read.
    """
    chosen = selection or Selection(built.profile.targets)
    look = Look(account)
    try:
        whose, caller = look.caller()
        survey = Survey.of(look)
    except (ClientError, BotoCoreError) as error:
        raise halted(error) from error
    people, gone = survey.chosen(chosen)
    prefix = f"arn:{caller.split(':')[1]}:iam::{whose}:policy/"
    judged = _Judged(built, prefix, survey)
    rows = [judged.row(person) for person in people.values()]
    rows += [
        _Row(name, "removed", None, "it does not exist in this account")
        for name in gone
        if _here(name, whose)
    ]
    source = Provenance(source="IAM GetAccountAuthorizationDetails", asked_at=account.now)
    return with_provenance(_table(whose, rows), source)


def _table(account: str, rows: list[_Row]) -> pd.DataFrame:
    """The rows as a table, the worst first."""
    rows = sorted(rows, key=lambda row: (STATES.index(row.state), row.principal))
    told = [{"account_id": account, **{name: getattr(row, name) for name in COLUMNS[1:]}} for row in rows]
    return pd.DataFrame(told, columns=list(COLUMNS)).astype("string")


def _here(name: str, account: str) -> bool:
    """A target of another account is not this one's to tell."""
    return not name.startswith("arn:") or name.split(":")[4:5] == [account]


class _Judged:
    """The documents asked for, and what was found of sets of deployed ones."""

    def __init__(self, built: Built, prefix: str, survey: Survey) -> None:
        self._survey = survey
        boundary = next((p for p in built.packed if p.kind == "boundary"), None)
        self._boundary = f"{prefix}{boundary.name}" if boundary else None
        self._denies = {f"{prefix}{p.name}": minified(p.document) for p in built.packed if p.kind == "deny"}
        text = minified(boundary.document) if boundary else None
        self._asked = PolicySet.of([ALLOW_ALL, *self._denies.values()], text)
        self._marks = {arn: digest(one) for arn, one in self._denies.items()}
        if self._boundary and text:
            self._marks[self._boundary] = digest(text)
        self._universe: Universe = universe_of([*self._denies.values(), *([text] if text else [])])
        self._known: dict[tuple[str, ...], tuple[State, str, str | None]] = {}

    def row(self, person: Person) -> _Row:
        """The row of one user or role."""
        arn, held = person.state.arn, person.state.boundary
        if self._boundary is not None and held not in (None, self._boundary):
            return _Row(arn, "foreign", held, f"its boundary is {held}, not {self._boundary}")
        lacking = [] if held == self._boundary else ["no boundary"]
        lacking += [
            f"{one.rpartition('/')[2]} is not attached" for one in self._denies if one not in person.attached
        ]
        if lacking:
            return _Row(arn, "missing", held, "; ".join(lacking))
        deployed = tuple(one for one in (self._boundary, *self._denies) if one is not None)
        if deployed not in self._known:
            self._known[deployed] = self._judge(deployed)
        state, detail, witness = self._known[deployed]
        return _Row(arn, state, held, detail, witness)

    def _judge(self, deployed: tuple[str, ...]) -> tuple[State, str, str | None]:
        documents = self._survey.documents
        if all(arn in documents and digest(dict(documents[arn])) == self._marks[arn] for arn in deployed):
            return "as asked", "", None
        unread = [arn for arn in deployed if arn not in documents]
        if unread:
            return "missing", f"{unread[0].rpartition('/')[2]} could not be read", None
        boundary = documents[self._boundary] if self._boundary else None
        now = PolicySet.of([ALLOW_ALL, *(documents[arn] for arn in self._denies)], boundary)
        found = compare(self._asked, now, self._universe).differences
        opened = [one for one in found if one.opens]
        closed = [one for one in found if one.closes]
        if opened:
            also = f", and refuses {len(closed)} that it allows" if closed else ""
            return (
                "weaker",
                f"allows {len(opened)} kinds of request that the spec refuses{also}",
                _witness(opened[0]),
            )
        if closed:
            return (
                "stronger",
                f"refuses {len(closed)} kinds of request that the spec allows",
                _witness(closed[0]),
            )
        return "as asked", "another text that decides alike", None


def _witness(difference: Difference) -> str:
    request: dict[str, Any] = difference.to_dict()["witness"]
    return json.dumps(request, default=str)


def summary(frame: pd.DataFrame) -> Iterator[str]:
    """How many rows there are of each state, worst first."""
    counts = frame["state"].value_counts()
    for state in STATES:
        if state in counts:
            yield f"{int(counts[state])} {state}"
