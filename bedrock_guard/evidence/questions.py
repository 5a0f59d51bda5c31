"""The investigator's questions about keys, each answered with its evidence and how complete the answer is.

An answer that the data cannot give says so; "none seen" is never "none" where something could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.findings import (
    MOST_IDS,
    Evidence,
    Finding,
    bedrock_calls,
    find,
    narrowed,
    short,
    who,
)
from bedrock_guard.evidence.key_use import INVOCATIONS, counts, key_use, short_term_sessions
from bedrock_guard.evidence.keys import credential_events
from bedrock_guard.evidence.rules_use import networks_of
from bedrock_guard.evidence.tables import Completeness, dollars, provenance_of

if TYPE_CHECKING:
    import pandas as pd

_MOST_TOLD: Final = 5
OFFICE_HOURS: Final = (7, 20)
"""Hours of the day, in the analyst's zone, that are not off-hours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one question.

    Args:
        number: its place in the list.
        question: the question.
        answer: one sentence or two.
        completeness: complete, floor or unknown.
        why: the reason for anything but complete.
        evidence: event ids, at most `MOST_IDS`.
        table: the details, where there are several.
    """

    number: int
    question: str
    answer: str
    completeness: Completeness
    why: str = ""
    evidence: tuple[str, ...] = ()
    table: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What the questions are asked of.

    Args:
        evidence: calls, keys and phantoms.
        zone: the analyst's time zone, for off-hours.
        prices: a price table; None gives no dollars.
        unseen: what is known to be unseen, one sentence each (regions not asked, selectors, accounts).
    """

    evidence: Evidence
    zone: tzinfo
    prices: pd.DataFrame | None = None
    unseen: tuple[str, ...] = ()


def answers(case: Case, findings: Sequence[Finding] | None = None) -> tuple[Answer, ...]:
    """All twenty-two questions, answered in their order; `findings` are those of the case, where they were made."""
    findings = find(case.evidence) if findings is None else findings
    return tuple(
        ask(case, findings, number, question) for number, (question, ask) in enumerate(QUESTIONS, start=1)
    )


_Read = Callable[["pd.DataFrame"], tuple[str, "pd.DataFrame", int]]
_Ask = Callable[[Case, Sequence[Finding], int, str], Answer]


def _of_calls(case: Case, number: int, question: str, text: str, events: pd.DataFrame, **more: Any) -> Answer:
    proof = provenance_of(case.evidence.calls)
    ids = tuple(events["event_id"].astype(str).iloc[:MOST_IDS])
    return Answer(number, question, text, proof.completeness, proof.why, ids, **more)


def _of_keys(case: Case, number: int, question: str, read: _Read) -> Answer:
    """An answer from the keys table; `read` gives the text, the details and for how many keys nothing is known."""
    keys = case.evidence.keys
    if keys is None:
        return Answer(number, question, "Not known: keys were not read.", "unknown", "keys were not read")
    text, table, open_keys = read(keys)
    proof = provenance_of(keys)
    if open_keys:
        proof = proof.lowered("floor", f"not known for {open_keys} of {len(keys)} keys")
    return Answer(number, question, text, proof.completeness, proof.why, (), table)


