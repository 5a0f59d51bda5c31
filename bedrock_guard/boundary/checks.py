"""What a spec must hold beyond its shape: accounts, partitions, models the catalogue offers, principals.

The first fault is raised, with its key and line. Nothing is repaired silently; what an id given in another form became
is said in `BoundarySpec.notes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

from bedrock_guard.boundary import names
from bedrock_guard.boundary.catalogue import Catalogue, Model, Resolved
from bedrock_guard.boundary.locate import line_of
from bedrock_guard.boundary.spec import (
    MAX_MODELS,
    SCOPES,
    BoundarySpec,
    Controls,
    ModelChoice,
    Names,
    Profile,
    SpecError,
    SpecException,
)

_Path = tuple[str | int, ...]
_Spec = TypeVar("_Spec", bound=BoundarySpec)
_SESSION = "It is a session. The condition keys know sessions by the ARN of their role: name the role, with its path."
_UNREAD = " What it takes and gives is not known, so `modalities` cannot hold it back."


@dataclass(frozen=True)
class _Reader:
    """The text for line numbers, the catalogue, and the notes taken on the way."""

    text: str
    catalogue: Catalogue
    notes: list[str] = field(default_factory=list)

    def fault(self, path: _Path, what: str, why: str = "", remedy: str = "") -> SpecError:
        key = ".".join(str(step) for step in path)
        return SpecError(what, why=why, remedy=remedy, key=key, line=line_of(self.text, path))


def checked(spec: _Spec, catalogue: Catalogue, text: str = "") -> _Spec:
    """The spec with its model ids normalised.

    Raises:
        SpecError: the first fault found.
    """
    reader = _Reader(text, catalogue)
    profiles = {name: _profile(reader, ("profile", name), profile) for name, profile in spec.profile.items()}
    exceptions = tuple(
        _exception(reader, ("exception", index), entry, profiles)
        for index, entry in enumerate(spec.exceptions)
    )
    _distinct(reader, profiles)
    notes = (*spec.notes, *reader.notes)
    return spec.model_copy(update={"profile": profiles, "exceptions": exceptions, "notes": notes})


def _distinct(reader: _Reader, profiles: Mapping[str, Profile]) -> None:
    """Two profiles of one account must not write the same policies, nor bind the same principals."""
    for (first, one), (second, other) in combinations(profiles.items(), 2):
        shared = sorted(set(one.accounts) & set(other.accounts))
        if shared and one.policy_prefix == other.policy_prefix:
            raise reader.fault(
                ("profile", second, "policy_prefix"),
                f"{first} and {second} would both write {other.boundary_name} in account {shared[0]}.",
                remedy="Give each profile a policy_prefix of its own.",
            )
        both = sorted(set(one.targets) & set(other.targets))
        if both:
            raise reader.fault(
                ("profile", second, "targets"),
                f"{both[0]} is a target of {first} already.",
                "A principal has one permissions boundary.",
            )


def _profile(reader: _Reader, path: _Path, profile: Profile) -> Profile:
    _accounts(reader, path, profile)
    _regions(reader, (*path, "regions"), profile.regions, profile.partition)
    if not profile.documents:
        raise reader.fault(
            (*path, "documents"), "No kind of document is asked for.", remedy='Use ["boundary"].'
        )
    if not names.is_policy_name(profile.policy_prefix):
        raise reader.fault((*path, "policy_prefix"), f"{profile.policy_prefix!r} cannot begin a policy name.")
    for name in ("targets", "break_glass", "administrators", "responders"):
        _principals(reader, (*path, name), getattr(profile, name), profile)
    for index, arn in enumerate(profile.targets):
        if arn.endswith(":root"):
            raise reader.fault((*path, "targets", index), "The root user can carry no boundary.")
    if profile.alert_email is not None and not names.is_email(profile.alert_email):
        why = names.foreign(profile.alert_email)
        raise reader.fault((*path, "alert_email"), f"{profile.alert_email!r} is no e-mail address.", why)
    _budgets(reader, path, profile)
    _key_services(reader, (*path, "key_services"), profile)
    _controls(reader, (*path, "controls"), profile)
    models = _models(reader, path, profile)
    _mantle(reader, path, profile)
    return profile.model_copy(update={"models": models})


def _budgets(reader: _Reader, path: _Path, profile: Profile) -> None:
    capped = [index for index, choice in enumerate(profile.models) if choice.monthly_usd]
    if not capped:
        return
    if profile.partition == "aws-us-gov":
        raise reader.fault(
            (*path, "model", capped[0], "monthly_usd"),
            "AWS Budgets does not exist in GovCloud.",
            remedy="Set the budget in the standard account that pays for this one.",
        )
    if not profile.alert_email:
        raise reader.fault(
            (*path, "alert_email"), "A budget needs someone who hears of it.", remedy="Set alert_email."
        )


def _key_services(reader: _Reader, path: _Path, profile: Profile) -> None:
    _each(reader, path, profile.key_services, names.is_service, "a service principal")
    if profile.controls.api_key_creation is False and profile.controls.api_key_reactivation is False:
        return
    for index, service in enumerate(profile.key_services):
        if service.partition(".")[0] in ("bedrock", "aws-external-anthropic"):
            raise reader.fault(
                (*path, index),
                f"{service} is a model service: its keys are what api_key_creation is about.",
                remedy="Drop it here, or give api_key_creation the highest age in days.",
            )


def _accounts(reader: _Reader, path: _Path, profile: Profile) -> None:
    if not profile.accounts:
        raise reader.fault((*path, "accounts"), "No account is named.")
    for index, account in enumerate(profile.accounts):
        if not names.is_account(account):
            why = names.foreign(account) or f"it has {len(account)} characters; a leading zero may be lost"
            remedy = 'Write it in quotes: "111122223333".'
            raise reader.fault((*path, "accounts", index), f"{account!r} is no account id.", why, remedy)
    _unique(reader, (*path, "accounts"), profile.accounts)


def _regions(reader: _Reader, path: _Path, regions: Sequence[str], partition: str) -> None:
    if not regions:
        raise reader.fault(
            path, "No region is named.", remedy="Name the regions from which Bedrock may be called."
        )
    for index, region in enumerate(regions):
        if not names.is_region(region):
            why = names.foreign(region) or names.syntax(region)
            raise reader.fault((*path, index), f"{region!r} is no region code.", why)
        if names.partition_of(region) != partition:
            why = f"{region} is in partition {names.partition_of(region)}, the profile says {partition}."
            raise reader.fault((*path, index), f"{region} is in another partition.", why)
    _unique(reader, path, regions)


def _principals(reader: _Reader, path: _Path, arns: Sequence[str], profile: Profile) -> None:
    for index, arn in enumerate(arns):
        found = names.principal(arn)
        if not found:
            why = (
                names.foreign(arn)
                or names.syntax(arn)
                or (_SESSION if ":assumed-role/" in arn else "")
                or "It is not arn:PARTITION:iam::ACCOUNT:user/... or role/..."
            )
            raise reader.fault((*path, index), f"{arn!r} is no exact principal ARN.", why)
        _own(reader, (*path, index), arn, found["partition"], found["account"], profile)
    _unique(reader, path, arns)


def _own(reader: _Reader, path: _Path, arn: str, partition: str, account: str, profile: Profile) -> None:
    if partition != profile.partition:
        raise reader.fault(path, f"{arn} is in another partition.", f"The profile says {profile.partition}.")
    if account not in profile.accounts:
        raise reader.fault(
            path, f"{arn} is in another account.", f"The profile has {', '.join(profile.accounts)}."
        )


def _controls(reader: _Reader, path: _Path, profile: Profile) -> None:
    controls = profile.controls
    if controls.service_tiers == ():
        remedy = "Name the tiers that stay allowed, or use true."
        raise reader.fault((*path, "service_tiers"), "The list is empty.", remedy=remedy)
    _guardrails(reader, (*path, "guardrail_required"), profile)
    if isinstance(controls.privileged_functions, tuple):
        for index, arn in enumerate(controls.privileged_functions):
            function = names.function(arn)
            here = (*path, "privileged_functions", index)
            if not function:
                raise reader.fault(here, f"{arn!r} is no Lambda function ARN.", names.foreign(arn))
            _own(reader, here, arn, function["partition"], function["account"], profile)
    _listed(reader, (*path, "bounded_roles"), controls.bounded_roles, names.is_role_path, "a role path")
    _listed(
        reader,
        (*path, "instance_types"),
        controls.instance_types,
        names.is_instance_type,
        "an EC2 instance type",
    )


def _guardrails(reader: _Reader, path: _Path, profile: Profile) -> None:
    """Guardrails of regions from which models are called: a call can name one of its own region only."""
    required = profile.controls.guardrail_required
    if required is False:
        return
    listed = required if isinstance(required, tuple) else (required,)
    if not listed:
        raise reader.fault(path, "The list is empty.", remedy="Use false to switch it off.")
    _unique(reader, path, listed)
    served = {_guardrail_region(reader, path, index, arn, profile) for index, arn in enumerate(listed)}
    without = sorted(_sources_of(profile) - served)
    if without:
        reader.notes.append(
            f"{'.'.join(map(str, path))}: no guardrail of {', '.join(without)} is named, and a guardrail serves its "
            "own region, so calls from there are refused (embedding models excepted)."
        )


def _guardrail_region(reader: _Reader, path: _Path, index: int, arn: str, profile: Profile) -> str:
    here = (*path, index) if isinstance(profile.controls.guardrail_required, tuple) else path
    found = names.guardrail(arn)
    if not found:
        remedy = "Give the guardrail's ARN without a version."
        raise reader.fault(here, f"{arn!r} is no guardrail ARN.", remedy=remedy)
    if found["partition"] != profile.partition:
        raise reader.fault(here, "The guardrail is in another partition.")
    if found["region"] not in _sources_of(profile):
        why = "A guardrail serves calls of its own region, so every call would be refused."
        raise reader.fault(here, f"No model is called from {found['region']}.", why)
    return found["region"]


def _sources_of(profile: Profile) -> set[str]:
    return {region for choice in profile.models for region in choice.regions or ()} | set(profile.regions)


def _listed(reader: _Reader, path: _Path, value: Names, good: Callable[[str], bool], kind: str) -> None:
    if isinstance(value, tuple):
        if not value:
            raise reader.fault(
                path, "The list is empty.", remedy="Use true to forbid all, false to switch it off."
            )
        _each(reader, path, value, good, kind)


def _each(
    reader: _Reader, path: _Path, values: Sequence[str], good: Callable[[str], bool], kind: str
) -> None:
    for index, value in enumerate(values):
        if not good(value):
            why = names.foreign(value) or names.syntax(value)
            raise reader.fault((*path, index), f"{value!r} is not {kind}.", why)
    _unique(reader, path, values)


def _unique(reader: _Reader, path: _Path, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise reader.fault((*path, index), f"{value!r} is named twice.")
        seen.add(value)


def _models(reader: _Reader, path: _Path, profile: Profile) -> tuple[ModelChoice, ...]:
    here = (*path, "model")
    if not profile.models and not profile.approve_nothing and profile.controls.approved_models:
        why = "An empty list would refuse every call to every model."
        raise reader.fault(
            here, "No model is approved.", why, "If that is meant, set approve_nothing = true."
        )
    if profile.models and profile.approve_nothing:
        raise reader.fault((*path, "approve_nothing"), "approve_nothing is true, yet models are approved.")
    if len(profile.models) > MAX_MODELS:
        raise reader.fault(
            here, f"{len(profile.models):,} models are listed; at most {MAX_MODELS:,}.", _too_many(profile)
        )
    chosen = tuple(
        choice_of(reader, (*here, index), choice, profile) for index, choice in enumerate(profile.models)
    )
    _unique(reader, here, [choice.id for choice in chosen])
    _apart(reader, here, chosen)
    return chosen


def _apart(reader: _Reader, path: _Path, chosen: Sequence[ModelChoice]) -> None:
    """A family and a model it admits would each refuse what the other's routes allow."""
    families = [choice for choice in chosen if choice.family]
    for index, choice in enumerate(chosen):
        for family in families:
            if choice is not family and choice.id.startswith(family.id.removesuffix("*")):
                raise reader.fault(
                    (*path, index, "id"),
                    f"{choice.id} is admitted by the family {family.id} already.",
                    remedy="Keep one of the two.",
                )


