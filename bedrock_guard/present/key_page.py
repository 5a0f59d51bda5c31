"""One key, or one session of short-term keys: its use as tables, and its timeline as a chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
import pandas as pd
import plotly.graph_objects as go

from bedrock_guard.evidence.suspects import SIGNS
from bedrock_guard.present import ink
from bedrock_guard.present.charts import Drawn, Theme, template
from bedrock_guard.present.key_words import (
    FLOOR,
    SPENT,
    counted,
    key_row,
    model,
    use_table,
)
from bedrock_guard.present.table import Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.account.key_page import KeyPage

_MOST_SERIES: Final = 6
_NEAR: Final = 0.1
"""Of a chart's days: what a label such as 10-12 takes on a phone."""


def summary(page: KeyPage) -> Shown:
    """One key in a dozen lines."""
    rows = [("user", page.user), *_state(page), *_used(page)]
    severities = Counter(found.severity for found in page.findings)
    grave = ", ".join(f"{severities[name]} {name}" for name in ("high", "medium", "low") if severities[name])
    named = ", ".join(
        dict.fromkeys(SIGNS.get(found.rule, found.rule.replace("_", " ")) for found in page.findings)
    )
    rows += [("findings", f"{grave}: {named}" if grave else "none")]
    rows += [("note", note) for note in page.notes]
    return Shown(pd.DataFrame(rows if page.key else [], columns=["what", "value"]), page.title)


def _state(page: KeyPage) -> list[tuple[str, str]]:
    """What IAM's list says of a long-term key, and who made it."""
    if page.row is None:
        return []
    told = key_row(page.row, page.now)
    return [
        (name.replace("_", " "), told[name])
        for name in ("status", "expires", "created", "created_by", "last_used")
    ]


def _used(page: KeyPage) -> list[tuple[str, str]]:
    if not len(page.use):
        return [("calls", "none in these days")]
    row = page.use.iloc[0]
    unpriced = f", {row['calls_without_price']} more have no price" if row["calls_without_price"] else ""
    shown = Shown(pd.DataFrame({"cost_usd": pd.Series([row["usd_at_least"]], dtype="object")}))
    spent = shown.text().splitlines()[-1].strip()
    return [
        ("first and last call", f"{plain(row['first_seen'])}, {plain(row['last_seen'])}"),
        (
            "calls, by whomever",
            f"{row['calls']:,}, of them {row['refused']} refused and {row['failed']} failed",
        ),
        ("models", counted({model(name): number for name, number in row["models"].items()})),
        ("tokens in and out", f"{plain(row['input_tokens'])} and {plain(row['output_tokens'])}"),
        (
            "USD at least, by whomever",
            f"{spent}; {row['calls_without_tokens']} calls carry no token counts{unpriced}",
        ),
        ("programs", counted(row["clients"])),
        ("addresses", counted(row["networks"])),
        ("Regions called", counted(row["regions"])),
    ]


def timeline(page: KeyPage) -> Shown:
    """What happened to the key and with it, numbered as in the chart."""
    frame = page.events.assign(no=range(1, len(page.events) + 1))
    columns = ["no", "at", "what", "who", "source_ip", "event_id"]
    shown = frame[columns].astype("object").where(frame[columns].notna(), "")
    caption = "In order of time. A finding has its first event's id; what only stands in a list has none."
    headers = {"no": "#", "source_ip": "from", "event_id": "event id"}
    return Shown(shown, caption, headers, under={"what": "event_id", "who": "source_ip"})


def models(page: KeyPage) -> Shown:
    """Use of one key by model."""
    if not page.key:
        return Shown(pd.DataFrame({"model": []}), "No key, no use.")
    named = page.models.assign(model=[model(name) for name in page.models["model"]])
    return Shown(use_table(named, ["model"]), f"By model; {FLOOR}.", SPENT)


def places(page: KeyPage) -> Shown:
    """Use of one key by network and program: a thief's part stands apart where either differs."""
    if not page.key:
        return Shown(pd.DataFrame({"network": []}), "No key, no use.")
    caption = "By network and program. A user agent is the caller's own text; an address proves no place."
    return Shown(
        use_table(page.places, ["network", "client"]),
        caption,
        {**SPENT, "client": "program"},
        under={"network": "client"},
    )


def chart(page: KeyPage, *, theme: Theme = "page") -> go.Figure:
    """Calls a day with the key by network and program, and above them the numbered events of `timeline`."""
    bars = _bars(page)
    layout = go.Layout(
        template=template(theme),
        title={"text": f"Calls a day with {page.key or 'no key'}, and what happened"},
        height=400,
        barmode="stack",
        bargap=0.1,
        yaxis={"rangemode": "tozero"},
        xaxis={"type": "date"},
    )
    return Drawn([*bars, *_marks(page, bars)], layout)


def _bars(page: KeyPage) -> list[go.Bar]:
    if not len(page.calls):
        return []
    from bedrock_guard.evidence.rules_use import networks_of

    made = pd.DataFrame(
        {
            "day": page.calls["event_time"].dt.floor("D"),
            "network": networks_of(page.calls["source_ip"]).astype("string").fillna(""),
            "client": page.calls["client"].astype("string").fillna(""),
        }
    )
    shown = []
    for number, row in enumerate(page.places.head(_MOST_SERIES).to_dict("records")):
        name = f"{plain(row['network'])} · {plain(row['client'])}"
        days = made[_at(made, row)].groupby("day").size()
        shown.append(
            go.Bar(
                name=plain(name),
                x=[day.date().isoformat() for day in days.index],
                y=[int(count) for count in days],
                marker={"color": ink.SERIES[number % len(ink.SERIES)]},
                hovertemplate="%{x}<br>%{y} calls<extra></extra>",
            )
        )
    return shown


def _at(made: pd.DataFrame, row: Mapping[Any, Any]) -> pd.Series[Any]:
    network, client = ("" if pd.isna(row[name]) else row[name] for name in ("network", "client"))
    return (made["network"] == network) & (made["client"] == client)


def _marks(page: KeyPage, bars: list[go.Bar]) -> list[go.Scatter]:
    """The events of one day as one mark with their numbers, as far as the chart's days reach."""
    by_day = _numbered(page)
    sums: Counter[str] = Counter()
    for bar in bars:
        sums.update(dict(zip(bar.x, bar.y, strict=True)))
    height = max(sums.values(), default=1) * 1.12
    if not by_day:
        return []
    return [
        go.Scatter(
            name="events, numbered as in the table",
            x=list(by_day),
            y=[height] * len(by_day),
            mode="markers+text",
            text=[_numbers(found) for found in by_day.values()],
            textposition="top center",
            cliponaxis=False,
            marker={"symbol": "triangle-down", "size": 10, "color": ink.UNKNOWN},
            hovertemplate="%{x}<br>%{text}<extra></extra>",
        )
    ]


def _numbered(page: KeyPage) -> dict[str, list[int]]:
    """Day -> the numbers of its events; what is too near to have a label of its own stands with the day before."""
    if page.events.empty:
        return {}
    ends = [*page.events["at"], *page.calls["event_time"]]
    last = page.calls["event_time"].max() if len(page.calls) else max(ends)
    room = (last - min(ends)) * _NEAR
    by_day: dict[str, list[int]] = {}
    began = None
    for number, at in enumerate(page.events["at"], start=1):
        if at.floor("D") > last:
            continue
        if began is None or at.floor("D") - began > room:
            began = at.floor("D")
        by_day.setdefault(began.date().isoformat(), []).append(number)
    return by_day


def _numbers(found: list[int]) -> str:
    return str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}"
