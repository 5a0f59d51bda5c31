"""Moves that must be refused and work that must go on, as calls made for a profile.

A scenario speaks of "an approved model", "another model", "the guardrail": `Setting` chooses them for a profile, so
that the same scenarios test every spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal

from bedrock_guard.boundary.calls import Call, KeyKind, Value
from bedrock_guard.boundary.catalogue import Catalogue, Model
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice, Profile

Closable = Literal["closed", "partly", "not by IAM"]

_BIG_TYPE = "p5.48xlarge"


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a move. `controls` stop it: the first is the one meant, the others stop it as well.

    `bounded` is False for an actor who need not carry the boundary, "new" for a role made under it.
    """

    call: Call
    controls: tuple[str, ...]
    bounded: bool | Literal["new"] = True


@dataclass(frozen=True, slots=True)
class Bypass:
    """One move of an insider; stopped when each of its steps is refused.

    `closable` says what IAM can do, `rest` what stays open, `instead` which service closes that. One with `widely` is
    closed where SCPs hold every control, for every role of the account, and only partly elsewhere.
    """

    number: int
    title: str
    steps: tuple[Step, ...]
    closable: Closable = "closed"
    rest: str = ""
    instead: str = ""
    widely: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of normal work that must go on."""

    title: str
    call: Call
    bounded: bool = True


@dataclass(frozen=True)
class Setting:
    """A profile's own values for the parts of a scenario.

    `facts` and principals use made-up names in the profile's first account.
    """

    profile: Profile
    catalogue: Catalogue
    regions: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", self.profile.regions)

    @property
    def account(self) -> str:
        """The account of every scenario."""
        return self.profile.accounts[0]

    @property
    def region(self) -> str:
        """The home region of the scenarios."""
        return self.profile.regions[0]

    def iam(self, resource: str, account: str | None = None) -> str:
        """An IAM ARN."""
        return f"arn:{self.profile.partition}:iam::{account or self.account}:{resource}"

    @property
    def developer(self) -> str:
        """The bounded insider."""
        return self.profile.targets[0] if self.profile.targets else self.iam("role/bounded/developer")

    @property
    def bounded_role(self) -> str:
        """A role that may be passed and assumed."""
        return self.iam(self._bounded("worker"))

    def new_bounded_role(self, name: str) -> dict[str, Value]:
        """`RoleName` and `Path` of a role that may be passed; `name` where the spec leaves it open."""
        path, _, last = self._bounded(name).removeprefix("role").rpartition("/")
        return {"RoleName": last, "Path": f"{path}/"}

    def _bounded(self, name: str) -> str:
        paths = self.profile.controls.bounded_roles
        path = paths[0] if isinstance(paths, tuple) else "bounded/*"
        return f"role/{path.replace('*', name)}"

    @property
    def loose_role(self) -> str:
        """A role outside the bounded paths, whatever names begin alike."""
        paths = self.profile.controls.bounded_roles
        named = paths if isinstance(paths, tuple) else ()
        free = (name for name in ("llm-proxy", "other/proxy") if not any(fnmatchcase(name, p) for p in named))
        return self.iam(f"role/{next(free, 'unnamed-proxy')}")

    @property
    def guardrail(self) -> str | None:
        """The guardrail the profile requires in the home region."""
        return self.guardrail_of(self.region)

    def guardrail_of(self, region: str) -> str | None:
        """The required guardrail of a region: the first of all where none is of that region."""
        required = self.profile.controls.guardrail_required
        named = (required,) if isinstance(required, str) else required or ()
        here = (arn for arn in named if arn.split(":")[3] == region)
        return next(here, next(iter(named), None))

    @property
    def small_type(self) -> str:
        """An EC2 type that may start."""
        allowed = self.profile.controls.instance_types
        return allowed[0].replace("*", "micro") if isinstance(allowed, tuple) else "t3.micro"

    @property
    def big_type(self) -> str:
        """An EC2 type that may not."""
        return _BIG_TYPE

    @property
    def boundary(self) -> str:
        """The boundary's ARN."""
        return self.profile.boundary_arns[0]

    @cached_property
    def approved(self) -> str:
        """A `modelId` that may be called from the home region; a made-up one where nothing is approved."""
        ways = [way for way in approved_ways(self.profile, self.catalogue) if way.region == self.region]
        talking = [way for way in ways if not way.embeds]
        return (talking or ways)[0].model_id if ways else "amazon.nothing-is-approved-v1:0"

    @cached_property
    def other_model(self) -> Model:
        """A model that is not approved; one with a geographic profile in the home region where there is one."""
        taken = {choice.id for choice in self.profile.models}
        stems = tuple(choice.id.removesuffix("*") for choice in self.profile.models if choice.family)
        left = [
            model
            for model in self.catalogue.models
            if model.model_id not in taken and not (stems and model.model_id.startswith(stems))
        ]
        near = [model for model in left if self._profile_of(model)]
        return next((model for model in near if "opus" in model.model_id), (near or left)[0])

    @cached_property
    def not_worldwide(self) -> str:
        """The global profile of a model approved by other routes; the other model's where there is none."""
        for choice in self.profile.models:
            model = self.catalogue.get(choice.id)
            if model and model.profile("global") and "global" not in choice.routes:
                return f"global.{choice.id}"
        return f"global.{self.other_model.model_id}"

    def _profile_of(self, model: Model) -> str | None:
        found = (
            p.profile_id for p in model.profiles if self.region in p.destinations and p.scope != "global"
        )
        return next(found, None)

    @cached_property
    def other(self) -> str:
        """The other model's profile id from the home region, its own id where it has none there."""
        return self._profile_of(self.other_model) or self.other_model.model_id

    def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        region: str | None = None,
        principal: str | None = None,
        key_kind: KeyKind = "none",
        facts: Mapping[str, Value | None] | None = None,
    ) -> Call:
        """A call by the developer in the home region, unless said otherwise."""
        return Call(
            service,
            operation,
            parameters or {},
            region=region or self.region,
            account=self.account,
            principal=principal or self.developer,
            key_kind=key_kind,
            facts=facts or {},
        )

    def converse(self, model: str, operation: str = "Converse", **options: Any) -> Call:
        """A guarded call of a model; `parameters` are added to it."""
        guarded = self.guarded(operation, options.get("region"))
        parameters = {"modelId": model, **guarded, **options.pop("parameters", {})}
        return self.call("bedrock-runtime", operation, parameters, **options)

    def guarded(self, operation: str = "Converse", region: str | None = None) -> dict[str, Any]:
        """The parameters that name the region's required guardrail in its version 1; none where none is required."""
        guardrail = self.guardrail_of(region or self.region)
        if not guardrail:
            return {}
        named = {"guardrailIdentifier": guardrail, "guardrailVersion": "1"}
        return {"guardrailConfig": named} if operation.startswith("Converse") else named