def _mantle(reader: _Reader, path: _Path, profile: Profile) -> None:
    """The flag of models and the control's value must agree."""
    flagged = [index for index, choice in enumerate(profile.models) if choice.mantle]
    if profile.controls.mantle == "approved" and not flagged:
        here = (*path, "controls", "mantle")
        raise reader.fault(
            here, "No model is marked mantle = true.", "Every call on bedrock-mantle would be refused."
        )
    if profile.controls.mantle is True and flagged:
        here = (*path, "model", flagged[0], "mantle")
        remedy = 'Set the control mantle to "approved".'
        raise reader.fault(here, "bedrock-mantle is forbidden to every model.", remedy=remedy)


def _too_many(profile: Profile) -> str:
    size = sum(len(choice.id) + 60 for choice in profile.models)
    return (
        f"Their ARNs alone take about {size:,} characters; a boundary holds 6,144 and an SCP 10,240, and the list of "
        "one region cannot be split over documents."
    )


def choice_of(reader: _Reader, path: _Path, choice: ModelChoice, profile: Profile) -> ModelChoice:
    """One approved model, normalised by the catalogue."""
    _id_text(reader, (*path, "id"), choice)
    _regions(reader, (*path, "regions"), choice.regions or profile.regions, profile.partition)
    if not choice.routes:
        raise reader.fault(
            (*path, "routes"), "No route is named.", remedy='Use "in-region", "us" or "global".'
        )
    _route_names(reader, path, choice)
    _unique(reader, (*path, "routes"), choice.routes)
    if choice.family:
        _family(reader, path, choice, profile)
        return choice
    found = reader.catalogue.resolve(choice.id)
    if found is None:
        return _unlisted(reader, path, choice, profile)
    choice = _normal(reader, path, choice, found)
    model = reader.catalogue.get(choice.id)
    if model:
        _offered(reader, path, choice, model, profile)
        _modalities(reader, path, model, profile)
    return choice


