"""How bills name regions and the token lines of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bedrock_guard.boundary.catalogue import Model

REGIONS: Final[Mapping[str, str]] = {
    "USE1": "us-east-1",
    "USE2": "us-east-2",
    "USW1": "us-west-1",
    "USW2": "us-west-2",
    "CAN1": "ca-central-1",
    "CAN2": "ca-west-1",
    "MXC1": "mx-central-1",
    "EU": "eu-west-1",
    "EUW1": "eu-west-1",
    "EUW2": "eu-west-2",
    "EUW3": "eu-west-3",
    "EUC1": "eu-central-1",
    "EUC2": "eu-central-2",
    "EUN1": "eu-north-1",
    "EUS1": "eu-south-1",
    "EUS2": "eu-south-2",
    "APN1": "ap-northeast-1",
    "APN2": "ap-northeast-2",
    "APN3": "ap-northeast-3",
    "APS1": "ap-southeast-1",
    "APS2": "ap-southeast-2",
    "APS3": "ap-south-1",
    "APS4": "ap-southeast-3",
    "APS5": "ap-south-2",
    "APS6": "ap-southeast-4",
    "APS7": "ap-southeast-5",
    "APS8": "ap-southeast-6",
    "APS9": "ap-southeast-7",
    "APE1": "ap-east-1",
    "APE2": "ap-east-2",
    "SAE1": "sa-east-1",
    "AFS1": "af-south-1",
    "MES1": "me-south-1",
    "MEC1": "me-central-1",
    "ILC1": "il-central-1",
    "UGW1": "us-gov-west-1",
    "UGE1": "us-gov-east-1",
}
"""https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-region-billing-codes.html"""

_CODES: Final = {region: code for code, region in reversed(list(REGIONS.items()))}
_TOKENS: Final = ("input-tokens", "output-tokens")
_CACHES: Final = ("cache-read-input-token-count", "cache-write-input-token-count")
_TIERS: Final = ("", "-batch", "-flex", "-priority")
_WORLDWIDE: Final = ("-cross-region-global", "-cross-region-global-batch", "-flex-cross-region-global")


def token_lines(model: Model, regions: Iterable[str], *, worldwide: bool = False) -> tuple[str, ...]:
    """The usage types by which AWS bills a model's tokens, as far as they are known: a floor.

    A call through a profile is billed in its source region. Lines of AWS Marketplace are not among them: there the
    service's name tells the model.

    Example:
        >>> from bedrock_guard.boundary.catalogue import shipped
        >>> token_lines(shipped().get("amazon.nova-lite-v1:0"), ["us-east-1"])[3]
        'USE1-NovaLite-input-tokens-batch'
    """
    codes = [_CODES[region] for region in regions if region in _CODES]
    segments = [name for name in model.aliases if " " not in name]
    return tuple(
        sorted(f"{code}-{name}-{kind}" for code in codes for name in segments for kind in _kinds(worldwide))
    )


def _kinds(worldwide: bool) -> Iterator[str]:  # noqa: FBT001 - one caller, one page
    more = _WORLDWIDE if worldwide else ()
    yield from (f"{kind}{tier}" for kind in _TOKENS for tier in (*_TIERS, *more))
    yield from (f"{kind}{tier}" for kind in _CACHES for tier in ("", *more[:1]))
