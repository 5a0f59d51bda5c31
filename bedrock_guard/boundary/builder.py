"""From a spec to documents: one permissions boundary, deny policies beside it, SCPs above it, each within its quota."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.controls import CONTROLS, Control, Rule, Scope, title_of, titles
from bedrock_guard.boundary.controls.lifting import PRINCIPAL, lifted
from bedrock_guard.boundary.packing import (
    LIMIT,
    QUOTA,
    Filled,
    Item,
    Kind,
    Packed,
    fill,
    hopeless,
    minified,
    room_for,
)
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice, Profile, SpecException
from bedrock_guard.errors import GuardError

_FOLLOWING = (
    "a role that is made under the boundary carries no identity-based policy of the spec: here it holds for the "
    "bounded paths"
)

_CDK_PARTS = ("deploy", "cfn-exec", "file-publishing", "image-publishing", "lookup")


class BuildError(GuardError):
    """The controls do not fit. `sizes` holds the characters each control needs by itself."""

    def __init__(
        self, what: str, *, why: str = "", remedy: str = "", sizes: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.sizes = dict(sizes or {})


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a control stands and why there."""

    control: str
    document: str
    why: str


@dataclass(frozen=True, slots=True)
class Size:
    """A document's characters and what it may have."""

    document: str
    characters: int
    quota: int


@dataclass(frozen=True, eq=False)
class Built:
    """The documents of one profile, and how they came about.

    `boundary` is None when the profile asks for none. `findings` are sentences about expired exceptions and the like.
    """

    name: str
    profile: Profile
    packed: tuple[Packed, ...]
    placement: tuple[Placed, ...]
    findings: tuple[str, ...]
    on: date

    @property
    def boundary(self) -> dict[str, Any] | None:
        """The boundary's document."""
        return next((packed.document for packed in self.packed if packed.kind == "boundary"), None)

    @property
    def denies(self) -> tuple[dict[str, Any], ...]:
        """The deny policies to attach beside the boundary."""
        return tuple(packed.document for packed in self.packed if packed.kind == "deny")

    @property
    def scps(self) -> tuple[dict[str, Any], ...]:
        """The service control policies. They grant nothing: keep FullAWSAccess attached beside them."""
        return tuple(packed.document for packed in self.packed if packed.kind == "scp")

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Each document's size against its quota."""
        return tuple(Size(packed.name, packed.size, packed.quota) for packed in self.packed)

    @property
    def texts(self) -> dict[str, str]:
        """Each document's minified text by name: what is sent to AWS, and the same bytes for the same spec."""
        return {packed.name: minified(packed.document) for packed in self.packed}

    def controls_of(self, document: str, sid: str) -> tuple[str, ...]:
        """The ids of the controls in one statement; empty when there is no such statement."""
        return next((packed.controls.get(sid, ()) for packed in self.packed if packed.name == document), ())


def build(
    spec: BoundarySpec,
    catalogue: Catalogue | None = None,
    *,
    profile: str | None = None,
    on: date | None = None,
) -> Built:
    """Make the documents of a profile. `on` is the day for which exceptions count, today (UTC) when absent.

    Raises:
        SpecError: no such profile.
        BuildError: the controls do not fit their documents; names them with their sizes.

    Example:
        >>> built = build(BoundarySpec.from_draft())
        >>> built.boundary["Statement"][0]["Sid"]
        'Ceiling'
    """
    name, chosen = spec.only(profile)
    day = on or datetime.now(UTC).date()
    known = catalogue or shipped()
    exceptions = [entry for entry in spec.exceptions if entry.profile == name]
    active = [entry for entry in exceptions if not entry.expired(day)]
    findings = tuple(_finding(entry) for entry in exceptions if entry.expired(day))
    packed, placement = _Plan(chosen, known, tuple(active), _other_prefixes(spec, name)).documents()
    return Built(
        name, chosen, packed, placement, (*findings, *_unfollowed(chosen, packed), *_unpassable(chosen)), day
    )


def _finding(entry: SpecException) -> str:
    what = title_of(entry.control or (entry.model.id if entry.model else ""))
    return f"The exception of {entry.owner} for {what} ended on {entry.until} and no longer applies: {entry.reason}"


def _unfollowed(profile: Profile, packed: Sequence[Packed]) -> list[str]:
    """What a role made under the boundary does not carry, where no SCP may say it for the bounded paths."""
    denied = _denied(packed)
    if not denied or "scp" in profile.documents or not isinstance(profile.controls.bounded_roles, tuple):
        return []
    named = titles(denied)
    what = f"these controls stand in identity-based policies, and so do not hold for it: {named}"
    remedy = "Let SCPs be made (documents), or let no role be made and assumed (bounded_roles = true)"
    return [f"A role that a bounded principal makes carries the boundary alone; {what}. {remedy}."]