def _from_rules(*rules: str, none: str) -> _Ask:
    """An answer made of what some rules found."""

    def ask(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
        own = [finding for finding in findings if finding.rule in rules]
        proof = provenance_of(case.evidence.calls)
        ids = [event for finding in own for event in finding.evidence]
        text = " ".join(finding.title for finding in own[:5]) or none
        more = f" And {len(own) - 5} more." if len(own) > 5 else ""
        return Answer(number, question, text + more, proof.completeness, proof.why, tuple(ids[:MOST_IDS]))

    return ask


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


def _many(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _listed(items: Iterable[Any]) -> str:
    return ", ".join(str(item) for item in items) or "none"


def _keys_listed(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        unreadable = int((keys["status"] == "unreadable").sum())
        return f"{len(keys) - unreadable} keys, of {_listed(sorted(set(keys['user'])))}.", keys, unreadable

    return _of_keys(case, number, question, read)


def _key_states(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        states = counts(keys["status"])
        endless = keys[keys["never_expires"].fillna(value=False)]
        text = ", ".join(f"{many} {state}" for state, many in states.items()) or "none"
        table = keys[["user", "credential_id", "status", "expires"]]
        return f"{text}. Never expiring: {_listed(_named(endless))}.", table, states.get("unreadable", 0)

    return _of_keys(case, number, question, read)


def _creators(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        known = int((keys["creator_completeness"] == "known").sum())
        table = keys[["user", "credential_id", "created", "creator", "creator_completeness", "creator_event"]]
        made = [
            f"{name} by {_maker(row)} on {row['created']:%Y-%m-%d}{_place(row, case.evidence.calls)}"
            for name, (_, row) in zip(_named(keys), keys.iterrows(), strict=True)
            if row["creator_completeness"] == "known"
        ]
        return f"Known for {known} of {len(keys)} keys: {_listed(made)}.", table, len(keys) - known

    found = _of_keys(case, number, question, read)
    events = () if found.table is None else tuple(found.table["creator_event"].dropna().astype(str))
    return replace(found, evidence=events[:MOST_IDS])


def _changes(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    events = credential_events(case.evidence.calls)
    later = events[events["operation"] != "CreateServiceSpecificCredential"]
    done = counts(later["operation"].str.removesuffix("ServiceSpecificCredential"))
    told = [
        f"{str(event['operation']).removesuffix('ServiceSpecificCredential')} of {_text(event['credential_id'])} "
        f"on {event['event_time']:%Y-%m-%d} by {who(event)}"
        for _, event in later.iloc[:_MOST_TOLD].iterrows()
    ]
    text = f"{sum(done.values())} in the records: {'; '.join(told)}" if told else "None in the records"
    columns = ["event_time", "operation", "credential_id", "target_user", "principal", "session", "event_id"]
    return _of_calls(case, number, question, f"{text}.", later, table=later[columns])


def _rights(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        bare = int(keys["boundary"].isna().sum())
        users = keys.drop_duplicates("user")
        told = [
            f"{user} has {'unread policies' if held is None else _listed(map(_policy, held))}"
            for user, held in zip(users["user"], users["policies"], strict=True)
        ]
        more = f" and {len(told) - _MOST_TOLD} more users" if len(told) > _MOST_TOLD else ""
        text = (
            f"{'; '.join(told[:_MOST_TOLD])}{more}. "
            f"{bare} of {len(keys)} keys belong to users without a known boundary."
        )
        return text, users[["user", "policies", "boundary"]], int(keys["policies"].isna().sum())

    return _of_keys(case, number, question, read)


def _policy(name: object) -> str:
    """A policy without what AWS's own ARNs have in common."""
    return str(name).replace("arn:aws:iam::aws:policy/", "")


def _further(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    """What the records say was added, and what IAM's lists hold now: the records may be shorter than the credential."""
    told = _from_rules("phantom_credentials", "phantom_elsewhere", none="None in the records.")
    found = told(case, findings, number, question)
    keys = case.evidence.keys
    if keys is None:
        return replace(found, completeness="unknown", why="keys were not read")
    users = keys.drop_duplicates("user")[["user", "other_credentials"]].reset_index(drop=True)
    held = {user: _held(each) for user, each in users.itertuples(index=False, name=None)}
    having = [f"{user} ({words})" for user, words in held.items() if words]
    open_users = sum(words is None for words in held.values())
    text = f"{found.answer} Held now besides a key: {_listed(having[:_MOST_TOLD])}."
    if open_users:
        why = f"other credentials of {open_users} users could not be read"
        return replace(found, answer=text, completeness="floor", why=why, table=users)
    return replace(found, answer=text, table=users)


def _held(found: Any) -> str | None:
    """Other credentials in words, "" for none; None where a kind could not be read."""
    if not isinstance(found, dict) or any(value is None for value in found.values()):
        return None
    words = [_many(len(found["access_keys"]), "access key")] if found["access_keys"] else []
    words += ["a console password"] if found["login_profile"] else []
    counted = {"mfa_devices": "MFA device", "ssh_keys": "SSH key", "certificates": "signing certificate"}
    words += [_many(int(found[name]), word) for name, word in counted.items() if found[name]]
    return ", ".join(words)


def _last_used(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    def read(keys: pd.DataFrame) -> tuple[str, pd.DataFrame, int]:
        seen = int(keys["last_used"].notna().sum())
        table = keys[["user", "credential_id", "last_used", "last_used_source"]]
        told = [
            f"{name} {moment:%Y-%m-%d}"
            for name, moment in zip(_named(keys), keys["last_used"], strict=True)
            if moment is not None and moment == moment  # noqa: PLR0124 - NaT is not equal to itself
        ]
        first = _first_uses(case.evidence.calls)
        since = f" First calls in these records: {_listed(first)}." if first else ""
        return f"Use is known of {seen} of {len(keys)} keys: {_listed(told)}.{since}", table, len(keys) - seen

    return _of_keys(case, number, question, read)


def _first_uses(calls: pd.DataFrame) -> list[str]:
    """The first call with a long-term key of each user; an earlier one may lie before the records."""
    keyed = calls.loc[calls["key_kind"] == "long_term", ["principal", "event_time"]].sort_values("event_time")
    first = keyed.groupby("principal", sort=False)["event_time"].first()
    return [f"{short(principal)} {moment:%Y-%m-%d}" for principal, moment in first.items()][:_MOST_TOLD]


def _short_term(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = case.evidence.calls
    sessions = short_term_sessions(calls, case.prices)
    people = len(sessions[["principal", "session"]].drop_duplicates())
    text = (
        f"{_many(len(sessions), 'signing key')} of {_many(people, 'person or session', 'people or sessions')} "
        "were seen; making such a key leaves no event."
    )
    made = calls.loc[calls["key_kind"] == "short_term", ["event_id"]]
    return _of_calls(case, number, question, text, made, table=sessions)


def _models(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = case.evidence.calls
    use = key_use(calls, case.prices)
    keyed = calls.loc[calls["key_kind"] != "none", ["event_id", "model"]]
    missing = int(use["calls_without_tokens"].fillna(0).sum())
    text = f"{len(keyed)} calls with keys, of {keyed['model'].nunique()} models; {missing} carry no token counts."
    spent = [
        f"{short(row['principal'])} ({str(row['key_kind']).replace('_', ' ')}) {dollars(row['usd_at_least'])}"
        for row in use.iloc[:_MOST_TOLD].to_dict("records")
    ]
    text = f"{text} At least: {_listed(spent)}. Cache tokens are in no record."
    return _of_calls(case, number, question, text, keyed, table=use)


def _refused(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = case.evidence.calls
    refused = calls[calls["denied_by"].notna()]
    layers = (
        ", ".join(f"{number} by {layer}" for layer, number in counts(refused["denied_by"]).items()) or "none"
    )
    columns = [
        "event_time",
        "principal",
        "operation",
        "denied_by",
        "denied_action",
        "denied_resource",
        "denied_policy",
    ]
    return _of_calls(case, number, question, f"Refused calls: {layers}.", refused, table=refused[columns])


def _gaps(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    import pandas as pd

    calls = case.evidence.calls
    proof = provenance_of(calls)
    if proof.window_start is None or proof.window_end is None:
        return Answer(
            number, question, "Not known: the records do not say what they cover.", "unknown", proof.why
        )
    seen = set(calls["event_time"].dt.floor("D").unique())
    first = pd.Timestamp(proof.window_start).floor("D")
    days = [
        day for day in pd.date_range(first, proof.window_end, freq="D", inclusive="left") if day not in seen
    ]
    whole = len(pd.date_range(first, proof.window_end, freq="D", inclusive="left"))
    active = (
        calls[["region"]].assign(day=calls["event_time"].dt.floor("D")).groupby("region")["day"].nunique()
    )
    table = pd.DataFrame({"region": active.index, "days_with_rows": active.to_numpy(), "days": whole})
    text = (
        f"{len(days)} days without any row: {_listed(f'{day:%Y-%m-%d}' for day in days[:10])}. "
        f"Rows come from {_many(len(active), 'Region')}. CloudTrail's digest files were not checked."
    )
    why = "absence of records is no proof that nothing happened"
    return Answer(number, question, text, "unknown", why, table=table)


def _spread(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = bedrock_calls(case.evidence.calls)
    table = (
        calls.groupby("principal")["region"].agg(lambda regions: sorted(set(regions.dropna()))).reset_index()
    )
    table["regions"] = table["region"].map(len)
    answered = calls.groupby("principal")["inference_region"].agg(
        lambda regions: sorted(set(regions.dropna()))
    )
    table["answered_in"] = table["principal"].map(answered)
    widest = table.sort_values("regions", ascending=False).head(3)
    text = (
        "; ".join(f"{short(p)} {n}" for p, n in zip(widest["principal"], widest["regions"], strict=True))
        or "none"
    )
    return _of_calls(case, number, question, f"Regions called, at most: {text}.", calls.iloc[:0], table=table)


def _networks(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    calls = bedrock_calls(case.evidence.calls)
    places = calls[["principal"]].assign(network=networks_of(calls["source_ip"]))
    table = (
        places.dropna(subset=["network"]).groupby(["principal", "network"]).size().reset_index(name="calls")
    )
    new, ids = _news(findings, "new_network")
    private = calls["vpc_endpoint"].dropna()
    endpoints = (
        f"{len(private)} calls came through {_many(private.nunique(), 'VPC endpoint')}. "
        if len(private)
        else ""
    )
    text = (
        f"{table['network'].nunique()} networks. {endpoints}{new}"
        "Distance is not judged: no table of places is used."
    )
    return _of_calls(case, number, question, text, calls[calls["event_id"].isin(ids)], table=table)


def _news(findings: Sequence[Finding], rule: str) -> tuple[str, list[str]]:
    """What a rule found, as sentences with a blank after them, and the event ids."""
    own = [found for found in findings if found.rule == rule]
    told = "".join(f"{found.title} " for found in own[:_MOST_TOLD])
    return told, [event for found in own for event in found.evidence]


def _agents(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    calls = bedrock_calls(case.evidence.calls)
    table = calls.groupby(["principal", "client"])["event_time"].agg(["min", "max", "size"]).reset_index()
    table = table.rename(columns={"min": "first_seen", "max": "last_seen", "size": "calls"})
    new, ids = _news(findings, "new_client")
    text = f"Programs: {_listed(counts(calls['client']))}. {new}A user agent is the caller's own text."
    return _of_calls(case, number, question, text, calls[calls["event_id"].isin(ids)], table=table)


def _building(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = bedrock_calls(case.evidence.calls)
    wanted = (
        calls["operation"].str.contains("Agent|KnowledgeBase|Prompt|Flow", regex=True).fillna(value=False)
    )
    found = calls[wanted]
    text = f"{len(found)} calls about agents, knowledge bases, prompts and flows. Their use is in data events only."
    return _of_calls(
        case, number, question, text, found, table=found[["event_time", "principal", "operation"]]
    )


def _off_hours(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    calls = narrowed(case.evidence.calls)
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & (calls["key_kind"] != "none")]
    local = made["event_time"].dt.tz_convert(case.zone)
    outside = made[
        (local.dt.hour < OFFICE_HOURS[0]) | (local.dt.hour >= OFFICE_HOURS[1]) | (local.dt.day_of_week >= 5)
    ]
    table = outside.groupby("principal").size().reset_index(name="calls")
    hours = f"{OFFICE_HOURS[0]}-{OFFICE_HOURS[1]} h"
    text = f"{len(outside)} of {len(made)} model calls with keys were outside {hours} or on weekends ({case.zone})."
    return _of_calls(case, number, question, text, outside, table=table)


def _unseen(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    proofs = [provenance_of(case.evidence.calls)]
    proofs += [provenance_of(case.evidence.keys)] if case.evidence.keys is not None else []
    seen = [f"{proof.source}: {proof.why}" for proof in proofs if proof.why]
    text = ". ".join([*seen, *case.unseen]) + "."
    return Answer(number, question, text, "floor", "what is not known to be unseen is not listed")


QUESTIONS: Final[tuple[tuple[str, _Ask], ...]] = (
    ("Which long-term keys exist, on which users?", _keys_listed),
    ("Which are active, inactive, expired; which never expire?", _key_states),
    ("Who created them, when, from where?", _creators),
    (
        "Who tried to create one and was refused?",
        _from_rules("key_creation_refused", none="Nobody in the records."),
    ),
    (
        "Which were reset, switched on again or deleted?",
        _changes,
    ),
    ("What may their users do?", _rights),
    (
        "Which users with a key got or hold other credentials?",
        _further,
    ),
    ("When were they last used?", _last_used),
    ("Who used short-term keys, in how many sessions?", _short_term),
    ("Which models, calls, tokens and dollars?", _models),
    ("Which calls were refused, and by which layer?", _refused),
    (
        "Was logging switched off or weakened?",
        _from_rules(
            "invocation_logging_weakened",
            "logging_off_refused",
            "trail_weakened",
            "log_store_weakened",
            none="Not in the records.",
        ),
    ),
    ("Are there gaps in the records?", _gaps),
    ("How many Regions did each caller call?", _spread),
    ("From which networks?", _networks),
    ("With which programs, since when?", _agents),
    ("Was access to models opened?", _from_rules("model_access_opened", none="Not in the records.")),
    (
        "What was started that costs by term, hour or job?",
        _from_rules("costly_commitment", none="None in the records."),
    ),
    ("Were guardrails weakened?", _from_rules("guardrail_weakened", none="Not in the records.")),
    ("What happened with agents, knowledge bases and prompts?", _building),
    ("What was used outside office hours?", _off_hours),
    ("What could not be seen?", _unseen),
)
