"""One change at a time in an account, wherever it is run: a policy that is attached nowhere and says whose turn it is.

CreatePolicy is atomic: of two machines one gets EntityAlreadyExists. The marker is looked at before every write, so
that a run whose marker was taken over stops by itself.
"""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from bedrock_guard.boundary.packing import minified
from bedrock_guard.change.errors import ChangeError
from bedrock_guard.change.step import Facts, Right, Step, Writer, cli

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look


def this_owner() -> str:
    """Who runs this, on which machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return re.sub(r"[^\w.@-]", "_", f"{user}@{platform.node() or 'somewhere'}", flags=re.ASCII)[:100]


def marker_text(arn: str) -> str:
    """A document that is valid and does nothing, attached or not."""
    statement = {"Sid": "Nothing", "Effect": "Deny", "Action": "iam:GetPolicy", "Resource": f"{arn}/nothing"}
    return minified({"Version": "2012-10-17", "Statement": [statement]})


class TakeMarker(Step):
    """The marker is there, and ours."""

    do: Literal["take_marker"] = "take_marker"
    arn: str
    run: str
    owner: str

    @property
    def description(self) -> str:
        """What the marker says."""
        return f"bedrock-guard change in progress; run={self.run}; owner={self.owner}"

    def words(self) -> str:
        """See `Step`."""
        return "put up the marker of this change"

    def command(self) -> str:
        """See `Step`."""
        name = self.arn.rpartition("/")[2]
        return cli("iam", "create-policy", policy_name=name, policy_document=marker_text(self.arn))

    def goal(self, look: Look) -> Facts | None:
        """It says that the turn is ours."""
        said = look.description(self.arn)
        if said is None:
            return None
        if said != self.description:
            raise held_by(said)
        return {"description": said}

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("iam").create_policy(
            PolicyName=self.arn.rpartition("/")[2],
            PolicyDocument=marker_text(self.arn),
            Description=self.description,
        )

    def rights(self) -> Iterator[Right]:
        """See `Step`."""
        for action in ("CreatePolicy", "DeletePolicy", "GetPolicy"):
            yield Right(f"iam:{action}", self.arn)


class DropMarker(Step):
    """The marker is gone. `said` is what it must say; somebody else's stays."""

    do: Literal["drop_marker"] = "drop_marker"
    arn: str
    said: str

    def words(self) -> str:
        """See `Step`."""
        return "take the marker of this change down"

    def command(self) -> str:
        """See `Step`."""
        return cli("iam", "delete-policy", policy_arn=self.arn)

    def goal(self, look: Look) -> Facts | None:
        """It is gone, or somebody else's by now."""
        said = look.description(self.arn)
        return {} if said is None or said != self.said else None

    def send(self, writer: Writer, look: Look) -> None:
        """See `Step`."""
        del look
        writer.client("iam").delete_policy(PolicyArn=self.arn)


def held_by(said: str) -> ChangeError:
    """The error of a marker that is not ours."""
    parts = dict(part.split("=", 1) for part in said.split("; ") if "=" in part)
    return ChangeError(
        f"Another change is in progress, by {parts.get('owner', 'somebody unknown')}.",
        why=f"Its journal is run {parts.get('run', 'unknown')}.",
        remedy="Wait for it. If it is dead, resume or roll back its journal; from another machine with take_over. "
        "If its journal is lost, run its plan's way back by hand; the last line of that takes the marker down.",
    )