def _id_text(reader: _Reader, path: _Path, choice: ModelChoice) -> None:
    raw = choice.id
    stem = raw[:-1] if choice.family and raw.endswith("*") else raw
    why = names.foreign(stem) or names.syntax(stem)
    if raw.strip() in ("*", "") or set(raw) <= set("*?.:"):
        raise reader.fault(path, f"{raw!r} restricts nothing.", remedy="Name the models one by one.")
    if (
        why
        and raw.endswith("*")
        and not choice.family
        and not names.foreign(stem)
        and not names.syntax(raw[:-1])
    ):
        remedy = "Name each model with its date, or set family = true if models to come are meant as well."
        raise reader.fault(path, f"{raw!r} grows: it admits every model that begins so.", remedy=remedy)
    if why:
        raise reader.fault(path, f"{raw!r} is no model id.", f"{why[:1].upper()}{why[1:]}.")


def _route_names(reader: _Reader, path: _Path, choice: ModelChoice) -> None:
    known = ("in-region", "geo", "global", *SCOPES)
    for index, route in enumerate(choice.routes):
        if route not in known:
            raise reader.fault(
                (*path, "routes", index), f"{route!r} is no route.", remedy=f"Use: {', '.join(known)}."
            )


def _family(reader: _Reader, path: _Path, choice: ModelChoice, profile: Profile) -> None:
    stem = choice.id.removesuffix("*")
    if not choice.id.endswith("*"):
        raise reader.fault((*path, "id"), f"{choice.id!r} is flagged as a family but does not end in `*`.")
    provider, dot, rest = stem.partition(".")
    if not dot or not provider or len(rest) < 3:
        remedy = "Keep at least the provider and the model's name: anthropic.claude-haiku-4-5-*"
        raise reader.fault((*path, "id"), f"{choice.id!r} is too wide for a family.", remedy=remedy)
    if "geo" in choice.routes:
        raise reader.fault((*path, "routes"), "A family names its geographies: us, eu, ... instead of geo.")
    admitted = [model for model in reader.catalogue.models if model.model_id.startswith(stem)]
    for model in admitted:
        _modalities(reader, path, model, profile)
    shown = ", ".join(model.model_id for model in admitted) or "no model of the catalogue"
    unread = _UNREAD if profile.modalities else ""
    reader.notes.append(
        f"{choice.id} is a family: today {shown}, and every later model that begins so.{unread}"
    )


