"""Answers about what was called: with which keys, by which programs, from where, and what is in no record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.answer import (
    MOST_TOLD,
    Answer,
    Case,
    counted_rows,
    of_calls,
)
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.denials import LAYER_WORDS
from bedrock_guard.evidence.finding import Finding, bedrock_calls, narrowed
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.key_use import counts, signers
from bedrock_guard.evidence.rules_use import networks_of
from bedrock_guard.evidence.suspects import others_from
from bedrock_guard.evidence.tables import dollars, provenance_of
from bedrock_guard.evidence.words import listed, many

OFFICE_HOURS: Final = (7, 20)
"""Hours of the day, in the analyst's zone, that are not off-hours."""


def short_term(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Short-term keys by who used them; their making leaves no event."""
    calls, found = case.evidence.calls, signers(case.summed).astype({"session": "string"})
    people = len(found[["principal", "session"]].drop_duplicates())
    signed = found["session"].fillna(found["principal"].astype("string").map(short))
    text = (
        f"{many(len(found), 'signing key')} of {many(people, 'person or session', 'people or sessions')} "
        f"were seen: {counted_rows(signed)}. Making such a key leaves no event."
    )
    made = calls.loc[calls["key_kind"] == "short_term", ["event_id"]]
    return of_calls(case, number, question, text, made, made_late=lambda: case.sessions)


def models(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Calls with keys by model, their tokens and at least how many US dollars."""
    calls, use = case.evidence.calls, case.use
    keyed = calls.loc[calls["key_kind"] != "none", ["event_id", "model"]]
    missing = int(use["calls_without_tokens"].fillna(0).sum())
    named = counted_rows(keyed["model"], shipped().name_of)
    text = f"{many(len(keyed), 'call')} with keys, by model: {named}; {missing:,} carry no token counts."
    spent = [
        f"{short(row['principal'])} ({str(row['key_kind']).replace('_', ' ')}) {dollars(row['usd_at_least'])}"
        for row in use.sort_values("usd_at_least", ascending=False).iloc[:MOST_TOLD].to_dict("records")
    ]
    text = f"{text} At least: {listed(spent)}. Cache tokens are in no record."
    return of_calls(case, number, question, text, keyed, table=use)


def refused(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Refused calls by the layer that refused them."""
    calls = case.evidence.calls
    refused = calls[calls["denied_by"].notna()]
    layers = listed(f"{many} by {LAYER_WORDS[layer]}" for layer, many in counts(refused["denied_by"]).items())
    with_keys = int((refused["key_kind"] != "none").sum())
    columns = [
        "event_time",
        "principal",
        "operation",
        "denied_by",
        "denied_action",
        "denied_resource",
        "denied_policy",
    ]
    return of_calls(
        case,
        number,
        question,
        f"Refused calls: {layers}; {with_keys:,} of them with a key.",
        refused,
        table=refused[columns],
    )


def gaps(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Days (UTC) without any row, and the Regions that rows come from; absence proves nothing."""
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
    empty = listed(f"{day:%Y-%m-%d}" for day in days[:10]) + (", and more" if len(days) > 10 else "")
    without = f"{many(len(days), 'day')} without any row: {empty}" if days else "Every day has rows"
    text = (
        f"{without}. "
        f"Rows come from {many(len(active), 'Region')}. CloudTrail's digest files were not checked."
    )
    why = "absence of records is no proof that nothing happened"
    return Answer(number, question, text, "unknown", why, table=table)


def spread(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """How many Regions each principal called, and which Regions answered."""
    calls = bedrock_calls(case.evidence.calls)
    pairs = calls[["principal", "region", "inference_region"]].drop_duplicates().astype("string")
    called = pairs.groupby("principal")
    table = called["region"].agg(lambda regions: sorted(set(regions.dropna()))).reset_index()
    table["regions"] = table["region"].map(len)
    answered = called["inference_region"].agg(lambda regions: sorted(set(regions.dropna())))
    table["answered_in"] = table["principal"].map(answered)
    widest = table.sort_values("regions", ascending=False).head(3)
    rows = zip(widest["principal"], widest["region"], strict=True)
    text = listed(f"{short(name)} {len(regions)} ({', '.join(regions)})" for name, regions in rows)
    most = calls[calls["principal"].isin(list(widest["principal"].head(1)))]
    proof = most.sort_values("event_time").drop_duplicates("region")
    return of_calls(case, number, question, f"Most Regions were called by {text}.", proof, table=table)


def networks(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    """The networks that calls came from, and the new ones among them."""
    calls = bedrock_calls(case.evidence.calls)
    places = calls[["principal"]].assign(network=networks_of(calls["source_ip"]))
    table = (
        places.dropna(subset=["network"]).groupby(["principal", "network"]).size().reset_index(name="calls")
    )
    new, ids = _news(findings, "new_network")
    private = calls["vpc_endpoint"].dropna()
    endpoints = (
        f"{len(private)} calls came through {many(private.nunique(), 'VPC endpoint')}. "
        if len(private)
        else ""
    )
    text = (
        f"{many(table['network'].nunique(), 'network')}: {counted_rows(places['network'])}. {endpoints}{new}"
        f"{_beside(case, findings)}"
        "Distance is not judged: no table of places is used."
    )
    return of_calls(case, number, question, text, calls[calls["event_id"].isin(ids)], table=table)


def _beside(case: Case, findings: Sequence[Finding]) -> str:
    """Who else was seen in the networks that are new for a key."""
    said = []
    for found in findings:
        if found.rule == "new_network" and found.severity == "high":
            network = str(found.facts["value"])
            others = others_from((network,), short(found.subject), case.evidence.calls)
            more = f"; and {len(others) - MOST_TOLD} more" if len(others) > MOST_TOLD else ""
            said += [f"Also from {network}: {'; '.join(others[:MOST_TOLD])}{more}. "] if others else []
    return "".join(dict.fromkeys(said))


def _news(findings: Sequence[Finding], rule: str) -> tuple[str, list[str]]:
    """What a rule found, as sentences with a blank after them, and the event ids."""
    own = [found for found in findings if found.rule == rule]
    told = "".join(
        f"{found.title.removesuffix('.')}, since {found.first_seen:%Y-%m-%d %H:%M} UTC. "
        for found in own[:MOST_TOLD]
    )
    return told, [event for found in own for event in found.evidence]


def agents(case: Case, findings: Sequence[Finding], number: int, question: str) -> Answer:
    """The programs that made calls and since when; a user agent is the caller's own text."""
    calls = bedrock_calls(case.evidence.calls)
    table = calls.groupby(["principal", "client"])["event_time"].agg(["min", "max", "size"]).reset_index()
    table = table.rename(columns={"min": "first_seen", "max": "last_seen", "size": "calls"})
    new, ids = _news(findings, "new_client")
    text = f"Programs: {listed(counts(calls['client']))}. {new}A user agent is the caller's own text."
    return of_calls(case, number, question, text, calls[calls["event_id"].isin(ids)], table=table)


def building(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Calls about agents, knowledge bases, prompts and flows."""
    calls = bedrock_calls(case.evidence.calls)
    wanted = (
        calls["operation"].str.contains("Agent|KnowledgeBase|Prompt|Flow", regex=True).fillna(value=False)
    )
    found = calls[wanted]
    named = [short(name) for name in found["principal"].astype("string").fillna("an unknown caller")]
    done = counted_rows(
        found["operation"].astype("string") + " by " + pd.Series(named, found.index, "string")
    )
    about = many(len(found), "call") + " about agents, knowledge bases, prompts and flows"
    text = f"{about}: {done}. Their use is in data events only."
    return of_calls(
        case, number, question, text, found, table=found[["event_time", "principal", "operation"]]
    )


def off_hours(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """Model calls with keys outside `OFFICE_HOURS` or on weekends, in the case's time zone."""
    calls = narrowed(case.evidence.calls)
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & (calls["key_kind"] != "none")]
    local = made["event_time"].dt.tz_convert(case.zone)
    outside = made[
        (local.dt.hour < OFFICE_HOURS[0]) | (local.dt.hour >= OFFICE_HOURS[1]) | (local.dt.day_of_week >= 5)
    ]
    table = outside.groupby("principal").size().reset_index(name="calls")
    hours = f"{OFFICE_HOURS[0]}-{OFFICE_HOURS[1]} h"
    names = counted_rows(outside["principal"].map(short, na_action="ignore"))
    when = f"outside {hours} or on weekends ({case.zone})"
    text = f"{len(outside):,} of {many(len(made), 'model call')} with keys were {when}: {names}."
    return of_calls(case, number, question, text, outside, table=table)


def unseen(case: Case, _: Sequence[Finding], number: int, question: str) -> Answer:
    """What the sources say that they could not see."""
    proofs = [provenance_of(case.evidence.calls)]
    proofs += [provenance_of(case.evidence.keys)] if case.evidence.keys is not None else []
    seen = [f"{proof.source}: {proof.why}" for proof in proofs if proof.why]
    text = ". ".join([*seen, *case.unseen]) + "."
    why = "what is not known to be unseen is not listed"
    return Answer(number, question, text, "floor", why, source="what the sources say of themselves")
