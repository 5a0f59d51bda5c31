"""One reading holds all a page of spend shows; a fault leaves it whole, or says what is missing and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.spending import Spending, plan_spending
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import provenance_of, total
from bedrock_guard.present import spend, spend_checks
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.settings import CostSettings

VIEWS = [
    getattr(room, name)
    for room, names in {
        spend: "headline proof models time_chart time_table kinds_chart kinds cache routes_chart routes "
        "accounts_chart accounts tags_chart tags change_chart change sources",
        spend_checks: "unusual forecast_chart forecast unmapped alias_lines prices without_price native ec2",
    }.items()
    for name in names.split()
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("demo") / "state.sqlite"
    Account.demo(path, days=45, calls=1_500)
    return path


@pytest.fixture(scope="module")
def truth(state: Any) -> Spending:
    return Account.demo(state).spending(days=7)


def faulty(state: Any, *faults: Fault) -> Account:
    account = Account.demo(state)
    account.demo_backend.faults.set(*faults)  # type: ignore[union-attr]  # a demo account has one
    return account


def test_the_plan_is_what_reading_asks_at_least_and_says_how_it_grows(state: Any) -> None:
    account = Account.demo(state)
    plan = plan_spending(account, 7)
    assert account.requests.total() == 0
    found = account.spending(7)
    services = found.now.lines["service"].nunique()
    asked = sum(n for (service, _), n in found.asked.items() if service == "ce")
    assert asked == plan.requests + services - 1
    assert found.cost_usd == asked * Decimal("0.01")


def test_reading_again_asks_nothing_and_says_the_same(state: Any) -> None:
    account = Account.demo(state)
    first = account.spending(7)
    before = account.requests.lines()
    second = account.spending(7)
    assert account.requests.lines() == before
    assert second.requests == 0
    assert second.now.proof == first.now.proof
    assert spend.requests(second).startswith("Nothing was asked")
    for view in VIEWS:
        view(second)
    assert account.requests.lines() == before


def test_a_folder_keeps_the_answers_for_the_next_session(state: Any, tmp_path: Any) -> None:
    Account.demo(state).spending(7, keep=tmp_path / "kept")
    again = Account.demo(state).spending(7, keep=tmp_path / "kept")
    assert not [key for key in again.asked if key[0] == "ce"]
    assert again.now.proof.difference == 0


def test_a_folder_that_cannot_be_used_is_said(state: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GuardError, match="cannot be used"):
        Account.demo(state).spending(7, keep=tmp_path / "file")


def test_all_sums_agree(truth: Spending) -> None:
    proof = truth.now.proof
    assert proof.difference == 0
    assert truth.before.proof.difference == 0
    assert truth.ec2_proof.difference == 0
    assert total(spend.main_table(truth)["cost"]) == proof.headline
    assert total(truth.tagged["cost"]) == proof.control_total
    assert total(truth.native["cost"]) == proof.usage
    assert truth.before.window.days == truth.window.days
    assert truth.before.window.end == truth.window.start
    assert all(said.complete for said in truth.provenances().values())


LASTING = [
    (kind, call) for kind in ("expired_token", "access_denied", "html200") for call in (1, 2, 6, 13, 16, 18)
]
PASSING = [(kind, call) for kind in ("throttle", "http500", "reset_before") for call in (1, 9)]


def incomplete_is_said(found: Spending, truth: Spending) -> None:
    """Each table is as without the fault, or of lowered completeness with a reason; the headline goes with it."""
    for name, said in found.provenances().items():
        assert said.complete or said.why, name
    for here, there in ((found.now, truth.now), (found.before, truth.before)):
        if provenance_of(here.lines).complete:
            assert total(here.lines["cost"]) == total(there.lines["cost"])
        if here.control.provenance.complete:
            assert here.control.amount == there.control.amount
        else:
            assert here.control.amount is None
        if provenance_of(here.lines).complete and here.control.provenance.complete:
            assert here.proof.headline == there.proof.headline
        else:
            assert here.proof.headline is None
            assert here.proof.withheld
            assert here.gaps
    for name in ("native", "tagged", "forecast", "prices", "ec2"):
        frame = getattr(found, name)
        if provenance_of(frame).complete:
            assert len(frame) == len(getattr(truth, name)), name
    if not found.ec2_proof.withheld:
        assert found.ec2_proof.total == truth.ec2_proof.total
    for view in VIEWS:
        view(found)


@pytest.mark.parametrize(("kind", "call"), LASTING)
def test_one_question_that_fails_is_said(state: Any, truth: Spending, kind: Any, call: int) -> None:
    """Control total, charge types, usage of one service, the window before, models or EC2."""
    found = faulty(state, Fault("ce:GetCostAndUsage", kind, at=(call,))).spending(7)
    incomplete_is_said(found, truth)
    assert any(not said.complete for said in found.provenances().values())


@pytest.mark.parametrize(("kind", "call"), PASSING)
def test_a_passing_fault_is_ridden_out(state: Any, truth: Spending, kind: Any, call: int) -> None:
    found = faulty(state, Fault("ce:GetCostAndUsage", kind, at=(call, call + 1))).spending(7)
    incomplete_is_said(found, truth)
    assert all(said.complete for said in found.provenances().values())


@pytest.mark.parametrize("kind", ["throttle", "expired_token", "access_denied", "html200"])
def test_when_everything_fails_nothing_is_zero(state: Any, truth: Spending, kind: Any) -> None:
    found = faulty(state, Fault("*", kind)).spending(7)
    incomplete_is_said(found, truth)
    assert not any(said.complete for said in found.provenances().values())
    headline = spend.headline(found).text().removesuffix(spend.requests(found))
    assert headline.startswith("The headline is withheld.")
    assert "$0.00" not in headline
    for view in (
        spend.models,
        spend.time_chart,
        spend.kinds_chart,
        spend.change_chart,
        spend_checks.forecast_chart,
    ):
        shown = view(found).text()
        assert "$0.00" not in shown
        assert "nothing was spent" not in shown.lower()


@pytest.mark.parametrize("operation", ["GetDimensionValues", "GetTags", "GetCostForecast"])
@pytest.mark.parametrize("kind", ["access_denied", "expired_token", "html200"])
def test_each_other_operation_may_fail(state: Any, truth: Spending, operation: str, kind: Any) -> None:
    found = faulty(state, Fault(f"ce:{operation}", kind)).spending(7)
    incomplete_is_said(found, truth)
    assert any(not said.complete for said in found.provenances().values())


def test_a_refused_price_list_leaves_prices_unknown(state: Any, truth: Spending) -> None:
    found = faulty(state, Fault("pricing:GetProducts", "access_denied")).spending(7)
    incomplete_is_said(found, truth)
    assert "not complete" in spend_checks.prices(found).text()
    assert found.now.proof.headline == truth.now.proof.headline


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
def test_short_and_empty_pages_are_walked_to_the_end(state: Any, truth: Spending, kind: Any) -> None:
    at = None if kind == "short_page" else (1, 4, 9)
    found = faulty(state, Fault("ce:GetCostAndUsage", kind, at=at)).spending(7)
    incomplete_is_said(found, truth)
    assert found.now.proof.headline == truth.now.proof.headline


class Answering:
    """The demo's own client for every call but the chosen, which are changed on their way back."""

    def __init__(self, client: Any, change: Any) -> None:
        self._client, self._change = client, change

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._client, name)
        return lambda **parameters: self._change(name, parameters, ask)