def _normal(reader: _Reader, path: _Path, choice: ModelChoice, found: Resolved) -> ModelChoice:
    """A profile id or an ARN becomes the base id, its route added where the spec named none."""
    if found.model_id == choice.id:
        return choice
    routes = choice.routes
    if found.profile_id:
        scope = found.profile_id.split(".", 1)[0]
        routes = (scope,) if routes == ("in-region",) else tuple(dict.fromkeys((*routes, scope)))
    changed = choice.model_copy(update={"id": found.model_id, "routes": routes})
    key = ".".join(str(step) for step in path)
    reader.notes.append(f"{key}: {choice.id} was read as {changed.id} by {', '.join(routes)}.")
    return changed


def _unlisted(reader: _Reader, path: _Path, choice: ModelChoice, profile: Profile) -> ModelChoice:
    if not choice.unlisted:
        near = reader.catalogue.near(choice.id.lower())
        remedy = f"Did you mean {', '.join(near)}? " if near else ""
        raise reader.fault(
            (*path, "id"),
            f"{choice.id!r} is not in the catalogue of {reader.catalogue.as_of}.",
            remedy=f"{remedy}If it is newer than the catalogue, set unlisted = true.",
        )
    if not names.is_model(choice.id):
        raise reader.fault((*path, "id"), f"{choice.id!r} has not the form of a model id.")
    if choice.id.split(".", 1)[0] in (*SCOPES, "global"):
        raise reader.fault(
            (*path, "id"), f"{choice.id!r} is a profile's id.", remedy="Give the base id and a route."
        )
    geographic = [route for route in choice.routes if route not in ("in-region", "global")]
    if geographic and not choice.destinations:
        remedy = "List the regions that GetInferenceProfile names, in destinations."
        raise reader.fault(
            (*path, "destinations"), "The destinations of an unlisted model are not known.", remedy=remedy
        )
    if profile.modalities:
        reader.notes.append(f"{choice.id} is not in the catalogue.{_UNREAD}")
    if choice.destinations:
        _regions(reader, (*path, "destinations"), choice.destinations, profile.partition)
    return choice


