"""What can stop a change."""

from __future__ import annotations

from dataclasses import dataclass

from bedrock_guard.errors import GuardError


class ChangeError(GuardError):
    """Nothing further was sent; the journal says what is in place."""


class MovedError(ChangeError):
    """The account is not what the plan saw."""


class HaltedError(ChangeError):
    """Stopped in the middle; `resume` and `rollback` both work from here."""

    exit_status = 1


class PlanFileError(ChangeError):
    """A plan file that cannot be used."""


class JournalError(ChangeError):
    """A journal that cannot be used or written."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to make a plan, and what to do about it. `offer` is what can be done instead, as text to copy."""

    kind: str
    what: str
    why: str
    remedy: str
    offer: str = ""


def too_long(name: str, size: int, quota: int) -> Refusal:
    """A document over its quota."""
    return Refusal(
        "quota",
        f"{name} has {size:,} characters, more than {quota:,}.",
        "AWS takes no longer one.",
        "Turn off a control, or name fewer models and exceptions, so that it gets shorter.",
    )


class PlanRefusedError(ChangeError):
    """No plan is made; `refusals` holds every reason that was found."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        first = refusals[0]
        more = f" ({len(refusals) - 1} more reasons)" if len(refusals) > 1 else ""
        super().__init__(f"No plan: {first.what}{more}", why=first.why, remedy=first.remedy)
        self.refusals = refusals
