"""Answers about the keys themselves: which there are, who made and changed them, what their users hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bedrock_guard.evidence.answer import (
    MOST_TOLD,
    Answer,
    Case,
    from_rules,
    of_calls,
    of_keys,
)
from bedrock_guard.evidence.caller_names import short, who
from bedrock_guard.evidence.finding import MOST_IDS, Finding, json_of
from bedrock_guard.evidence.key_use import counts
from bedrock_guard.evidence.keys import credential_events
from bedrock_guard.evidence.rules_keys import credentials_added
from bedrock_guard.evidence.words import listed, many

if TYPE_CHECKING:
    import pandas as pd


def _named(keys: pd.DataFrame) -> list[str]:
    """Each key by its id and user; an unreadable row has no id."""
    pairs = zip(keys["credential_id"], keys["user"], strict=True)
    return [f"{key} of {user}" if isinstance(key, str) else f"a key of {user}" for key, user in pairs]


def _maker(row: pd.Series[Any]) -> str:
    arn, _, session = str(row["creator"]).partition(" as ")
    return session or short(arn)


def _place(row: pd.Series[Any], calls: pd.DataFrame) -> str:
    places = calls.loc[calls["event_id"] == row["creator_event"], "source_ip"].dropna()
    return f" from {places.iloc[0]}" if len(places) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "a credential that the record does not name"


def keys_listed(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """How many long-term keys there are, and whose."""

    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        unreadable = int((keys["status"] == "unreadable").sum())
        table = keys[["user", "credential_id", "service", "status", "created", "expires"]]
        return f"{len(keys) - unreadable} keys, of {listed(sorted(set(keys['user'])))}.", table, unreadable

    return of_keys(case, number, question, read)


def key_states(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Keys by state, and those that never expire."""

    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        states = counts(keys["status"])
        endless = keys[keys["never_expires"].fillna(value=False)]
        text = ", ".join(f"{many} {state}" for state, many in states.items()) or "none"
        table = keys[["user", "credential_id", "status", "expires"]]
        return f"{text}. Never expiring: {listed(_named(endless))}.", table, states.get("unreadable", 0)

    return of_keys(case, number, question, read)