def _offered(reader: _Reader, path: _Path, choice: ModelChoice, model: Model, profile: Profile) -> None:
    """Each asked route is offered from each asked region (a geography from at least one)."""
    regions = choice.regions or profile.regions
    for index, route in enumerate(choice.routes):
        offered = _sources(model, route)
        missing = [region for region in regions if region not in offered]
        partial = route not in ("in-region", "global") and len(missing) < len(regions)
        if missing and not partial:
            raise reader.fault(
                (*path, "routes", index),
                f"{model.name} is not offered by route {route!r} from {', '.join(missing)}.",
                why=f"{_ways(model)} ({model.evidence}.)",
                remedy="Choose another route, or give this model its own regions.",
            )
    if choice.mantle and not model.mantle_id:
        raise reader.fault((*path, "mantle"), f"{model.name} is not offered on bedrock-mantle.")


def _sources(model: Model, route: str) -> set[str]:
    if route == "in-region":
        return set(model.in_region)
    scopes = [p for p in model.profiles if p.scope == route or (route == "geo" and p.scope != "global")]
    return {source for profile in scopes for source in profile.destinations}


def _ways(model: Model) -> str:
    ways = [
        f"{p.scope} from {', '.join(sorted(p.destinations))}" for p in model.profiles if p.scope != "global"
    ]
    if model.in_region:
        ways.insert(0, f"in-region in {', '.join(sorted(model.in_region))}")
    if model.profile("global"):
        ways.append("global")
    return f"The catalogue offers: {'; '.join(ways)}." if ways else "The catalogue knows no route to it."


