"""Who alone is seen behind batch jobs and provisioned models: read from the account and from its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_guard.account.resources import read_resources
from bedrock_guard.evidence.sole_callers import PROVISIONED, sole_callers

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.account.session import Account
    from bedrock_guard.evidence.attribution import Owners


def read_sole_callers(account: Account, calls: pd.DataFrame) -> Owners:
    """See who alone calls or created what, provisioned models included (`read_units`)."""
    return sole_callers(calls, read_units(account, calls))


def read_units(account: Account, calls: pd.DataFrame) -> pd.DataFrame | None:
    """The provisioned throughput of the Regions in which calls name any (`account.resources.RESOURCES`).

    Asks nothing where no call names a provisioned model, and then None; else one free request a Region and page.

    Args:
        account: who is asked; reads only.
        calls: a calls table, or TUPLES.

    """
    regions = unit_regions(calls)
    return read_resources(account, regions, {"provisioned_throughput"}).table if regions else None


def unit_regions(calls: pd.DataFrame) -> tuple[str, ...]:
    """The Regions of the provisioned models that calls name."""
    named = calls["model_raw"].dropna().astype("string")
    arns = named[named.str.contains(PROVISIONED, regex=False)].unique()
    return tuple(sorted({str(arn).split(":")[3] for arn in arns if str(arn).count(":") >= 5}))