def creators(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Who made each key, when and from where, as far as a record shows it."""

    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        known = int((keys["creator_completeness"] == "known").sum())
        table = keys[["user", "credential_id", "created", "creator", "creator_completeness", "creator_event"]]
        made = [
            f"{name} by {_maker(row)} on {row['created']:%Y-%m-%d}{_place(row, case.evidence.calls)}"
            for name, (_, row) in zip(_named(keys), keys.iterrows(), strict=True)
            if row["creator_completeness"] == "known"
        ]
        return f"Known for {known} of {len(keys)} keys: {listed(made)}.", table, len(keys) - known

    found = of_keys(case, number, question, read)
    events = () if found.table is None else tuple(found.table["creator_event"].dropna().astype(str))
    return replace(found, evidence=events[:MOST_IDS])


def changes(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Resets, changes of status and deletions in the records."""
    events = credential_events(case.evidence.calls)
    later = events[events["operation"] != "CreateServiceSpecificCredential"]
    done = counts(later["operation"].astype("string").str.removesuffix("ServiceSpecificCredential"))
    told = [
        f"{_change(event)} of {_text(event['credential_id'])} on {event['event_time']:%Y-%m-%d} by {who(event)}"
        for _, event in later.iloc[:MOST_TOLD].iterrows()
    ]
    text = f"{sum(done.values())} in the records: {'; '.join(told)}" if told else "None in the records"
    columns = ["event_time", "operation", "credential_id", "target_user", "principal", "session", "event_id"]
    return of_calls(case, number, question, f"{text}.", later, table=later[columns])


def _change(event: pd.Series[Any]) -> str:
    """What was done in one word, and to which status."""
    status = json_of(event["parameters"]).get("status")
    return str(event["operation"]).removesuffix("ServiceSpecificCredential") + (
        f" to {status}" if status else ""
    )


def rights(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """The policies of the keys' users, and whether a boundary is known."""

    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        bare = int(keys["boundary"].isna().sum())
        users = keys.drop_duplicates("user")
        told = [
            f"{user} has {'unread policies' if held is None else listed(map(_policy, held))}"
            for user, held in zip(users["user"], users["policies"], strict=True)
        ]
        more = f" and {len(told) - MOST_TOLD} more users" if len(told) > MOST_TOLD else ""
        text = (
            f"{'; '.join(told[:MOST_TOLD])}{more}. "
            f"{bare} of {len(keys)} keys belong to users without a known boundary."
        )
        return text, users[["user", "policies", "boundary"]], int(keys["policies"].isna().sum())

    return of_keys(case, number, question, read)


def _policy(name: object) -> str:
    """A policy without what AWS's own ARNs have in common."""
    return str(name).replace("arn:aws:iam::aws:policy/", "")


def further(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    """What the records say was added, and what IAM's lists hold now: the records may be shorter than the credential."""
    found = from_rules("phantom_credentials", "phantom_elsewhere", none="")(case, findings, number, question)
    keys = case.evidence.keys
    if keys is None:
        said = found.answer or "None in the records."
        return replace(found, answer=said, completeness="unknown", why="keys were not read")
    users = keys.drop_duplicates("user")[["user", "other_credentials"]].reset_index(drop=True)
    added = tuple(credentials_added(case.evidence.calls, users["user"]))
    told = [
        f"{who(event)} {done} {what} to {user} on {event['event_time']:%Y-%m-%d}."
        for event, done, what, user in added
        if str(event["event_id"]) not in found.evidence
    ]
    ids = (*found.evidence, *(str(event["event_id"]) for event, *_ in added))
    said = " ".join(filter(None, [found.answer, *told[:MOST_TOLD]])) or "None in the records."
    found = replace(found, answer=said, evidence=tuple(dict.fromkeys(ids))[:MOST_IDS])
    held = {user: _held(each) for user, each in users.itertuples(index=False, name=None)}
    having = [f"{user} ({words})" for user, words in held.items() if words]
    open_users = sum(words is None for words in held.values())
    text = f"{found.answer} Held now besides a key: {listed(having[:MOST_TOLD])}."
    if open_users:
        why = f"other credentials of {open_users} users could not be read"
        return replace(found, answer=text, completeness="floor", why=why, table=users)
    return replace(found, answer=text, table=users)


def _held(found: Any) -> str | None:
    """Other credentials in words, "" for none; None where a kind could not be read."""
    if not isinstance(found, dict) or any(value is None for value in found.values()):
        return None
    words = [many(len(found["access_keys"]), "access key")] if found["access_keys"] else []
    words += ["a console password"] if found["login_profile"] else []
    counted = {"mfa_devices": "MFA device", "ssh_keys": "SSH key", "certificates": "signing certificate"}
    words += [many(int(found[name]), word) for name, word in counted.items() if found[name]]
    return ", ".join(words)


def last_used(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """When each key was last used, and the first calls in these records."""

    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        seen = int(keys["last_used"].notna().sum())
        table = keys[["user", "credential_id", "last_used", "last_used_source"]]
        told = [
            f"{name} {moment:%Y-%m-%d}"
            for name, moment in zip(_named(keys), keys["last_used"], strict=True)
            if moment is not None and moment == moment  # noqa: PLR0124 - NaT is not equal to itself
        ]
        first = _first_uses(case.evidence.calls)
        since = f" First calls in these records: {listed(first)}." if first else ""
        return f"Use is known of {seen} of {len(keys)} keys: {listed(told)}.{since}", table, len(keys) - seen

    found = of_keys(case, number, question, read)
    keyed = _keyed(case.evidence.calls)
    ends = keyed.groupby("principal", sort=False, observed=True)["event_id"].agg(["last", "first"])
    ids = [str(one) for pair in ends.itertuples(index=False, name=None) for one in pair]
    return replace(found, evidence=tuple(dict.fromkeys(ids))[:MOST_IDS])


def _keyed(calls: pd.DataFrame) -> pd.DataFrame:
    """Calls with long-term keys, oldest first."""
    columns = ["principal", "event_time", "event_id"]
    return calls.loc[calls["key_kind"] == "long_term", columns].sort_values("event_time")


def _first_uses(calls: pd.DataFrame) -> list[str]:
    """The first call with a long-term key of each user; an earlier one may lie before the records."""
    first = _keyed(calls).groupby("principal", sort=False, observed=True)["event_time"].first()
    return [f"{short(principal)} {moment:%Y-%m-%d}" for principal, moment in first.items()][:MOST_TOLD]