def _unpassable(profile: Profile) -> list[str]:
    """The roles that usual tools pass or assume, where `bounded_roles` names none of them."""
    paths = profile.controls.bounded_roles
    if not isinstance(paths, tuple):
        return []
    place = f"{profile.accounts[0]}-{profile.regions[0]}"
    usual = {
        "CDK's bootstrap roles": tuple(f"cdk-hnb659fds-{part}-role-{place}" for part in _CDK_PARTS),
        "the ECS task execution role": ("ecsTaskExecutionRole",),
        "roles that consoles make for services": ("service-role/*",),
    }
    lacking = {who: n for who, n in usual.items() if not any(fnmatchcase(n[0], path) for path in paths)}
    if not lacking:
        return []
    named = "; ".join(f"{who} ({', '.join(roles)})" for who, roles in lacking.items())
    what = f"bounded_roles names none of these, so passing and assuming them is refused: {named}"
    remedy = "Add those in use, for each account and region or by how their names begin (NAME-*)"
    return [f"{what}. {remedy}, once they carry the boundary."]


def _other_prefixes(spec: BoundarySpec, name: str) -> tuple[str, ...]:
    """Prefixes of other teams' documents in the same accounts: theirs are not to be edited either."""
    accounts = set(spec.profile[name].accounts)
    others = (other for key, other in spec.profile.items() if key != name and accounts & set(other.accounts))
    return tuple(sorted({other.policy_prefix for other in others}))


def _denied(packed: Iterable[Packed]) -> set[str]:
    """The controls of which a part stands in a deny policy."""
    owners = (ids for one in packed if one.kind == "deny" for ids in one.controls.values())
    return {control for ids in owners for control in ids}


@dataclass(frozen=True)
class _Plan:
    profile: Profile
    catalogue: Catalogue
    exceptions: tuple[SpecException, ...]
    other_prefixes: tuple[str, ...] = ()

    def items(self, *, account_wide: bool, controls: Iterable[Control] = CONTROLS) -> list[Item]:
        models = tuple(entry for entry in self.exceptions if entry.model)
        batch = tuple(entry for entry in self.exceptions if entry.control == "batch_inference")
        scope = Scope(
            self.profile,
            self.catalogue,
            account_wide=account_wide,
            model_exceptions=models,
            batch_exceptions=batch,
            other_prefixes=self.other_prefixes,
        )
        found = []
        for control in controls:
            if not control.on(self.profile):
                continue
            own = [entry for entry in self.exceptions if entry.control == control.id]
            rules = [rule for base in control.rules(scope) for rule in lifted(base, own)]
            if account_wide:
                rules = [self._exempt(control, rule) for rule in rules]
            if rules:
                found.append(Item.of(control, rules))
        return found

    def _exempt(self, control: Control, rule: Rule) -> Rule:
        exempt = set(self.profile.break_glass)
        if control.exempt:
            exempt.update(getattr(self.profile, control.exempt))
        return rule.when("ArnNotEquals", PRINCIPAL, exempt) if exempt else rule

    def documents(self) -> tuple[tuple[Packed, ...], tuple[Placed, ...]]:
        kinds = self.profile.documents
        beside: list[Kind] = [kind for kind in ("boundary", "deny") if kind in kinds]
        mine = self.items(account_wide=False) if beside else []
        moved, below = self._fit(mine, beside)
        self._refuse(below, [item for item in mine if item.control.id not in moved], beside)
        if "scp" not in kinds:
            return below.documents, _placements(below.documents, {}, self.profile)
        following = self._following(_denied(below.documents) - moved.keys())
        shared = [*self._for_scp(moved), *following]
        over = fill(shared, ["scp"], self.profile.policy_prefix)
        self._refuse(over, shared, ["scp"])
        documents = (*below.documents, *over.documents)
        reasons = {**moved, **dict.fromkeys((item.control.id for item in following), _FOLLOWING)}
        return documents, _placements(documents, reasons, self.profile)

    def _for_scp(self, moved: Container[str]) -> list[Item]:
        return self.items(account_wide=True, controls=[c for c in CONTROLS if self._wide(c) or c.id in moved])

    def _wide(self, control: Control) -> bool:
        """Whether an SCP holds the control for the whole account."""
        every = self.profile.scp_holds == "everything" or not {"boundary", "deny"} & {*self.profile.documents}
        return control.reach == "account" or every

    def _fit(self, mine: list[Item], beside: list[Kind]) -> tuple[dict[str, str], Filled]:
        """The principal's documents, and which controls had to leave them for an SCP and why."""
        prefix = self.profile.policy_prefix
        below = fill(mine, beside, prefix)
        if not below.left or "scp" not in self.profile.documents:
            return {}, below
        long = [item for item in mine if not room_for(item, beside[0])]
        alone = {item.control.id for item in long if fill([item], beside, prefix).left}
        moved = dict.fromkeys(alone, "it is too long for any managed policy")
        for item in sorted(mine, key=_spare):
            kept = [other for other in mine if other.control.id not in moved]
            if not hopeless(kept, beside):
                below = fill(kept, beside, prefix)
                if not below.left:
                    break
            moved.setdefault(
                item.control.id, "no room was left in the boundary and the identity-based policies"
            )
        return moved, below

    def _following(self, denied: Container[str]) -> list[Item]:
        """The controls of deny policies for roles of the bounded paths: a role made there carries the boundary only."""
        paths = self.profile.controls.bounded_roles
        if not isinstance(paths, tuple):
            return []
        partition, accounts = self.profile.partition, self.profile.accounts
        roles = [f"arn:{partition}:iam::{account}:role/{path}" for path in paths for account in accounts]
        wanted = [c for c in CONTROLS if c.id in denied and not self._wide(c)]
        items = self.items(account_wide=True, controls=wanted)
        return [
            Item.of(item.control, [piece.rule.when("ArnLike", PRINCIPAL, roles) for piece in item.pieces])
            for item in items
        ]

    def _refuse(self, filled: Filled, items: Sequence[Item], kinds: Sequence[Kind]) -> None:
        if not filled.left:
            return
        sizes = {item.control.id: item.weight for item in items}
        rooms = " + ".join(f"{LIMIT[kind]} {kind} of {QUOTA[kind]:,}" for kind in kinds)
        listed = "; ".join(
            f"{title_of(name)} {sizes[name]:,}" for name in sorted(sizes, key=lambda n: (-sizes[n], n))
        )
        left = "; ".join(f"{title_of(item.control.id)} ({sizes[item.control.id]:,})" for item in filled.left)
        raise BuildError(
            f"The controls do not fit: {left} found no room.",
            why=f"Characters there are: {rooms}. Characters needed: {listed}.",
            remedy="Approve fewer models or regions, switch a control off, or allow more kinds in `documents`. "
            "The list of approved models is split by region where it is long; that of one region is not.",
            sizes=sizes,
        )


