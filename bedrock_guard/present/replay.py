"""A replay for people's eyes: recorded calls refused, allowed or open under a boundary, by control and by caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from bedrock_guard.boundary.controls import by_id
from bedrock_guard.evidence.replay import names
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import Shown, plain

OPEN: Final = "depends"
_UNKNOWN: Final = "unknown"


def summed(decided: pd.DataFrame) -> Mapping[str, int]:
    """Calls by verdict; those that were refused when they were made are apart. The parts add up to `calls`."""
    before = decided["already_denied"].astype("bool")
    seen = decided[~before]
    parts = {
        one: int(seen.loc[seen["verdict"] == one, "calls"].sum()) for one in ("allowed", "refused", OPEN)
    }
    return {
        "calls": int(decided["calls"].sum()),
        **parts,
        "already_denied": int(decided.loc[before, "calls"].sum()),
    }


def by_control(decided: pd.DataFrame) -> Shown:
    """Calls that worked and would be refused, or may be, by the first control that decides."""
    rows = [
        {
            "would_be": "refused" if verdict == "refused" else "open",
            "control": str(control),
            "what_it_forbids": _title(str(control)),
            "hangs_on": ", ".join(names(part["hangs_on"])) if verdict == OPEN else "",
            "calls": int(part["calls"].sum()),
            "callers": part["principal"].nunique(dropna=False),
            "last_call": part["last_seen"].max(),
        }
        for (verdict, control), part in _hit(decided).groupby(["verdict", "control"])
    ]
    columns = ["would_be", "control", "what_it_forbids", "hangs_on", "calls", "callers", "last_call"]
    frame = pd.DataFrame(rows, columns=columns).sort_values(["would_be", "calls"], ascending=False)
    return Shown(
        frame, "Calls that worked, by the control that would refuse them first, or on which it hangs."
    )


def by_caller(decided: pd.DataFrame) -> Shown:
    """The same calls by caller and program."""
    keys = ["verdict", "account_id", "principal", "client"]
    rows = [
        {
            "would_be": "refused" if verdict == "refused" else "open",
            "account": account,
            "caller": short_name(principal) if isinstance(principal, str) else plain(None),
            "client": client,
            "calls": int(part["calls"].sum()),
            "models": names(part["model"]),
            "controls": names(part["control"]),
            "last_call": part["last_seen"].max(),
        }
        for (verdict, account, principal, client), part in _hit(decided).groupby(keys, dropna=False)
    ]
    columns = ["would_be", "account", "caller", "client", "calls", "models", "controls", "last_call"]
    frame = pd.DataFrame(rows, columns=columns).sort_values(["would_be", "calls"], ascending=False)
    return Shown(frame, "The same calls by caller and program.")


def _title(control: str) -> str:
    return "not known which" if control == _UNKNOWN else by_id(control).title


def _hit(decided: pd.DataFrame) -> pd.DataFrame:
    worked = decided[~decided["already_denied"].astype("bool") & (decided["verdict"] != "allowed")]
    return worked.assign(control=worked["control"].fillna(_UNKNOWN))
