"""A window's bill by caller, on the demo account: from its event history, an invocation log and its cost export."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.account.caller_spend import CallerSpend, read_caller_spend
from bedrock_guard.account.session import Account
from bedrock_guard.account.spending import Spending
from bedrock_guard.demo.company import make_company
from bedrock_guard.demo.company.exports import write_cur
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.tables import total
from bedrock_guard.present import spend_callers as show
from bedrock_guard.present.note import Note

CALLS = 2_000


@pytest.fixture(scope="module")
def account() -> Account:
    return Account.demo(calls=CALLS)


@pytest.fixture(scope="module")
def found(account: Account) -> Spending:
    return account.spending(28)


@pytest.fixture(scope="module")
def cur(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("cur")
    write_cur(make_company(calls=CALLS), folder)
    return folder


@pytest.fixture(scope="module")
def who(account: Account, found: Spending, cur: Path) -> CallerSpend:
    return read_caller_spend(account, found, export=str(cur))


def test_callers_and_the_rest_add_up_to_the_headline(who: CallerSpend, found: Spending) -> None:
    assert who.counted is not None
    assert who.counted.whole == found.now.proof.usage
    assert 0 < who.counted.attributed < who.counted.whole
    assert total(who.counted.by_caller()["cost"]) == found.now.proof.headline
    assert who.counted.by_caller()["principal"].tolist()[-1] is None
    assert {service for service, _ in who.asked} == {"cloudtrail", "bedrock"}


def test_the_export_names_callers_and_agrees_with_cost_explorer(who: CallerSpend, found: Spending) -> None:
    assert who.difference is not None
    assert abs(who.difference) < Decimal("0.005")
    days = who.exported["day"] if who.exported is not None else []
    assert (min(days).date(), max(days).date()) == (found.window.start, found.lines["day"].max().date())
    words = show.exported(who, found)
    assert not isinstance(words, Note)
    assert "difference $0.00" in words.caption
    assert show.NOBODY in set(words.frame["caller"])


def test_a_log_attributes_what_event_history_cannot(
    account: Account, found: Spending, tmp_path: Path
) -> None:
    cached = found.lines[found.lines["token_kind"] == "cache_read"].iloc[0]
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": f"{cached['day']:%Y-%m-%d}T10:00:00Z",
        "accountId": cached["account_id"],
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/Cached/s"},
        "region": cached["region"],
        "requestId": "r-1",
        "modelId": cached["model"],
        "input": {"cacheReadInputTokenCount": 1000},
    }
    (tmp_path / "log.json").write_text(json.dumps(record))
    who = read_caller_spend(account, found, history=False, logs=str(tmp_path))
    assert who.counted is not None
    callers = who.counted.by_caller()
    assert callers["principal"].tolist() == ["arn:aws:iam::111122223333:role/Cached", None]
    each = cached["cost"] / (cached["quantity"] * int(cached["unit_tokens"]))
    assert abs(callers["cost"].iloc[0] - 1000 * each) < Decimal("1e-9")


def test_without_a_source_callers_are_unknown_and_not_zero(account: Account, found: Spending) -> None:
    who = read_caller_spend(account, found, history=False)
    assert (who.counted, who.exported, who.difference) == (None, None, None)
    for shown in (show.chart(who, found), show.counted(who, found), show.coverage(who, found)):
        assert isinstance(shown, Note)
        assert "0.00" not in shown.text()


def test_a_bill_that_is_not_whole_attributes_nothing() -> None:
    broken = Account.demo(calls=200, faults=[Fault("ce:GetCostAndUsage", "access_denied")])
    who = read_caller_spend(broken, broken.spending(28))
    assert who.counted is None
    assert "not whole" in who.tokens.why


def test_nothing_at_a_place_is_said(account: Account, found: Spending, tmp_path: Path) -> None:
    for named in ({"logs": str(tmp_path / "none")}, {"export": str(tmp_path)}):
        with pytest.raises(GuardError):
            read_caller_spend(account, found, history=False, **named)


def test_the_page_names_models_and_reasons(who: CallerSpend, found: Spending) -> None:
    page = [show.counted(who, found), show.coverage(who, found), show.source(who)]
    text = "\n".join(part.text() for part in page)
    for words in ("has a caller", "batch jobs", "paid by the hour", "CloudTrail Event history"):
        assert words in text