def through(account: Account, change: Any, monkeypatch: pytest.MonkeyPatch) -> Account:
    real = account.client
    monkeypatch.setattr(
        account, "client", lambda service, *rest, **more: Answering(real(service, *rest, **more), change)
    )
    return account


def test_a_page_token_that_repeats_ends_the_walk_and_is_said(
    state: Any, truth: Spending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repeat(name: str, parameters: dict[str, Any], ask: Any) -> Any:
        answer = ask(**{key: value for key, value in parameters.items() if key != "NextPageToken"})
        return {**answer, "NextPageToken": "again"} if name == "get_cost_and_usage" else answer

    found = through(Account.demo(state), repeat, monkeypatch).spending(7)
    incomplete_is_said(found, truth)
    assert "same page token twice" in " ".join(found.now.gaps)


@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize(
    "code", ["DataUnavailableException", "ExpiredTokenException", "AccessDeniedException"]
)
def test_an_error_in_the_middle_of_a_page_walk_leaves_a_floor(
    state: Any, truth: Spending, monkeypatch: pytest.MonkeyPatch, code: str, page: int
) -> None:
    from botocore.exceptions import ClientError

    def cut(name: str, parameters: dict[str, Any], ask: Any) -> Any:
        if name != "get_cost_and_usage" or len(parameters.get("GroupBy", ())) != 2:
            return ask(**parameters)
        if page == 1 or "NextPageToken" in parameters:
            raise ClientError({"Error": {"Code": code, "Message": "cut"}}, "GetCostAndUsage")
        return {**ask(**parameters), "NextPageToken": "next"}

    found = through(Account.demo(state), cut, monkeypatch).spending(7)
    incomplete_is_said(found, truth)
    assert code in " ".join(found.now.gaps)
    said = provenance_of(found.now.lines)
    assert said.completeness in {"floor", "unknown"}
    assert found.now.proof.headline is None


def test_several_currencies_are_never_added_and_the_others_are_named(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def euros(name: str, parameters: dict[str, Any], ask: Any) -> Any:
        answer = ask(**parameters)
        if name == "get_cost_and_usage" and "Claude Haiku" in str(parameters.get("Filter")):
            for row in answer["ResultsByTime"]:
                for group in row["Groups"]:
                    group["Metrics"]["UnblendedCost"]["Unit"] = "EUR"
        return answer

    found = through(Account.demo(state), euros, monkeypatch).spending(7)
    assert found.now.proof.headline is None
    assert set(found.now.proof.by_currency) == {"USD", "EUR"}
    assert set(found.lines["currency"].dropna()) == {"USD"}
    assert "EUR stand apart" in spend.headline(found).text()
    for view in VIEWS:
        view(found)


def test_an_amount_that_cannot_be_read_withholds_the_headline_and_ends_nothing(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(name: str, parameters: dict[str, Any], ask: Any) -> Any:
        answer = ask(**parameters)
        for row in answer["ResultsByTime"] if name == "get_cost_and_usage" else ():
            for group in row["Groups"]:
                if any("Claude4.5Sonnet" in key or key == "m7i.large" for key in group["Keys"]):
                    group["Metrics"] |= {name: {"Amount": "NaN", "Unit": "USD"} for name in group["Metrics"]}
        return answer

    account = through(Account.demo(state), unread, monkeypatch)
    report = CostReport.of(account, CostSettings(account="demo", days=7))
    assert report.spending.now.proof.headline is None
    assert any("no amount that can be read" in gap for gap in report.gaps)
    assert report.numbers["refused"].value is None
    assert report.spending.ec2_proof.withheld
    for view in VIEWS:
        view(report.spending)


def test_a_bill_in_another_currency_is_called_by_it_and_held_to_no_budget_in_dollars(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def yuan(name: str, parameters: dict[str, Any], ask: Any) -> Any:
        answer = ask(**parameters)
        for row in answer["ResultsByTime"] if name == "get_cost_and_usage" else ():
            for part in [*(group["Metrics"] for group in row["Groups"]), row["Total"]]:
                for metric, amount in part.items():
                    amount["Unit"] = amount["Unit"] if metric == "UsageQuantity" else "CNY"
        return answer

    account = through(Account.demo(state), yuan, monkeypatch)
    settings = CostSettings(account="demo", days=7, budget_usd=1, growth_percent=0, unapproved_usd=0)
    report = CostReport.of(account, settings)
    assert report.findings
    assert not [finding for finding in report.findings if "$" in finding.text]
    assert "over_budget" not in {finding.id for finding in report.findings}
    assert any(gap.startswith("Budget: it is in USD and the bill in CNY") for gap in report.gaps)


def test_a_window_before_that_no_history_reaches_is_unknown_and_no_gap(tmp_path: Any) -> None:
    account = Account.demo(tmp_path / "long.sqlite", days=400, calls=500)
    report = CostReport.of(account, CostSettings(account="demo", days=365))
    assert report.gaps == ()
    assert report.numbers["before"].value is None
    assert "holds 13 months" in report.numbers["before"].why
    assert report.numbers["difference"].number == 0
