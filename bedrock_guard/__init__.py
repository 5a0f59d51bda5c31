"""Governance of Amazon Bedrock from a notebook. Names load on first use, so that the import is quick."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account, open_account
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.errors import GuardError
    from bedrock_guard.evidence.what_if import what_if
    from bedrock_guard.iam.evaluator import compile_policies
    from bedrock_guard.iam.simulate import simulate_custom_policy
    from bedrock_guard.present.table import Shown
    from bedrock_guard.reports.cost import CostReport
    from bedrock_guard.reports.keys import KeyReport
    from bedrock_guard.widgets.workbench import Workbench

__version__ = "0.1.0"

_HOMES = {
    "Account": "account.session",
    "BoundarySpec": "boundary.spec",
    "CostReport": "reports.cost",
    "GuardError": "errors",
    "KeyReport": "reports.keys",
    "Shown": "present.table",
    "Situation": "account.situation",
    "Workbench": "widgets.workbench",
    "build": "boundary.builder",
    "compile_policies": "iam.evaluator",
    "open_account": "account.session",
    "simulate_custom_policy": "iam.simulate",
    "what_if": "evidence.what_if",
}

__all__ = [
    "Account",
    "BoundarySpec",
    "CostReport",
    "GuardError",
    "KeyReport",
    "Shown",
    "Situation",
    "Workbench",
    "build",
    "compile_policies",
    "open_account",
    "simulate_custom_policy",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