@dataclass(frozen=True, slots=True)
class Way:
    """One approved way: a `modelId` that may be called from a region."""

    model_id: str
    region: str
    route: str
    embeds: bool


def approved_ways(profile: Profile, catalogue: Catalogue) -> list[Way]:
    """Every approved model by every approved route from every approved region, as the catalogue offers them."""
    ways = []
    for choice in profile.models:
        model = catalogue.get(choice.id)
        if choice.family or model is None:
            continue
        for region in choice.regions or profile.regions:
            ways += _ways(choice, model, region)
    return ways


def _ways(choice: ModelChoice, model: Model, region: str) -> list[Way]:
    embeds = "EMBEDDING" in model.output_modalities
    found = []
    if "in-region" in choice.routes and region in model.in_region:
        found.append(Way(model.model_id, region, "in-region", embeds))
    for profile in model.profiles:
        asked = profile.scope in choice.routes or ("geo" in choice.routes and profile.scope != "global")
        if asked and region in profile.destinations:
            found.append(Way(profile.profile_id, region, profile.scope, embeds))
    return found


def full_spec(account: str = "111122223333", *, worldwide: bool = False) -> BoundarySpec:
    """A spec with every control on and some work allowed: the one on which the scorecard must hold.

    `worldwide` approves one model for the global route too.
    """
    routes = '["us", "global"]' if worldwide else '["us"]'
    text = f"""
version = 1
[profile.full]
accounts = ["{account}"]
regions = ["us-east-1", "us-west-2"]
break_glass = ["arn:aws:iam::{account}:role/break-glass"]
administrators = ["arn:aws:iam::{account}:role/platform-admin"]
responders = ["arn:aws:iam::{account}:role/incident-responder"]
[[profile.full.model]]
id = "anthropic.claude-haiku-4-5-20251001-v1:0"
routes = {routes}
[[profile.full.model]]
id = "amazon.nova-lite-v1:0"
routes = ["in-region", "us"]
[[profile.full.model]]
id = "amazon.titan-embed-text-v2:0"
routes = ["in-region"]
[profile.full.controls]
guardrail_required = [
  "arn:aws:bedrock:us-east-1:{account}:guardrail/gr0example",
  "arn:aws:bedrock:us-west-2:{account}:guardrail/gr1example",
]
privileged_functions = ["arn:aws:lambda:*:{account}:function:admin-*"]
bounded_roles = ["bounded/*"]
instance_types = ["t3.micro", "t3.small", "t3.medium", "m7i.large"]
"""
    return BoundarySpec.loads(text)
