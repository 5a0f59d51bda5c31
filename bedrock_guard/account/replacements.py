"""What a refusal's replacements cost: list prices of models and instance types, all of them free to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.account.instances import read_instance_types
from bedrock_guard.account.price_lists import read_price_lists
from bedrock_guard.account.prices import read_ec2_prices
from bedrock_guard.account.resources import read_resources
from bedrock_guard.evidence.ec2_redirect import Ec2Redirect, redirect_ec2, wanted_types
from bedrock_guard.evidence.prices import PriceBook
from bedrock_guard.evidence.redirect import redirect, refused_shares
from bedrock_guard.evidence.redirected import Ratios, Redirect
from bedrock_guard.evidence.stranded import stranded
from bedrock_guard.evidence.tables import Provenance, provenance_of

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.evidence.what_if import WhatIf

_KIND: Final = "provisioned_throughput"


@dataclass(frozen=True)
class Replacements:
    """What replacing the refused would cost.

    Args:
        models: refused model spend with its substitutes.
        ec2: refused EC2 hours with their nearest allowed types.
        stranded: refused commitments, until when they are paid (see `evidence.stranded`).
        region: where EC2 types and prices were compared: the EC2 bill names no Region.
        unapproved: chosen substitutes that the spec does not approve either.
        overrides: the analyst's own prices that were used (PRICES).
        sources: table -> where it came from.
    """

    models: Redirect
    ec2: Ec2Redirect
    stranded: pd.DataFrame
    region: str
    unapproved: tuple[str, ...] = ()
    overrides: pd.DataFrame | None = None
    sources: Mapping[str, Provenance] = field(default_factory=dict)


def read_replacements(
    account: Account,
    situation: Situation,
    found: WhatIf,
    substitutes: Mapping[str, str | None],
    *,
    ratios: Ratios | None = None,
    overrides: pd.DataFrame | None = None,
    region: str | None = None,
) -> Replacements:
    """Price what a boundary would refuse on chosen substitutes and nearest allowed types. Free requests only.

    Args:
        account: who asks (`pricing:GetProducts`, `ec2:DescribeInstanceTypes`).
        situation: bill, EC2 bill and catalogue.
        found: the consequences of a spec.
        substitutes: refused model -> the model used instead; a refused model that is not named counts as stopped.
        ratios: tokens of the substitute for one token of the refused model: an assumption.
        overrides: prices of one's own (PRICES), believed before every list.
        region: where EC2 types and prices are compared; by default the account's.
    """
    refused = found.impact.lines[found.impact.lines["outcome"].isin(["refused", "stranded"])]
    regions = tuple(sorted({str(name) for name in refused["region"].dropna().unique()}))
    chosen: dict[str, str | None] = {str(name): None for name in refused["model"].dropna().unique()}
    chosen.update(substitutes)
    listed, held = (
        read_price_lists(account, regions, situation.catalogue),
        _commitments(account, situation, regions),
    )
    book = PriceBook(overrides=overrides, price_list=listed)
    shares = refused_shares(found.impact)
    ec2, ec2_sources = _ec2(account, found, region or account.region)
    return Replacements(
        redirect(situation.bill, chosen, book, situation.catalogue, ratios=ratios, shares=shares),
        ec2,
        stranded(found.impact.lines, held, situation.window.days, account.now),
        region or account.region,
        _unapproved(found, situation, substitutes),
        overrides,
        {"List prices": provenance_of(listed), "Commitments": provenance_of(held), **ec2_sources},
    )


def _ec2(account: Account, found: WhatIf, region: str) -> tuple[Ec2Redirect, Mapping[str, Provenance]]:
    named = found.built.profile.controls.instance_types
    allowed = () if isinstance(named, bool) else named
    types = read_instance_types(account, region=region)
    prices = read_ec2_prices(account, region, wanted_types(found.ec2, allowed, types))
    said = {"Instance types": provenance_of(types), "EC2 list prices": provenance_of(prices)}
    return redirect_ec2(found.ec2, allowed, types, prices), said


def _commitments(account: Account, situation: Situation, regions: tuple[str, ...]) -> pd.DataFrame:
    """Provisioned throughput of these Regions, as the situation holds it where it was read in all of them."""
    held = situation.resources
    if not {one.region for one in held.asked}.issuperset(regions):
        held = read_resources(account, regions, {_KIND})
    return held.of(_KIND)


def _unapproved(
    found: WhatIf, situation: Situation, substitutes: Mapping[str, str | None]
) -> tuple[str, ...]:
    named = (situation.catalogue.resolve(model.id) for model in found.built.profile.models)
    approved = {one.model_id for one in named if one}
    return tuple(dict.fromkeys(name for name in substitutes.values() if name and name not in approved))
