"""Where a change waits: for a person, and for the denials that AWS records some minutes late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from bedrock_guard.account.trail_lookup import gaps, look_up
from bedrock_guard.change.errors import HaltedError
from bedrock_guard.change.step import Facts, Right, Step
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.words import many

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.change.look import Look

OPENED = "A person typed its phrase."
_OURS = ("boundary", "scp", "identity")


class Gate(Step):
    """Nothing goes on until a person has typed the phrase of this gate."""

    writes: ClassVar[bool] = False
    do: Literal["gate"] = "gate"
    to: str
    """What lies beyond it: the end of the phrase that opens it."""
    after: str

    def words(self) -> str:
        """See `Step`."""
        return f"wait for a person: {self.after}"

    def asks(self) -> str:
        """What is asked of the person, as a sentence."""
        return f"It waits for a person: {self.after}."

    def goal(self, look: Look) -> Facts | None:
        """A gate is opened by its phrase, never by reading."""
        del look
        return None


class Watch(Step):
    """No new denials of those already changed, or the change stops here."""

    writes: ClassVar[bool] = False
    do: Literal["watch"] = "watch"
    principals: tuple[str, ...]
    """ARNs of those changed so far."""
    minutes: int
    most: int
    """New denials that are borne."""

    def words(self) -> str:
        """See `Step`."""
        return (
            f"wait {self.minutes} minutes, then go on only if CloudTrail shows at most {self.most} new denials of the "
            f"{len(self.principals)} changed so far"
        )

    def goal(self, look: Look) -> Facts | None:
        """Few enough denials since the change began."""
        found = self._denials(look)
        return {"denials": len(found)} if len(found) <= self.most else None

    def guard(self, look: Look) -> None:
        """Say who was denied what."""
        found = self._denials(look)
        if len(found) > self.most:
            first = "; ".join(
                f"{row.principal} {row.operation} ({row.denied_by})" for row in found.head(3).itertuples()
            )
            raise HaltedError(
                f"{many(len(found), 'new denial')} since the change began: {first}.",
                why=f"The plan bears {self.most}.",
                remedy="Roll back; or, if these denials are meant, resume and bear them (bear_denials).",
            )

    def _denials(self, look: Look) -> pd.DataFrame:
        end = max(look.clock.now(), look.since + timedelta(seconds=1))
        calls = look_up(look.session, (look.session.region,), look.since, end).reading.frame
        unread = gaps(provenance_of(calls))
        if unread:
            raise HaltedError(
                "Whether anybody was denied could not be read whole.",
                why="; ".join(unread)[:300],
                remedy="Mend that and resume; or resume and bear what was not seen (bear_denials).",
            )
        mine = calls["principal"].isin(self.principals) & calls["denied_by"].isin(_OURS)
        return calls[mine & (calls["event_time"] >= look.since)]

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        yield Right("cloudtrail:LookupEvents")
