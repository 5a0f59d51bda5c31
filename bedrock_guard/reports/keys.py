"""The key usage report: which keys exist, who made and used them, what it cost, and what deserves a look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd

from bedrock_guard.account.card import AccountCard
from bedrock_guard.account.investigation import (
    REGIONS_ASSUMED,
    Investigation,
    break_glass_of,
    investigate,
    thresholds_of,
)
from bedrock_guard.account.key_page import KeyPage, no_page
from bedrock_guard.account.resources import Logging, Resources, read_resources
from bedrock_guard.account.situation import example_spec
from bedrock_guard.account.stored_calls import gaps as call_gaps
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.denials import LAYER_WORDS
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.key_use import KEYED, counts, signers
from bedrock_guard.evidence.tables import Provenance, dollars, provenance_of, total
from bedrock_guard.evidence.words import many, some
from bedrock_guard.present import keys as show
from bedrock_guard.present import resources as show_resources
from bedrock_guard.present.charts import bars
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown
from bedrock_guard.reports.account_report import AccountReport
from bedrock_guard.reports.figures import Figure, Finding
from bedrock_guard.reports.key_findings import key_findings, suspected
from bedrock_guard.reports.names import (
    names_of_calls,
    names_of_findings,
    names_of_keys,
    names_of_resources,
    names_of_spec,
)
from bedrock_guard.reports.parts import Html, figure, in_zone, unread, verdict
from bedrock_guard.reports.remedies import failed
from bedrock_guard.reports.settings import BadParameters, KeySettings
from bedrock_guard.reports.trend import Earlier, earlier_runs, with_news

_FEW: Final = 3
"""Callers and users that are told by name where there are many."""
_LIMITS: Final = ("key_age_days", "expiring_days", "denied_calls", "denied_minutes")
"""Thresholds that are parameters too."""
_ADVISOR: Final = r"(access advisor not read \(.*?\))"

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bedrock_guard.account.session import Account


_NO_PRICE: Final = "no call has a price"
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")
LOOKED_AT: Final = (
    "Asked are the account's own Region and those where a key was used, records show that Bedrock was changed, "
    "or the bill has Bedrock."
)


def looked_at(case: Investigation, own: str) -> list[str]:
    """The Regions whose resources are read: a commitment stands where it was made and is paid, not where keys are used.

    Args:
        case: its records and its bill.
        own: the account's own Region.
    """
    calls, bill = case.calls, case.bill
    bedrock = calls["service"].astype("string").str.startswith("bedrock").fillna(value=False)
    reading = calls["read_only"].astype("boolean").fillna(value=False)
    changed = bedrock & ~calls["operation"].isin(list(INVOCATIONS)) & ~reading
    seen = calls.loc[changed | calls["key_kind"].isin(["long_term", "short_term"]), "region"]
    paid = bill.loc[bill["account_id"] == case.account.account_id, "region"]
    names = {str(name) for column in (seen, paid) for name in column.dropna().unique()}
    return sorted({own} | {name for name in names if _REGION.fullmatch(name)})


@dataclass(frozen=True)
class KeyReport(AccountReport[KeySettings]):
    """One run's evidence and what is shown of it; the notebook shows these attributes one by one.

    Args:
        settings: the checked parameters.
        case: keys, calls, bill and findings.
        spec: for its exceptions.
        resources: what exists in Bedrock, and the state of model invocation logging, in the Regions of `looked_at`.
        earlier: earlier runs.

    """

    kind: ClassVar[str] = "keys"

    settings: KeySettings
    case: Investigation
    spec: BoundarySpec
    resources: Resources
    earlier: Earlier

    @classmethod
    def of(cls, account: Account, settings: KeySettings) -> KeyReport:
        """The report of an open account."""
        limits = thresholds_of(settings.spec)
        own = {name: getattr(settings, name) for name in _LIMITS}
        limits = replace(limits, **{name: value for name, value in own.items() if value is not None})
        glass, zone = break_glass_of(settings.spec), settings.zone
        case = investigate(
            account, settings.days, zone=zone, thresholds=limits, break_glass=glass, store=settings.calls
        )
        spec = BoundarySpec.load(settings.spec) if settings.spec else example_spec()
        resources = read_resources(account, looked_at(case, account.region))
        case = replace(case, account=AccountCard.of(account))  # with what was read since
        window = _window(case)
        earlier = earlier_runs(settings.previous, "keys", case.account.account_id, window)
        report = cls(settings, case, spec, resources, earlier)
        _ = report.page  # a key that does not exist is said before anything is shown
        return report

    @property
    def logging(self) -> tuple[Logging, ...]:
        """The state of model invocation logging where Bedrock is in use."""
        return self.resources.logging

    @property
    def exists(self) -> tuple[Shown, Shown]:
        """What exists: Region by Region with what could be read and which were left out, and thing by thing."""
        held, zone = self.resources, self.settings.zone
        regions = show_resources.regions(held)
        left = sorted(set(self.case.regions) - {one.region for one in held.asked})
        why = f" {LOOKED_AT}" + (f" Not asked, with no sign of any: {', '.join(left)}." if left else "")
        logs = " Without an invocation log no prompt of a thief can be read."
        regions = replace(regions, caption=regions.caption + logs + why)
        things = show_resources.standing(held, name_of=self.case.catalogue.name_of)
        return in_zone(regions, zone), in_zone(things, zone)

    @property
    def card(self) -> AccountCard:
        """Who was asked, and what asking cost."""
        return self.case.account

    @property
    def window(self) -> tuple[datetime, datetime]:
        """The window of the calls."""
        return _window(self.case)

    @property
    def headline(self) -> Html:
        """The verdict, the cards, and one line on what was read."""
        shown = ("keys", "keys_active", "keys_never_expire", "calls_with_keys", "usd_at_least", "denied")
        cards = "".join(
            f"<li><b>{escape(_card(self.numbers[name]))}</b> <span>{escape(self.numbers[name].label)}</span></li>"
            for name in shown
        )
        note = f'<p class="note">{escape(self.case.line(len(self.findings)))}</p>'
        return Html(
            f'{verdict(self.findings, self.gaps, self.lead).text}<ul class="headline">{cards}</ul>{note}'
        )

    @property
    def lead(self) -> tuple[str, ...]:
        """What looks like a stolen key, and how things stand with keys."""
        told = {one.about: show.theft(one, self.case) for one in self.case.suspects}
        for about, signs in suspected(self.findings).items():
            words = f"{about} looks like a stolen key: {', '.join(signs)}. What to do stands under “If it leaked”."
            told.setdefault(about, (words,))
        first, rest = list(told.values())[:_FEW], list(told)[_FEW:]
        stolen = [line for lines in first for line in lines]
        stolen += (
            [f"The signs of a stolen key are seen of {some(rest, _FEW)} too: see the findings."]
            if rest
            else []
        )
        held = self.numbers
        if held["keys"].number is None:
            return tuple(stolen)
        endless = held["keys_never_expire"].number
        never = f", {endless} never expire{'s' if endless == 1 else ''}" if endless else ""
        stands = (
            f"Of {many(int(held['keys'].number), 'long-term key')} {_card(held['keys_active'])} can be used{never}; "
            f"{_at_least(held['usd_at_least'].number)} was spent with keys of every kind in "
            f"{self.settings.days} days, by whomever."
        )
        return (*stolen, stands)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """What should have been read and was not; what no source could tell is no gap."""
        found = self._lists_short
        bill = provenance_of(self.case.bill)
        found += [] if bill.complete else [f"Bill: {bill.why}"]
        found += self._users_short
        sources = self.case.keys.table["last_used_source"].dropna().str.extract(_ADVISOR, expand=False)
        found += [f"Last use: {why}" for why in sources.dropna().unique() if failed(why)]
        found += unread(self.resources)
        return tuple(dict.fromkeys(found))

    @property
    def _lists_short(self) -> list[str]:
        """What is missing of keys and of calls with them."""
        why = provenance_of(self.case.keys.table).why
        found = [f"Keys: {why}"] if why else []
        found += [f"Calls: {why}" for why in call_gaps(provenance_of(self.case.calls))]
        return found + [REGIONS_ASSUMED for _ in {REGIONS_ASSUMED} & set(self.case.unseen)]

    @property
    def _users_short(self) -> list[str]:
        """Users of whom something could not be read, those of one reason in one line."""
        alike: dict[str, list[str]] = {}
        for name, facts in self.case.keys.users.items():
            if facts.unreadable:
                alike.setdefault("; ".join(facts.unreadable[:3]), []).append(name)
        return [
            f"User{'' if len(names) == 1 else 's'} {some(names, _FEW)}: {why}" for why, names in alike.items()
        ]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to look at, gravest first."""
        return with_news(key_findings(self.case, self.spec, self.settings), self.earlier.last, self.names)

    @cached_property
    def page(self) -> KeyPage:
        """The page of the key asked for, or of the one with the most findings.

        Raises:
            BadParameters: there is no such key, and everything that could name one was read.

        """
        try:
            return self.case.page(self.settings.key)
        except GuardError as error:
            if not self._lists_short:
                raise BadParameters(error.what, why=error.why, remedy=error.remedy) from error
            empty = no_page(self.card.account_id)
            return replace(empty, user=f"Key {self.settings.key} is in nothing that could be read.")

    def show(self, name: str) -> Any:
        """One of the tables of an investigation by its name, such as "inventory"; some are of one key."""
        of_one = name in {"summary", "timeline", "models", "places", "chart", "runbook"}
        return in_zone(getattr(show, name)(self.page if of_one else self.case), self.settings.zone)

    @property
    def use_chart(self) -> go.Figure | Note:
        """At least so many dollars by user or role and kind of key."""
        table = self._use()
        if table.empty:
            return Note(("No call with a key was seen.",))
        return bars(table[["who", "cost_usd"]], by="who", title="Spend with keys, at least, USD")

    @property
    def use(self) -> Shown | Note:
        """Use by user or role and kind of key: models, tokens, dollars, refusals."""
        table = self._use()
        if table.empty:
            return Note(("No call with a key was seen in these days.",))
        words = (
            f"Use of keys in all {self.settings.days} days, an owner's and a thief's calls together, at least so much: "
            f"{show.FLOOR}."
        )
        headers = {"cost_usd": "USD at least", "who": "user or role"}
        under = {"calls": "refused", "programs": "networks", "models": "regions"}
        return in_zone(Shown(table, words, headers, under=under), self.settings.zone)

    @property
    def denials(self) -> Shown | Note:
        """Refused calls by layer and caller."""
        calls = self.case.calls
        denied = calls[calls["denied_by"].notna()]
        if denied.empty:
            return Note(("No refused call was seen in these days.",))
        rows = [
            {
                "refused_by": LAYER_WORDS.get(str(layer), str(layer)),
                "caller": show.who(principal),
                "calls": len(part),
                "operations": sorted(set(part["operation"].dropna())),
                "last": part["event_time"].max(),
            }
            for (layer, principal), part in denied.groupby(["denied_by", "principal"], dropna=False)
        ]
        frame = pd.DataFrame(rows).sort_values(
            ["calls", "caller"], ascending=[False, True], ignore_index=True
        )
        words = "Refused calls by what refused them, as far as the record's message names it."
        return in_zone(Shown(frame, words), self.settings.zone)

    @property
    def unseen(self) -> tuple[str, ...]:
        """What no trail or listing shows."""
        return (f"Not seen: {'. '.join(self.case.unseen)}.",)

    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from."""
        return {name.capitalize(): proof for name, proof in self.case.provenances().items()}

    @cached_property
    def numbers(self) -> dict[str, Figure]:
        """Every figure by its name."""
        table, calls = self.case.keys.table, self.case.calls
        keys, seen = provenance_of(table), provenance_of(calls)
        known = table[table["status"] != "unreadable"]
        blind = self.case.keys.listing.completeness == "unknown"
        states = counts(known["status"])
        signed = len(signers(self.case.summed))
        keyed = calls[calls["key_kind"].isin(list(KEYED))]
        held = {
            "keys": figure("long-term keys", None if blind else len(known), "keys", "Keys", keys),
            **{f"keys_{state}": figure(f"{state} keys", None if blind else states.get(state, 0), "keys", "Keys", keys)
               for state in ("active", "inactive", "expired")},
            "keys_never_expire": figure(
                "active keys that never expire", None if blind else _endless(known), "keys", "Keys", keys),
            "short_term_signers": figure(
                "access keys that signed short-term keys", signed, "access keys", "Calls", seen),
            "calls_with_keys": figure("calls with keys", len(keyed), "calls", "Calls", seen),
            "denied": figure(
                "refused calls of all callers", int(calls["denied_by"].notna().sum()), "calls", "Calls", seen),
            "phantom_users": figure("users made for a key", len(self.case.keys.phantoms), "users", "Keys", keys),
        }  # fmt: skip
        use = self.case.use
        priced = use[use["usd_at_least"].notna()]
        floor = seen.lowered("floor", show.FLOOR)
        spent = total(priced["usd_at_least"]) if len(priced) or use.empty else None
        held["usd_at_least"] = figure("spent with all keys", spent, "USD", "Calls", floor, _NO_PRICE)
        for row in use.to_dict("records"):
            name = f"{show.who(row['principal'])} ({str(row['key_kind']).replace('_', ' ')})"
            held[f"use:{row['principal']}:{row['key_kind']}"] = figure(
                f"spent by {name}", row["usd_at_least"], "USD", "Calls", floor, _NO_PRICE
            )
        return held

    @property
    def own_names(self) -> dict[str, str]:
        """Names in what was read -> their kind."""
        held = names_of_findings(self.case.findings) | names_of_calls(self.case.calls)
        held |= names_of_keys(self.case.keys) | names_of_spec(self.spec)
        return held | names_of_resources(self.resources)

    def _use(self) -> pd.DataFrame:
        rows = [
            {
                "who": f"{show.who(row['principal'])} ({str(row['key_kind']).replace('_', ' ')})",
                "cost_usd": row["usd_at_least"] if isinstance(row["usd_at_least"], Decimal) else None,
                "calls": row["calls"],
                "refused": row["refused"],
                "tokens": show.tokens(row),
                "models": _listed(row["models"], show.model),
                "programs": _listed(row["clients"]),
                "networks": _listed(row["networks"]),
                "regions": _listed(row["regions"]),
                "last_call": row["last_seen"],
            }
            for row in show.dearest(self.case.use).to_dict("records")
        ]
        return pd.DataFrame(rows).astype({"cost_usd": "object"}) if rows else pd.DataFrame(rows)


def _window(case: Investigation) -> tuple[datetime, datetime]:
    proof = provenance_of(case.calls)
    return proof.window_start or case.account.now, proof.window_end or case.account.now


def _endless(keys: pd.DataFrame) -> int:
    return int((keys["never_expires"].fillna(value=False) & (keys["status"] == "active")).sum())


def _listed(found: Mapping[str, int], name: Any = str) -> str:
    return ", ".join(f"{name(key)} ({count:,})" for key, count in found.items()) or "none"


def _at_least(cost: Decimal | None) -> str:
    return "an unknown amount" if cost is None else f"at least {dollars(cost)}"


def _card(shown: Figure) -> str:
    number = shown.number
    if number is None:
        return "unknown"
    value = dollars(number) if shown.unit == "USD" else f"{number:,f}"
    return f"≥ {value}" if shown.completeness == "floor" else value
