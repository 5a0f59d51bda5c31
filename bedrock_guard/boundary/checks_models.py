"""What a spec says of models: ids, routes, regions, families and modalities, against the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from bedrock_guard.boundary import names
from bedrock_guard.boundary.catalogue import SCOPES, Model, Resolved
from bedrock_guard.boundary.checks_reader import Path, Reader, regions, unique
from bedrock_guard.boundary.profile import MAX_MODELS, ModelChoice, Profile

_UNREAD = " What it takes and gives is not known, so `modalities` cannot hold it back."


def approved(reader: Reader, path: Path, profile: Profile) -> tuple[ModelChoice, ...]:
    """The approved models, normalised by the catalogue.

    Raises:
        SpecError: there is none, one is named twice, or one is not what its entry says; with the line.
    """
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
    unique(reader, here, [choice.id for choice in chosen])
    _apart(reader, here, chosen)
    return chosen


def _apart(reader: Reader, path: Path, chosen: Sequence[ModelChoice]) -> None:
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


def on_mantle(reader: Reader, path: Path, profile: Profile) -> None:
    """The flag of models and the control's value must agree.

    Raises:
        SpecError: they do not.
    """
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


def choice_of(reader: Reader, path: Path, choice: ModelChoice, profile: Profile) -> ModelChoice:
    """One approved model, normalised by the catalogue.

    Raises:
        SpecError: the id, a route, a Region or a destination cannot be; with the line.
    """
    _id_text(reader, (*path, "id"), choice)
    regions(reader, (*path, "regions"), choice.regions or profile.regions, profile.partition)
    if not choice.routes:
        raise reader.fault(
            (*path, "routes"), "No route is named.", remedy='Use "in-region", "us" or "global".'
        )
    _route_names(reader, path, choice)
    unique(reader, (*path, "routes"), choice.routes)
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


def _id_text(reader: Reader, path: Path, choice: ModelChoice) -> None:
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


def _route_names(reader: Reader, path: Path, choice: ModelChoice) -> None:
    known = ("in-region", "geo", "global", *SCOPES)
    for index, route in enumerate(choice.routes):
        if route not in known:
            raise reader.fault(
                (*path, "routes", index), f"{route!r} is no route.", remedy=f"Use: {', '.join(known)}."
            )


def _family(reader: Reader, path: Path, choice: ModelChoice, profile: Profile) -> None:
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


def _normal(reader: Reader, path: Path, choice: ModelChoice, found: Resolved) -> ModelChoice:
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


def _unlisted(reader: Reader, path: Path, choice: ModelChoice, profile: Profile) -> ModelChoice:
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
        regions(reader, (*path, "destinations"), choice.destinations, profile.partition)
    return choice


def _offered(reader: Reader, path: Path, choice: ModelChoice, model: Model, profile: Profile) -> None:
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


def _modalities(reader: Reader, path: Path, model: Model, profile: Profile) -> None:
    extra = model.modalities - set(profile.modalities) if profile.modalities else frozenset[str]()
    if extra:
        raise reader.fault(
            (*path, "id"),
            f"{model.name} also takes or gives {', '.join(sorted(extra))}.",
            why=f"The profile's modalities are {', '.join(profile.modalities)}. IAM cannot limit them within a model.",
            remedy="Choose another model, or widen modalities.",
        )
