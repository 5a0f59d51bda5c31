"""All that an investigation of API keys shows, read once: the keys, what was done with them, and what it cost.

Asks IAM and CloudTrail's Event history (free, two requests a second and Region) and Cost Explorer (about ten requests
at $0.01) for prices paid and for the mantle endpoint, whose inference is in no Event history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.card import AccountCard
from bedrock_guard.account.cost_explorer import Window
from bedrock_guard.account.costs import read_bill, with_days
from bedrock_guard.account.facts import learnt
from bedrock_guard.account.key_page import KeyPage, no_page, page_of_key, page_of_session, weight_of_key
from bedrock_guard.account.keys import Keys, read_keys
from bedrock_guard.account.opaque_models import with_opaque_models
from bedrock_guard.account.prices import read_price_list
from bedrock_guard.account.situation import HISTORY, example_spec
from bedrock_guard.account.stored_calls import key_calls_at
from bedrock_guard.account.trail_lookup import DEFAULT_ATTRIBUTES, Attribute, Lookup, look_up
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.answer import Answer, Case
from bedrock_guard.evidence.finding import Evidence, Finding, Thresholds
from bedrock_guard.evidence.findings import find, ranked
from bedrock_guard.evidence.key_use import signers
from bedrock_guard.evidence.mantle import mantle_use
from bedrock_guard.evidence.packed import packed
from bedrock_guard.evidence.prices import from_bill
from bedrock_guard.evidence.questions import answers
from bedrock_guard.evidence.rules_watch import break_glass_used, denied_burst, key_expiring, networks_of_theft
from bedrock_guard.evidence.spend import MANTLE, classify_bill
from bedrock_guard.evidence.suspects import Suspect, suspects
from bedrock_guard.evidence.tables import Provenance, provenance_of
from bedrock_guard.evidence.words import many

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

ATTRIBUTES: Final = tuple(one for one in DEFAULT_ATTRIBUTES if one[0] == "EventSource")
"""What is asked of Event history: no EC2, which no key of Bedrock reaches."""

_MOST_PRICED_REGIONS: Final = 6
REGIONS_ASSUMED: Final = (
    "Which Regions are enabled could not be asked; those known to have Bedrock were asked instead"
)
"""What stands under `unseen` where the list of Regions could not be read."""


@dataclass(frozen=True)
class Investigation:
    """The evidence about an account's API keys for the days up to now.

    Args:
        account: who was asked, when, with how many requests at what price.
        catalogue: models and their names.
        keys: the keys table, users, phantom users and the calls of this account (see `account.keys.Keys`).
        calls: the trail table of this account (`evidence.usage.TRAIL`), kinds of key settled where IAM's lists do,
            repeated texts as categories (`evidence.packed`).
        bill: the classified bill of all accounts that the caller may see.
        prices: what the floor of dollars is counted with (PRICES).
        regions: the Regions whose Event history was read.
        unseen: what is known to be unseen, one sentence each.
        zone: the analyst's time zone, for off-hours.
        thresholds: when a rule speaks.
        break_glass: ARNs that a spec's boundary never binds; None takes the example spec's, and findings say so.

    """

    account: AccountCard
    catalogue: Catalogue
    keys: Keys
    calls: pd.DataFrame
    bill: pd.DataFrame
    prices: pd.DataFrame
    regions: tuple[str, ...]
    unseen: tuple[str, ...]
    zone: tzinfo = UTC
    thresholds: Thresholds = field(default_factory=Thresholds)
    break_glass: tuple[str, ...] | None = None

    @cached_property
    def evidence(self) -> Evidence:
        """What the rules and the questions look at."""
        return Evidence(self.calls, self.account.now, self.keys.table, self.keys.phantoms)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What deserves a look, gravest first."""
        return ranked([*self._signs, *self._glass])

    @cached_property
    def _signs(self) -> tuple[Finding, ...]:
        """The findings but those that ask who looks like a thief."""
        limits, stretch = self.thresholds, timedelta(minutes=self.thresholds.denied_minutes)
        return (
            *find(self.evidence, limits),
            *denied_burst(self.calls, limits.denied_calls, stretch),
            *key_expiring(self.keys.table, self.account.now, limits.expiring_days),
        )

    @property
    def _glass(self) -> Iterator[Finding]:
        stolen = networks_of_theft(self._signs, self.suspects)
        example = self.break_glass is None
        glass = glass_of(example_spec()) if self.break_glass is None else self.break_glass
        return break_glass_used(self.calls, glass, stolen, example=example)

    @cached_property
    def case(self) -> Case:
        """What the questions are asked of."""
        return Case(self.evidence, self.zone, self.prices, self.unseen)

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """The twenty-two questions, answered."""
        return answers(self.case, self.findings)

    @property
    def summed(self) -> pd.DataFrame:
        """The calls, those alike as one row (`evidence.key_use.summed`)."""
        return self.case.summed

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Callers that show the signs of a stolen key."""
        return suspects(self._signs, self.calls, self.prices)

    @property
    def use(self) -> pd.DataFrame:
        """Use of keys by principal and kind of key (KEY_USE)."""
        return self.case.use

    @property
    def sessions(self) -> pd.DataFrame:
        """Short-term keys by the key that signed them (KEY_SESSIONS), the most calls first."""
        return self.case.sessions

    @cached_property
    def mantle(self) -> pd.DataFrame:
        """What can be known of the mantle endpoint (`evidence.mantle.MANTLE_USE`)."""
        return mantle_use(self.calls, self.bill)

    def page(self, key: str = "") -> KeyPage:
        """One key's page.

        Args:
            key: the id of a long-term key, or the access key id that signed short-term keys; empty: the long-term key
                with the most findings. Without any key the page is empty and says so.

        Raises:
            GuardError: no key here has this id.

        """
        table = self.keys.table.dropna(subset=["credential_id"])
        listed = [str(name) for name in table["credential_id"]]
        if not key and not listed:
            return no_page(self.account.account_id)
        if key and key not in listed:
            return self._short_term(key, listed)
        rows = [row for _, row in table.iterrows() if key in {"", str(row["credential_id"])}]
        gravest = max(rows, key=lambda row: weight_of_key(row, self.calls, self.findings))
        told, named = self.summed, self._named
        return page_of_key(
            gravest, self.keys, self.calls, self.findings, self.prices, told=told, account=named
        )

    def _short_term(self, key: str, listed: Sequence[str]) -> KeyPage:
        made = self.calls[(self.calls["access_key_id"] == key) & (self.calls["key_kind"] == "short_term")]
        if not len(made):
            raise GuardError(
                f"No key of account {self.account.account_id} has the id {key}.",
                remedy=f"Take one of {', '.join(listed) or 'the signing keys seen'}, or leave it empty.",
            )
        made.attrs = self.calls.attrs
        now, named = self.account.now, self._named
        return page_of_session(key, made, self.findings, self.prices, now, account=named)

    @property
    def _named(self) -> str:
        """How commands name the account: boto3's own choice stands for a real one, as it does for the AWS CLI."""
        return "demo" if self.account.mode == "demo" else "default"

    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from."""
        return {
            "keys": provenance_of(self.keys.table),
            "calls": provenance_of(self.calls),
            "bill": provenance_of(self.bill),
        }

    def line(self, findings: int | None = None) -> str:
        """One line: whose keys, which days, what was read, how much was found (here by default), what asking cost."""
        window = provenance_of(self.calls)
        days = (
            f"{window.window_start:%Y-%m-%d} to {window.window_end:%Y-%m-%d} (UTC)"
            if window.window_start and window.window_end
            else "days unknown"
        )
        active = int((self.keys.table["status"] == "active").sum())
        parts = [
            f"{'Demo account' if self.account.mode == 'demo' else 'Account'} {self.account.account_id}",
            days,
            f"{len(self.keys.table)} long-term keys, {active} active",
            f"{len(signers(self.summed))} keys that signed short-term keys",
            f"{len(self.calls):,} calls read in {len(self.regions)} Regions",
            many(len(self.findings) if findings is None else findings, "finding"),
            self.account.asked,
        ]
        return " · ".join(parts)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        shown = f"<p role='status' class='mathjax_ignore'>{escape(self.line())}</p>"
        return {"text/plain": self.line(), "text/html": shown}


def investigate(
    account: Account,
    days: int = 90,
    regions: Sequence[str] = (),
    *,
    zone: tzinfo = UTC,
    thresholds: Thresholds | None = None,
    break_glass: tuple[str, ...] | None = None,
    store: str = "",
) -> Investigation:
    """Read all that an investigation of keys needs, for the last days up to now. Reads only.

    Args:
        account: who is asked.
        days: how far back; Event history reaches 90 days.
        regions: Regions whose Event history is read; by default every Region that is enabled, because a stolen key
            looks around where nobody works.
        zone: the analyst's time zone.
        thresholds: when a rule speaks.
        break_glass: ARNs that a spec's boundary never binds; None takes the example spec's.
        store: where to take the calls from instead of Event history: a trail store, files of a trail, or
            `s3://bucket/prefix`; see `stored_calls.key_calls`.

    Example:
        >>> from bedrock_guard.account.session import Account
        >>> found = investigate(Account.demo(), days=30)                      # doctest: +SKIP
        >>> found.findings[0].title, found.page().user                        # doctest: +SKIP

    """
    catalogue = shipped()
    unknown: tuple[str, ...] = ()
    if store:
        start = account.now - timedelta(days=days)
        read, asked = key_calls_at(store, start, account.now, account)
    else:
        asked, unknown = (tuple(regions), ()) if regions else enabled_regions(account, catalogue)
        read = packed(read_calls(account, days, asked, attributes=ATTRIBUTES).reading.frame)
    keys = read_keys(account, read)
    calls = packed(with_opaque_models(account, keys.calls if keys.calls is not None else read, catalogue))
    bill = classify_bill(_bill(account, days), catalogue, learnt=learnt(account))
    prices = _prices(account, bill, calls, catalogue)
    card = AccountCard.of(account)
    unseen = (*unknown, *_of_records(calls, stored=bool(store)), *_unseen(bill, account.account_id))
    limits = thresholds or Thresholds()
    return Investigation(card, catalogue, keys, calls, bill, prices, asked, unseen, zone, limits, break_glass)


def thresholds_of(spec: str | Path) -> Thresholds:
    """The thresholds in the [findings] of a spec file; the defaults without one.

    Raises:
        SpecError: the file cannot be used.
        GuardError: [findings] names a threshold that is none.

    """
    return Thresholds.of(BoundarySpec.load(spec).findings) if spec else Thresholds()


def break_glass_of(spec: str | Path) -> tuple[str, ...] | None:
    """Whom the boundary of a spec file never binds; None without a file.

    Raises:
        SpecError: the file cannot be used.

    """
    return glass_of(BoundarySpec.load(spec)) if spec else None


def glass_of(spec: BoundarySpec) -> tuple[str, ...]:
    """The `break_glass` of all profiles of a spec, each once."""
    return tuple(dict.fromkeys(arn for one in spec.profile.values() for arn in one.break_glass))


def read_calls(
    account: Account,
    days: int,
    regions: Sequence[str] = (),
    *,
    attributes: Sequence[Attribute] = DEFAULT_ATTRIBUTES,
) -> Lookup:
    """The calls of the last days up to now, from the Event history of every enabled Region, or of those given."""
    start = account.now - min(timedelta(days=days), HISTORY)
    asked = tuple(regions) or enabled_regions(account, shipped())[0]
    return look_up(account, asked, start, account.now, attributes=attributes, catalogue=shipped())


def enabled_regions(account: Account, catalogue: Catalogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every enabled Region; where that cannot be asked, those of the catalogue, and a word about it."""
    ec2: Any = account.client("ec2")
    try:
        found = demanded(ec2.describe_regions(), "Regions")
        return tuple(sorted({str(one["RegionName"]) for one in found} | {account.region})), ()
    except (ClientError, BotoCoreError, NotAwsAnswer):
        offered = {name for model in catalogue.models for name in model.in_region}
        offered |= {name for m in catalogue.models for p in m.profiles for name in p.destinations if name}
        kin = {name for name in offered if _partition(name) == account.partition}
        return tuple(sorted(kin | {account.region})), (REGIONS_ASSUMED,)


