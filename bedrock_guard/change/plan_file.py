"""A plan: every step, every way back, and what they were decided on. Frozen, and named by its hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_guard.change.errors import PlanFileError
from bedrock_guard.change.marker import DropMarker
from bedrock_guard.change.review import review, rollback_script
from bedrock_guard.change.steps_guardrail import (
    CreateGuardrailVersion,
    DeleteGuardrail,
    Enforce,
    PutGuardrail,
    Unenforce,
)
from bedrock_guard.change.steps_pause import Gate, Watch
from bedrock_guard.change.steps_policy import CreatePolicy, DeletePolicy, Flip, Prune, Restore, Stage, Unstage
from bedrock_guard.change.steps_principal import Attach, PutBoundary, Soak
from bedrock_guard.change.steps_scp import AttachScp, CreateScp, DeleteScp
from bedrock_guard.change.texts import canonical
from bedrock_guard.evidence.words import many

AnyStep = Annotated[
    CreatePolicy | DeletePolicy | Prune | Stage | Unstage | Restore | Flip
    | PutBoundary | Attach | Soak | Gate | Watch
    | CreateScp | DeleteScp | AttachScp
    | PutGuardrail | CreateGuardrailVersion | DeleteGuardrail | Enforce | Unenforce,
    Field(discriminator="do"),
]  # fmt: skip
MOST_BYTES = 50_000_000
_PLANS = (
    "Give a file plan-HASH.json as `plan` wrote it; one of a newer version of the kit needs that version."
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seen(_Frozen):
    """One selected user or role as the plan saw it."""

    who: str
    arn: str
    unique_id: str
    boundary: str | None
    attached: tuple[str, ...]


class Effect(_Frozen):
    """What changes for everybody whose documents were alike before. Each difference carries a request that flips."""

    who: tuple[str, ...]
    former: str
    opens: int
    closes: int
    differences: tuple[Mapping[str, Any], ...]
    left_out: int
    incomplete: bool


class Hit(_Frozen):
    """Someone of whom calls of the window would have been refused."""

    principal: str
    calls: int
    last_call: str | None
    """None: no call was refused, and dollars of batch jobs or commitments are."""
    controls: tuple[str, ...]
    models: tuple[str, ...]
    refused_usd: str | None = None
    """None: what its calls cost is not known."""
    stranded_usd: str | None = None


class History(_Frozen):
    """What the change would have refused of a past window. Money is decimal text; None is unknown."""

    window: str
    hits: tuple[Hit, ...]
    refused_usd: str | None
    """Of the callers whom the change touches."""
    depends_usd: str | None
    """Theirs too, and it hangs on what is not known."""
    unseen_usd: str | None
    """Refused, stranded or open where calls were read, and none says whose it was."""
    stranded_usd: str | None = None
    """Of commitments of theirs, which are paid although nothing may use them."""
    others_usd: str | None = None
    """The same documents would take it from callers whom the change does not touch."""
    others: tuple[Hit, ...] = ()
    """Those callers."""
    unread_usd: str | None = "0"
    """Of accounts that the change reaches and whose calls were not read."""
    unread: tuple[str, ...] = ()
    """Those accounts."""
    elsewhere_usd: str | None = "0"
    """Of the profile's accounts that the change does not reach, which needs an SCP or a plan of their own."""
    elsewhere: tuple[str, ...] = ()
    """Those accounts."""
    choice_usd: str | None = None
    """Refused, stranded or open by the whole choice, in every account of the profile: what Callers hit adds up to."""


class Opinion(_Frozen):
    """What another judge says of the same documents. `available` False: it could not be asked, and why."""

    judge: str
    available: bool
    asked: int = 0
    differs: tuple[str, ...] = ()
    note: str = ""


