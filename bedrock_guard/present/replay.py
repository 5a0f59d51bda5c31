"""A replay for people's eyes: recorded calls that a boundary would refuse, or may, by control and by caller."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bedrock_guard.boundary.controls import title_of, titles
from bedrock_guard.evidence.judged import Judged
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.table import Shown, plain

_UNKNOWN: Final = "not known which"
_DEPENDS: Final = 'One "depends" where its record does not tell what decides: it may be refused or allowed.'


def by_control(judged: Judged) -> Shown:
    """Calls that worked and would be refused, or may be, by the first control that decides."""
    hit = judged.by_control
    control = hit["control"].fillna(_UNKNOWN)
    frame = pd.DataFrame(
        {
            "would_be": hit["verdict"],
            "control": [title_of(str(name)) for name in control],
            "depends_on": [", ".join(words) for words in hit["hangs_on"]],
            **{name: hit[name] for name in ("calls", "callers", "last_call")},
        }
    )
    return Shown(frame, f"Calls that worked, by the control that would refuse them first, or may. {_DEPENDS}")


def by_caller(judged: Judged) -> Shown:
    """The same calls by caller and program."""
    hit = judged.hits("account_id", "principal", "client")
    frame = pd.DataFrame(
        {
            "would_be": hit["verdict"],
            "account": hit["account_id"],
            "caller": [
                plain(None) if pd.isna(principal) else short_name(principal) for principal in hit["principal"]
            ],
            **{name: hit[name] for name in ("client", "calls", "models")},
            "controls": [titles(names) for names in hit["controls"]],
            "last_call": hit["last_call"],
        }
    )
    return Shown(frame, "The same calls by caller and program.", {"controls": "decided by"})