def _partition(region: str) -> str:
    names = {"us-gov-": "aws-us-gov", "cn-": "aws-cn", "eusc-": "aws-eusc"}
    return next((name for start, name in names.items() if region.startswith(start)), "aws")


def _bill(account: Account, days: int) -> pd.DataFrame:
    """The bill by month, which tells what was paid for a token in a thirtieth of the lines; of mantle by day."""
    months = read_bill(account, Window.last(account.now, days), granularity="MONTHLY")
    return with_days(account, months, {name for name in months.frame["usage_type"] if MANTLE in name})


def _prices(account: Account, bill: pd.DataFrame, calls: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """What was paid, by the bill; list prices where the bill has none."""
    paid = from_bill(bill)
    if len(paid):
        return paid
    called = calls.loc[calls["key_kind"] != "none", "region"].astype("string").value_counts()
    lists = [
        read_price_list(account, str(name), catalogue=catalogue)
        for name in called.index[:_MOST_PRICED_REGIONS]
    ]
    return pd.concat(lists, ignore_index=True) if lists else paid


def _of_records(calls: pd.DataFrame, *, stored: bool) -> tuple[str, ...]:
    """What the source of the records leaves out by its nature: Event history, or files of a trail."""
    if not stored:
        return (
            "Regions that are not enabled were not asked",
            "Data events (mantle inference, agents) were not read",
        )
    if (calls["category"] == "Data").any():
        return ("Data events (mantle inference, agents) are there as far as the trail selects them",)
    return (
        "The files hold no data event of a key (mantle inference, agents): the trail may not select them",
    )


def _unseen(bill: pd.DataFrame, own: str) -> tuple[str, ...]:
    others = sorted({str(name) for name in bill["account_id"].dropna()} - {own})
    told = []
    if others:
        told.append(f"Accounts {', '.join(others)} are on the bill; their keys and records are read there")
    if not provenance_of(bill).complete:
        told.append(f"The bill is not whole ({provenance_of(bill).why})")
    return tuple(told)