def _placements(
    documents: Sequence[Packed], moved: Mapping[str, str], profile: Profile
) -> tuple[Placed, ...]:
    return tuple(
        Placed(control.id, packed.name, _why(control, packed, moved, profile))
        for control in CONTROLS
        for packed in documents
        if any(control.id in owners for owners in packed.controls.values())
    )


def _spare(item: Item) -> tuple[bool, bool, int]:
    """Which control leaves the principal's documents first: what an SCP holds anyway, then the large ones."""
    return item.control.first, item.control.reach != "account", -item.weight


def _why(control: Control, packed: Packed, moved: Mapping[str, str], profile: Profile) -> str:
    if packed.kind == "boundary":
        return "it binds the principal itself"
    if packed.kind == "deny":
        return (
            "it binds the principal, and the boundary was full"
            if "boundary" in profile.documents
            else "as asked"
        )
    if control.id in moved:
        return moved[control.id]
    if control.reach == "account":
        return f"a boundary on one principal cannot reach it: {control.reach_why}"
    return "the spec asks for every control in SCPs" if "boundary" in profile.documents else "as asked"


@dataclass(frozen=True, slots=True)
class Room:
    """How long the approved list may get without an SCP: `models` fit, `next_model` no longer does (None: all fit)."""

    models: int
    next_model: str | None


def room(spec: BoundarySpec, catalogue: Catalogue | None = None, *, profile: str | None = None) -> Room:
    """The largest approved list that still fits the boundary and its deny policies.

    Counted over the approved models first, then the catalogue's others by every route but the global one from the
    profile's regions, in the catalogue's order.
    """
    known = catalogue or shipped()
    name, chosen = spec.only(profile)
    candidates = [*chosen.models, *_others(chosen, known)]
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(spec, name, chosen, candidates[:middle], known):
            low = middle
        else:
            high = middle - 1
    return Room(low, candidates[low].id if low < len(candidates) else None)


def _others(profile: Profile, catalogue: Catalogue) -> list[ModelChoice]:
    taken = {choice.id for choice in profile.models}
    found = []
    for model in catalogue.models:
        scopes = {
            p.scope
            for p in model.profiles
            if p.scope != "global" and set(profile.regions) & set(p.destinations)
        }
        direct = {"in-region"} if set(profile.regions) & set(model.in_region) else set()
        routes = tuple(sorted(scopes | direct))
        if routes and model.model_id not in taken:
            found.append(ModelChoice(id=model.model_id, routes=routes))
    return found


def _fits(
    spec: BoundarySpec, name: str, profile: Profile, models: Sequence[ModelChoice], catalogue: Catalogue
) -> bool:
    kinds = tuple(kind for kind in profile.documents if kind != "scp") or ("boundary",)
    changed = profile.model_copy(
        update={"models": tuple(models), "approve_nothing": not models, "documents": kinds}
    )
    try:
        build(spec.model_copy(update={"profile": {name: changed}}), catalogue)
    except BuildError:
        return False
    return True
