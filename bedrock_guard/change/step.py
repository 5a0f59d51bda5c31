"""What a step is: a goal that reading can see, a guard right before the write, one write, and words.

A step keeps nothing between processes. Whether it is done is always read from the account, so that a new process can go
on where another was killed, and a step that is done already is not done again.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from bedrock_guard.change.errors import MovedError

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.change.look import Look

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Right:
    """One permission that a step needs."""

    action: str
    resource: str = "*"
    keys: tuple[tuple[str, str], ...] = ()
    """Condition keys of the request and their values."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The clients that write: every request is sent once, and what became of it is found out by reading."""

    session: Account

    def client(self, service: str) -> Any:
        """A client that tries once."""
        return self.session.client(service, attempts=1)


class Step(BaseModel):
    """One step of a plan. `key` is its place, such as `003.flip`; `undoes` the steps a way back takes back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = ""
    undoes: tuple[str, ...] = ()

    writes: ClassVar[bool] = True

    @property
    def subject(self) -> tuple[str, ...]:
        """What it sets; a later step with the same subject sets it anew."""
        return (self.key,)

    def words(self) -> str:
        """What it does, in one sentence without its full stop."""
        raise NotImplementedError

    def command(self) -> str:
        """The same as one line for the AWS CLI; empty where there is none."""
        return ""

    def goal(self, look: Look) -> Facts | None:
        """What the account shows when the step is done; None while it is not."""
        raise NotImplementedError

    def under_way(self, look: Look) -> bool:
        """Whether AWS is still at work on our write: then it is waited for, and not sent again."""
        del look
        return False

    def guard(self, look: Look) -> None:
        """Raise MovedError unless the account is what the plan saw, with the steps before this one done."""

    def send(self, writer: Writer, look: Look) -> None:
        """Send the one write."""

    def rights(self) -> Iterator[Right]:
        """The permissions of this step, its reads included."""
        yield from ()


def moved(what: str, now: object, planned: object) -> MovedError:
    """The error of a drift: what moved, what it is now, what the plan saw."""
    return MovedError(
        f"{what} moved: it is {now}, the plan saw {planned}.",
        why="Somebody else changed it since the plan was made.",
        remedy="Nothing more was sent. Once it is as it was, resume; or roll back, and make a new plan.",
    )


def cli(service: str, operation: str, **arguments: str | bool | None) -> str:
    """One line for a shell.

    Example:
        >>> cli("iam", "delete-policy", policy_arn="arn:aws:iam::111122223333:policy/a b")
        "aws iam delete-policy --policy-arn 'arn:aws:iam::111122223333:policy/a b'"
    """
    parts = ["aws", service, operation]
    for name, value in arguments.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            parts.append(flag)
        elif value is False:
            parts.append(f"--no-{name.replace('_', '-')}")
        elif isinstance(value, Shell):
            parts.append(f'{flag} "{value.text}"')
        elif isinstance(value, str):
            parts.append(f"{flag} {shlex.quote(value)}")
    return " ".join(parts)


class Shell(str):
    """A shell expression that looks a value up when the line is run."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """The expression, to be put in double quotes."""
        return str.__str__(self)