def _modalities(reader: _Reader, path: _Path, model: Model, profile: Profile) -> None:
    extra = model.modalities - set(profile.modalities) if profile.modalities else frozenset[str]()
    if extra:
        raise reader.fault(
            (*path, "id"),
            f"{model.name} also takes or gives {', '.join(sorted(extra))}.",
            why=f"The profile's modalities are {', '.join(profile.modalities)}. IAM cannot limit them within a model.",
            remedy="Choose another model, or widen modalities.",
        )


def _exception(
    reader: _Reader, path: _Path, entry: SpecException, profiles: dict[str, Profile]
) -> SpecException:
    profile = profiles.get(entry.profile)
    if profile is None:
        raise reader.fault(
            (*path, "profile"), f"No profile {entry.profile!r}.", f"There are: {', '.join(profiles)}."
        )
    if (entry.control is None) == (entry.model is None):
        raise reader.fault(path, "An exception names either a control or a model.")
    if entry.control is not None and entry.control not in Controls.model_fields:
        known = ", ".join(Controls.model_fields)
        raise reader.fault(
            (*path, "control"), f"No control {entry.control!r}.", remedy=f"The controls are: {known}."
        )
    if entry.control is not None and getattr(profile.controls, entry.control) is False:
        raise reader.fault(
            (*path, "control"), f"{entry.control} is off anyway.", remedy="Drop the exception."
        )
    for key in ("owner", "reason"):
        why = names.unprintable(getattr(entry, key))
        if why:
            raise reader.fault((*path, key), f"The {key} holds a character that cannot be shown.", why)
    _principals(reader, (*path, "principals"), entry.principals, profile)
    if entry.model is None:
        return entry
    if entry.model.mantle and profile.controls.mantle is True:
        remedy = 'Set the control mantle to "approved".'
        raise reader.fault(
            (*path, "model", "mantle"), "bedrock-mantle is forbidden to every model.", remedy=remedy
        )
    chosen = choice_of(reader, (*path, "model"), entry.model, profile)
    _adds(reader, (*path, "model"), chosen, profile)
    return entry.model_copy(update={"model": chosen})


def _adds(reader: _Reader, path: _Path, chosen: ModelChoice, profile: Profile) -> None:
    """An exception for a model must admit something that the profile does not."""
    for own in profile.models:
        if own.family and chosen.id.startswith(own.id.removesuffix("*")):
            what = f"{chosen.id} is approved by the family {own.id}."
            raise reader.fault(path, what, remedy="Drop the exception.")
        regions = set(chosen.regions or profile.regions) - set(own.regions or profile.regions)
        more = set(chosen.routes) - set(own.routes) or regions or (chosen.mantle and not own.mantle)
        if own.id == chosen.id and not more:
            raise reader.fault(path, f"{chosen.id} is approved anyway.", remedy="Drop the exception.")
