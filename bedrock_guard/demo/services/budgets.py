"""AWS Budgets of the demo account: to read. What was spent is worked out from the same bill as Cost Explorer's.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Budgets.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bedrock_guard.demo.service import Answer, Need, Request, Service, ServiceError, page
from bedrock_guard.demo.state import Body

_SERVICE_FILTER: Final = "Service"


def _needs(request: Request) -> list[Need]:
    name = request.parameters.get("BudgetName", "*")
    return [Need("budgets:ViewBudget", f"arn:aws:budgets::{request.account}:budget/{name}")]


SERVICE = Service(
    "budgets",
    sections=("bill",),
    bad_token=ServiceError("InvalidNextTokenException", "The next token is not valid."),
    invalid_input="InvalidParameterException",
    default_needs=_needs,
)


@SERVICE.operation("DescribeBudgets", gap="monthly cost budgets with a service filter only; no forecast")
def describe_budgets(request: Request) -> Answer:
    """The budgets of the caller's own account, each with what was spent this month."""
    rows = [_shown(request, body) for body in _own(request).bodies("budget")]
    return page(rows, request).answer("Budgets")


@SERVICE.operation("DescribeBudget", gap="monthly cost budgets with a service filter only; no forecast")
def describe_budget(request: Request) -> Answer:
    """One budget by its name."""
    name = request.parameters["BudgetName"]
    body = _own(request).get("budget", name)
    if body is None:
        raise ServiceError(
            "NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.", 400
        )
    return {"Budget": _shown(request, body)}


def _own(request: Request) -> Any:
    if request.parameters["AccountId"] != request.account:
        message = f"Account {request.account} is not authorized to perform this operation on another account"
        raise ServiceError("AccessDeniedException", message, 400)
    return request.items


def _shown(request: Request, body: Body) -> Mapping[str, Any]:
    spent = _spent(request, body.get("CostFilters", {}).get(_SERVICE_FILTER, ()))
    return {
        **body,
        "TimePeriod": {"Start": body["LastUpdatedTime"], "End": datetime(2087, 6, 15, tzinfo=UTC)},
        "CalculatedSpend": {"ActualSpend": {"Amount": f"{spent:.3f}", "Unit": "USD"}},
    }


def _spent(request: Request, services: Any) -> Decimal:
    """Unblended cost of the month so far, over all accounts for the payer and one's own for a member."""
    payer = request.account == request.state.meta("management")
    rows = request.state.rows(
        "SELECT account, service, cost FROM bill WHERE day >= ?", (f"{request.now:%Y-%m}-01",)
    )
    return sum(
        (
            Decimal(cost)
            for account, service, cost in rows
            if (payer or account == request.account) and (not services or service in services)
        ),
        Decimal(0),
    )
