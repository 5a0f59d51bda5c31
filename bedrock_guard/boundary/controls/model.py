"""What a control is: facts for people, and the deny rules it asks for in a given scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.spec import ModelChoice, Profile, SpecException

Reach = Literal["principal", "account"]
Exempt = Literal["administrators", "responders"]
Conditions = Mapping[str, Mapping[str, tuple[str, ...]]]

INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
BATCH = "bedrock:CreateModelInvocationJob"
EVERYTHING = ("*",)


@dataclass(frozen=True, slots=True)
class Rule:
    """One deny: these actions on these resources (or on all but `not_resources`) when every condition holds."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = EVERYTHING
    not_resources: tuple[str, ...] = ()
    conditions: Conditions = field(default_factory=dict, hash=False)

    def when(self, operator: str, key: str, values: Iterable[str]) -> Rule:
        """The rule under one more condition; a key that the operator already tests gains the values.

        Only for negated operators may values be added so: NOT in A and NOT in B is NOT in A or B.
        """
        tested = dict(self.conditions.get(operator, {}))
        tested[key] = tuple(sorted({*tested.get(key, ()), *values}))
        return replace(self, conditions={**self.conditions, operator: tested})


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom the rules are made: a profile, the models it may call, and the kind of document."""

    profile: Profile
    catalogue: Catalogue
    account_wide: bool = False
    model_exceptions: tuple[SpecException, ...] = ()
    batch_exceptions: tuple[SpecException, ...] = ()
    """Those that lift `batch_inference`."""
    other_prefixes: tuple[str, ...] = ()
    """How the documents of the spec's other profiles in these accounts begin."""

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov` or `aws-cn`."""
        return self.profile.partition

    @property
    def account(self) -> str:
        """The account in ARNs: the one there is; `*` in an SCP or for several accounts."""
        single = len(self.profile.accounts) == 1 and not self.account_wide
        return self.profile.accounts[0] if single else "*"

    @property
    def longest_list(self) -> int:
        """The characters of ARNs that one statement of a document can hold, leaving some for the statement itself."""
        return 9_600 if self.account_wide else 5_700

    def arn(self, service: str, region: str, resource: str, account: str | None = None) -> str:
        """An ARN of the profile's partition."""
        owner = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{region}:{owner}:{resource}"

    def model_arn(self, region: str, model_id: str) -> str:
        """A foundation model's ARN; it has no account."""
        return self.arn("bedrock", region, f"foundation-model/{model_id}", "")

    @property
    def choices(self) -> tuple[ModelChoice, ...]:
        """The approved models, those approved for a time included."""
        return (*self.profile.models, *(e.model for e in self.model_exceptions if e.model))


@dataclass(frozen=True, slots=True)
class Accepted:
    """Why what a lint rule finds in a control's statements is meant. It explains the finding and hides nothing.

    `place` is the condition key or the element that the rule finds fault with; `value` a pattern of the values meant.
    """

    rule: str
    place: str
    why: str
    value: str = "*"


@dataclass(frozen=True, slots=True)
class Control:
    """One control: its switch in the spec is its `id`.

    `word` stands in the Sid of every statement that carries it. `reach` is `account` when a boundary on the caller
    is not enough. `exempt` names principals that its SCP lets through. `accepted` explains what lint says of its
    statements.
    """

    id: str
    word: str
    family: str
    title: str
    why: str
    stops: str
    leaves: str
    source: tuple[str, ...]
    rules: Callable[[Scope], tuple[Rule, ...]]
    reach: Reach = "principal"
    reach_why: str = ""
    exempt: Exempt | None = None
    first: bool = False
    accepted: tuple[Accepted, ...] = ()

    def value(self, profile: Profile) -> Any:
        """The control's setting in a profile."""
        return getattr(profile.controls, self.id)

    def on(self, profile: Profile) -> bool:
        """Whether the profile asks for it."""
        return self.value(profile) is not False


def plain(*actions: str) -> Callable[[Scope], tuple[Rule, ...]]:
    """The rules of a control that denies actions on every resource and nothing else."""
    rule = Rule(tuple(sorted(actions)))
    return lambda _: (rule,)


def prefixed(prefix: str, *verbs: str) -> tuple[str, ...]:
    """Action patterns of one service."""
    return tuple(f"{prefix}:{verb}" for verb in verbs)
