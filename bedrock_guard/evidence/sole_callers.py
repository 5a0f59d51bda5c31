"""Who alone is seen behind dollars that no call counts: the creator of batch jobs, the caller of provisioned models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from bedrock_guard.evidence.attribution import Owners

PROVISIONED: Final = ":provisioned-model/"
_PLACE: Final = ["account_id", "region", "model"]


def sole_callers(calls: pd.DataFrame, units: pd.DataFrame | None = None) -> Owners:
    """(account_id, region, model, tier) -> the caller and program that alone were seen there.

    A commitment has a caller only where that caller alone was seen to call every unit of the model in the Region. The
    program is None where there are several.

    Args:
        calls: a calls table, or TUPLES; calls that failed count for nothing.
        units: the provisioned throughput there is (`account.resources.RESOURCES`).

    """
    failed = (
        calls["error_code"].notna()
        if "error_code" in calls.columns
        else calls["already_denied"].fillna(False)
    )
    made = calls[~failed.astype(bool)]
    jobs = made[made["operation"] == "CreateModelInvocationJob"]
    found = {(*key, "batch"): who for key, who in _alone(jobs).items()}
    if units is None or units.empty:
        return found
    models = units.dropna(subset=["arn", "model"]).set_index("arn")["model"].str.split("/").str[-1]
    used = made[made["model_raw"].isin(models.index)]
    used = used.assign(model=used["model_raw"].map(models).astype("string"))
    idle = units[~units["arn"].isin(used["model_raw"]) & ~units["status"].isin(["Failed"])]
    shared = set(zip(idle["account_id"], idle["region"], idle["model"].str.split("/").str[-1], strict=True))
    return found | {(*key, "provisioned"): who for key, who in _alone(used).items() if key not in shared}


def _alone(calls: pd.DataFrame) -> dict[tuple[str, str, str], tuple[str, str | None]]:
    found = {}
    for key, part in calls.dropna(subset=_PLACE).groupby(_PLACE):
        account, region, model = map(str, _tuple(key))
        if part["principal"].notna().all() and part["principal"].nunique() == 1:
            one = part["client"].nunique(dropna=False) == 1 and part["client"].notna().all()
            program = str(part["client"].iloc[0]) if one else None
            found[account, region, model] = str(part["principal"].iloc[0]), program
    return found


def _tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)
