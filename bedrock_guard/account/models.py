"""The models and inference profiles of an account, read from it: the catalogue that a spec is checked and built by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.pages import UnreadableError, ask, items
from bedrock_guard.boundary.catalogue import GLOBAL_DESTINATION, Catalogue, InferenceProfile, Model, shipped
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Caller

_CALLABLE: Final = {"ON_DEMAND", "INFERENCE_PROFILE"}


class ModelsError(GuardError):
    """A Region's models or profiles could not be read; a catalogue without them would be wrong."""


@dataclass
class _Found:
    """One model as several Regions tell it."""

    told: Mapping[str, Any]
    in_region: list[str] = field(default_factory=list)
    profiles: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


def read_catalogue(account: Caller, regions: Iterable[str]) -> Catalogue:
    """What the account is offered in these Regions: models, routes, and where each profile sends a call.

    Ids on bedrock-mantle and the names on bills are not in AWS's answers; they are taken from the shipped catalogue.

    Raises:
        ModelsError: a list of one of the Regions could not be read to its end.

    Example:
        >>> from bedrock_guard.account.session import Account
        >>> read_catalogue(Account.demo(), ["us-east-1"]).get("amazon.nova-lite-v1:0").in_region   # doctest: +SKIP
        ('us-east-1',)
    """
    places = tuple(dict.fromkeys(regions))
    with ThreadPoolExecutor(max_workers=4) as pool:
        read = list(pool.map(lambda region: (region, *_read(account, region)), places))
    found: dict[str, _Found] = {}
    for region, models, profiles in read:
        for told in models:
            _take_model(found, region, told)
        for told in profiles:
            _take_profile(found, region, told)
    day = account.now.date()
    evidence = f"documented: ListFoundationModels and ListInferenceProfiles of the account, {day}"
    source = f"Read from account {account.account_id} in {', '.join(places)}."
    return Catalogue(day, source, tuple(_model(found[name], evidence) for name in sorted(found)))


def _read(account: Caller, region: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    try:
        client = account.client("bedrock", region)
        models = demanded(ask(client, "list_foundation_models"), "modelSummaries")
        profiles = items(
            client,
            "list_inference_profiles",
            "inferenceProfileSummaries",
            "nextToken",
            typeEquals="SYSTEM_DEFINED",
        )
        return list(models), list(profiles)
    except (UnreadableError, NotAwsAnswer) as error:
        raise ModelsError(
            f"The models of {region} could not be read.",
            why=error.what,
            remedy="Allow bedrock:ListFoundationModels and bedrock:ListInferenceProfiles there, or use the shipped "
            "catalogue.",
        ) from error


def _take_model(found: dict[str, _Found], region: str, told: Mapping[str, Any]) -> None:
    """Variants that only provisioned capacity serves are left out."""
    how = set(told.get("inferenceTypesSupported") or ())
    if not how & _CALLABLE:
        return
    model = found.setdefault(str(told["modelId"]), _Found(told))
    if "ON_DEMAND" in how:
        model.in_region.append(region)


def _take_profile(found: dict[str, _Found], region: str, told: Mapping[str, Any]) -> None:
    profile = str(told["inferenceProfileId"])
    scope, _, name = profile.partition(".")
    model = found.get(name)
    if model is None or told.get("status") != "ACTIVE":
        return
    places = {str(one.get("modelArn")).split(":")[3] for one in told.get("models") or ()}
    worldwide = scope == "global" or "" in places
    model.profiles.setdefault(scope, {})[region] = GLOBAL_DESTINATION if worldwide else tuple(sorted(places))


def _model(found: _Found, evidence: str) -> Model:
    told = found.told
    name = str(told["modelId"])
    known = shipped().get(name)
    profiles = tuple(
        InferenceProfile(f"{scope}.{name}", scope, destinations)
        for scope, destinations in sorted(found.profiles.items())
    )
    return Model(
        model_id=name,
        provider=str(told.get("providerName") or name.partition(".")[0]),
        name=known.name if known else str(told.get("modelName") or name),
        input_modalities=tuple(told.get("inputModalities") or ()),
        output_modalities=tuple(told.get("outputModalities") or ()),
        in_region=tuple(found.in_region),
        profiles=profiles,
        lifecycle=str((told.get("modelLifecycle") or {}).get("status") or "ACTIVE"),
        mantle_id=known.mantle_id if known else None,
        aliases=known.aliases if known else (str(told.get("modelName") or name),),
        evidence=evidence,
    )
