"""Calls that name their model by an ARN of the account's own, resolved by the account's lists.

The record that created an application profile may be older than Event history; its list entry is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bedrock_guard.account.resources import kept_profiles, read_resources
from bedrock_guard.evidence.model_ids import resolve_models

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.account.session import Account
    from bedrock_guard.boundary.catalogue import Catalogue

_OPAQUE: Final = re.compile(
    r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?:application-inference-profile|provisioned-model|custom-model-deployment)/.+"
)
_KINDS: Final = frozenset({"application_profile", "provisioned_throughput", "custom_model_deployment"})


def regions_of_opaque_models(calls: pd.DataFrame, account_id: str) -> tuple[str, ...]:
    """The Regions of the ARNs of this account that calls name as their model.

    Example:
        >>> from bedrock_guard.evidence.usage import TRAIL
        >>> regions_of_opaque_models(TRAIL.empty(), "111122223333")
        ()
    """
    named = (_OPAQUE.fullmatch(unquote(str(raw))) for raw in calls["model_raw"].dropna().unique())
    return tuple(sorted({found["region"] for found in named if found and found["account"] == account_id}))


def with_opaque_models(account: Account, calls: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """The trail table with the models that the account's lists know behind such ARNs.

    Asks three free lists in each Region that such an ARN names, and nothing where there is none.
    """
    regions = regions_of_opaque_models(calls, account.account_id)
    if not regions:
        return calls
    return resolve_models(
        calls, catalogue, kept_profiles(read_resources(account, regions, _KINDS), catalogue)
    )
