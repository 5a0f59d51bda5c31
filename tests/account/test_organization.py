"""Which accounts an SCP's target covers: from the real answers of the demo account, and where they cannot be had."""

from __future__ import annotations

from bedrock_guard.account.organization import Organization, read_organization
from bedrock_guard.account.session import Account
from bedrock_guard.demo.faults import Fault

MEMBERS = ("000000000011", "000000000012")


def test_units_and_accounts_with_what_they_cover() -> None:
    found = read_organization(Account.demo())
    kinds = {one.id: one.kind for one in found.targets}
    assert kinds == {
        "ou-demo-workload1": "unit",
        "r-demo": "root",
        **dict.fromkeys((*MEMBERS, "111122223333"), "account"),
    }
    assert found.covered("ou-demo-workload1") == MEMBERS
    assert found.covered("r-demo") == MEMBERS
    assert found.covered(MEMBERS[0]) == MEMBERS[:1]
    assert found.covered("111122223333") == (), "no SCP binds the management account"
    assert "000000000011 tidewater-research" in found.covers("ou-demo-workload1")


def test_every_page_is_read() -> None:
    account = Account.demo(accounts=45)
    assert len([one for one in read_organization(account).targets if one.kind == "account"]) == 45


def test_what_cannot_be_read_is_unknown_and_said() -> None:
    for fault in ("access_denied", "html200"):
        account = Account.demo(faults=[Fault("organizations:ListAccounts", fault)])
        found = read_organization(account)
        assert found.targets == ()
        assert found.covered("ou-demo-workload1") is None
        assert found.why
        assert "unknown" in found.covers("ou-demo-workload1")
    assert Organization().covered(MEMBERS[0]) is None