class Plan(_Frozen):
    """The whole plan; `Plan.load` refuses a file that was edited."""

    version: Literal[1] = 1
    account: str
    partition: str
    region: str
    operator: str
    """ARN of the user or role that applies it."""
    made: datetime
    expires: datetime
    selection: str
    selected: int
    limit: int
    users: int
    roles: int
    """The population: all users and roles of the account."""
    marker: str
    texts: Mapping[str, str]
    people: tuple[Seen, ...]
    bystanders: tuple[str, ...]
    """Not selected, and changed all the same, since they use a policy that changes."""
    fingerprint: Mapping[str, Any]
    """What was there: policies with their versions, SCPs of the targets, the guardrail and its enforcement."""
    steps: tuple[AnyStep, ...]
    back: tuple[AnyStep, ...]
    effects: tuple[Effect, ...] = ()
    history: History | None = None
    opinions: tuple[Opinion, ...] = ()
    risks: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    """What the plan does not do itself, as commands."""
    break_glass: tuple[str, ...] = ()
    """ARNs of the account's emergency principals, who may roll back too."""

    @cached_property
    def body(self) -> dict[str, Any]:
        """The plan as JSON data."""
        return self.model_dump(mode="json")

    @cached_property
    def id(self) -> str:
        """Its hash, 64 hexadecimal digits."""
        return hashlib.sha256(canonical(self.body).encode()).hexdigest()

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"plan-{self.id[:12]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The principals whose own boundary or policies are set, by ARN: what the steps say, whoever wrote them."""
        touched = dict.fromkeys(s.arn for s in self.steps if isinstance(s, PutBoundary | Attach))
        flipped = {user for s in self.steps if isinstance(s, Flip) for user in s.users or ()}
        chosen = [p.arn for p in self.people if p.arn in touched or p.who in flipped]
        return tuple(dict.fromkeys((*chosen, *touched)))

    @property
    def phrase(self) -> str:
        """What has to be typed: it names the plan and counts everyone who is hit."""
        parts = [f"apply {self.id[:6]} to {many(len(self.targets), 'principal')} in {self.account}"]
        if self.bystanders:
            parts.append(f"and to {len(self.bystanders)} not named that use the policy")
        scps = {s.target for s in self.steps if isinstance(s, AttachScp) and s.on}
        if scps:
            parts.append(f"and SCPs to {many(len(scps), 'target')}")
        if any(isinstance(s, Enforce) for s in self.steps):
            parts.append(f"and enforce a guardrail in {self.region}")
        return " ".join(parts)

    def gate_phrase(self, gate: Gate) -> str:
        """What has to be typed to go on beyond a gate."""
        return f"continue {self.id[:6]} {gate.to}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The steps as lines for the AWS CLI."""
        return tuple(step.command() or f"# {step.words()}" for step in self.steps)

    @property
    def rollback_commands(self) -> tuple[str, ...]:
        """The way back as lines for the AWS CLI, without this kit; skip what was not done. The marker is last."""
        back = (*self.back, DropMarker(arn=self.marker, said="")) if self.steps else ()
        return tuple(step.command() or f"# {step.words()}" for step in back)

    def save(self, folder: Path | str) -> Path:
        """Write the plan, and beside it the review as Markdown and the way back as a script.

        Raises:
            PlanFileError: it cannot be written.
        """
        place = Path(folder)
        files = {
            f"{self.name}.json": json.dumps({"plan_id": self.id, **self.body}, indent=1, ensure_ascii=True),
            f"{self.name}.md": review(self),
            f"{self.name}.rollback.sh": rollback_script(self),
        }
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (place / name).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise PlanFileError(
                f"The plan cannot be written to {place.name}.",
                why=error.strerror or str(error),
                remedy="Name a folder that can be written.",
            ) from error
        return place / f"{self.name}.json"

    @classmethod
    def load(cls, path: Path | str) -> Plan:
        """Read a plan file.

        Raises:
            PlanFileError: no such file, no plan, or edited since it was made.
        """
        file = Path(path)
        try:
            if file.stat().st_size > MOST_BYTES:
                raise PlanFileError(f"{file.name} is too large for a plan.", remedy=_PLANS)
            data = json.loads(file.read_bytes())
        except OSError as error:
            raise PlanFileError(
                f"There is no plan {file.name}.", why=error.strerror or "", remedy="Check the path."
            ) from error
        except (ValueError, RecursionError) as error:
            raise PlanFileError(f"{file.name} is not JSON.", why=str(error)[:200], remedy=_PLANS) from error
        plan = cls.of(data, file.name)
        if re.fullmatch(r"plan-[0-9a-f]{12}", file.stem) and file.stem != plan.name:
            raise PlanFileError(
                f"{file.name} holds another plan, {plan.name}.",
                why="A plan's file is named by the hash of its text.",
                remedy="Review the plan that is in it, or make the plan anew.",
            )
        return plan

    @classmethod
    def of(cls, data: Any, name: str = "The plan") -> Plan:
        """A plan from its JSON data, `plan_id` included.

        Raises:
            PlanFileError: no plan, or edited since it was made.
        """
        said = data.get("plan_id") if isinstance(data, dict) else None
        body = {key: value for key, value in data.items() if key != "plan_id"} if said is not None else data
        try:
            plan = cls.model_validate(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise PlanFileError(
                f"{name} is no plan.", why=": ".join(filter(None, (where, first["msg"]))), remedy=_PLANS
            ) from error
        plan.__dict__["body"] = body  # as it was written: a later version of the kit may know more members
        if plan.id != said:
            raise PlanFileError(
                f"{name} was edited after it was made.",
                why="Its text no longer gives the hash that names it.",
                remedy="Make the plan anew; a plan is changed by changing the spec.",
            )
        return plan


def find_plan(place: Path | str) -> Path:
    """A plan's file by its path, or the newest of those in a folder.

    Raises:
        PlanFileError: there is none.
    """
    path = Path(place)
    if not path.is_dir():
        return path
    found = [(_made(file), file.stat().st_mtime, file) for file in path.glob("plan-*.json")]
    if not found:
        raise PlanFileError(
            f"There is no plan in {path.name}.", remedy="Plan first, or name the folder it was written to."
        )
    return max(found)[2]


def _made(file: Path) -> str:
    """When a file says that its plan was made; empty where it says nothing. `Plan.load` judges the one chosen."""
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ""
    return str(data.get("made", "")) if isinstance(data, dict) else ""
