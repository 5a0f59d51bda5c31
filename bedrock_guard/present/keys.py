"""An investigation of keys for people's eyes: tables, one key's timeline as a chart, and a runbook as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

import bedrock_guard._fast  # noqa: F401 - before plotly: see its docstring

# isort: split
import pandas as pd
import plotly.graph_objects as go

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.key_use import NEEDED, use_by
from bedrock_guard.evidence.runbook import Step
from bedrock_guard.evidence.tables import provenance_of
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present.charts import SERIES, Theme, template
from bedrock_guard.present.table import NO_MATH, Shown, plain

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.account.key_page import KeyPage
    from bedrock_guard.evidence.findings import Finding
    from bedrock_guard.evidence.questions import Answer

FLOOR: Final = "cache tokens, batch jobs, mantle and uncounted calls (no tokens told) are in no sum"
_WHOLE: Final = {"complete": "complete", "floor": "at least this", "unknown": "unknown"}
_EMPTY: Final = {True: "empty", False: "not empty", None: "could not be read"}
_MOST_SERIES: Final = 6
_SPENT: Final = {"cost_usd": "USD at least", "principal": "role or user"}


def inventory(case: Investigation) -> Shown:
    """Every long-term key: its state, its end, who made it, when it was last used, and how far each is known."""
    rows = [_inventory_row(row, case.account.now) for _, row in case.keys.table.iterrows()]
    columns = ["user", "key", "status", "expires", "created", "created_by", "last_used"]
    listing = case.keys.listing
    whole = (
        "every user and page was read"
        if listing.completeness == "complete"
        else f"there may be more: {listing.why}"
    )
    caption = f"Long-term keys of Bedrock and Claude Platform in account {case.account.account_id}; {whole}."
    return Shown(pd.DataFrame(rows, columns=columns), caption)


def _inventory_row(row: pd.Series[Any], now: datetime) -> dict[str, Any]:
    endless = pd.notna(row["never_expires"]) and bool(row["never_expires"])
    reset = pd.notna(row["resets"]) and row["resets"] > 0
    since = f"; new secret {_date(row['secret_since'])}" if reset else ""
    age = f" ({(now - row['secret_since']).days} days old)" if pd.notna(row["secret_since"]) else ""
    seen = f"{_date(row['last_used'])}: " if pd.notna(row["last_used"]) else ""
    return {
        "user": row["user"],
        "key": row["credential_id"],
        "status": row["status"],
        "expires": "never" if endless else _date(row["expires"]),
        "created": f"{_date(row['created'])}{since}{age}",
        "created_by": row["creator_completeness"]
        if pd.isna(row["creator"])
        else _creator(str(row["creator"])),
        "last_used": f"{seen}{row['last_used_source']}",
    }


def _date(moment: Any) -> str:
    return "unknown" if pd.isna(moment) else f"{moment:%Y-%m-%d}"


def holders(case: Investigation) -> Shown:
    """The users who hold keys, and what else they hold: policies, boundary, other credentials."""
    rows = [_holder_row(row, case) for _, row in case.keys.table.drop_duplicates("user").iterrows()]
    frame = pd.DataFrame(rows, columns=["user", "policies", "boundary", "other_credentials"])
    return Shown(
        frame, "What else their users hold. A boundary on whoever makes a key does not bind the key's user."
    )


def _holder_row(row: pd.Series[Any], case: Investigation) -> dict[str, Any]:
    facts = case.keys.users.get(str(row["user"]))
    held = row["policies"]
    policies = None if held is None else [str(name).removeprefix("arn:aws:iam::aws:policy/") for name in held]
    return {
        "user": row["user"],
        "policies": policies,
        "boundary": "none" if facts and facts.boundary_read and not facts.boundary else row["boundary"],
        "other_credentials": _held(row["other_credentials"]),
    }


def _creator(text: str) -> str:
    arn, _, session = text.partition(" as ")
    return f"{session} ({_role(arn)})" if session else _role(arn)


def _role(arn: str) -> str:
    """A principal's short name; a role of Identity Center without the number that Identity Center adds."""
    return _OF_IDENTITY_CENTER.sub(r"\1 of Identity Center", short_name(arn))


_OF_IDENTITY_CENTER: Final = re.compile(r"role AWSReservedSSO_(.+)_[0-9a-f]{16}$")


def _held(found: Any) -> str:
    """A user's other credentials in words; what could not be read is said."""
    if not isinstance(found, Mapping):
        return "unknown"
    words = []
    for name, value in found.items():
        count = value if isinstance(value, (bool, int)) or value is None else len(value)
        if count is None:
            words.append(f"{name.replace('_', ' ')} could not be read")
        elif count:
            words.append(name.replace("_", " ") + ("" if count is True else f": {count}"))
    return ", ".join(words) or "none"


def phantoms(case: Investigation) -> Shown:
    """Users that a console made for a key, with all that must be empty and readable before one is an orphan."""
    rows = [
        {
            "user": phantom.user,
            "verdict": phantom.verdict.replace("_", " "),
            "must_be_empty": check.what,
            "state": _EMPTY[check.empty],
            "found": check.found,
        }
        for phantom in case.keys.phantoms
        for check in phantom.checks
    ]
    frame = pd.DataFrame(rows, columns=["user", "verdict", "must_be_empty", "state", "found"])
    caption = "Users made for a key. Only with everything read and empty is one called an orphan."
    return Shown(
        frame, caption if rows else "No user here is named as the consoles name users made for a key."
    )


def sessions(case: Investigation) -> Shown:
    """Short-term keys by person or session."""
    used = case.calls.loc[case.calls["key_kind"] == "short_term", NEEDED]
    by = ["principal", "session"]
    signed = used.groupby(by, dropna=False)["access_key_id"].nunique()
    frame = use_by(used, by, case.prices)
    frame = frame.assign(
        signing_keys=[int(signed[who]) for who in zip(frame["principal"], frame["session"], strict=True)]
    )
    shown = _use(frame, [*by, "signing_keys"])
    caption = f"Short-term keys by who used them. Making one leaves no event, only its use shows; {FLOOR}."
    return Shown(shown, caption, _SPENT, limit=20)


def mantle(case: Investigation) -> Shown:
    """The mantle endpoint: what records tell of its control plane, and what the bill tells of its use."""
    frame = case.mantle.assign(
        who=["not in the bill" if pd.isna(name) else who(name) for name in case.mantle["who"]],
        key_kind=[
            "not in the bill" if pd.isna(kind) else str(kind).replace("_", " ")
            for kind in case.mantle["key_kind"]
        ],
        model=["not in the record" if pd.isna(name) else model(name) for name in case.mantle["model"]],
    )
    caption = (
        "The mantle endpoint: its inference is in no Event history. The bill says how much, nothing says who."
    )
    return Shown(frame, caption, {"cost_usd": "cost"})


def findings(case: Investigation) -> Shown:
    """What deserves a look, gravest first, with the records that show it."""
    return _findings(case.findings, f"What deserves a look, gravest first. {_reach(case)}")


def _findings(found: tuple[Finding, ...], caption: str) -> Shown:
    rows = [
        {
            "severity": one.severity,
            "finding": one.title,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "events": one.evidence_count,
            "event_ids": _some(one.evidence, one.evidence_count),
            "how_whole": _WHOLE[one.completeness],
        }
        for one in found
    ]
    columns = ["severity", "finding", "first_seen", "last_seen", "events", "event_ids", "how_whole"]
    return Shown(pd.DataFrame(rows, columns=columns), caption)


def _reach(case: Investigation) -> str:
    why = provenance_of(case.calls).why
    return f"{why[:1].upper()}{why[1:]}." if why else ""


def _some(ids: tuple[str, ...], count: int) -> str:
    if not ids:
        return "from the list of keys"
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{ids[0]}{more}"


def questions(case: Investigation) -> Shown:
    """The twenty-two questions; what cannot be known is said with its reason."""
    rows = [
        {
            "no": one.number,
            "question": one.question,
            "answer": _answer(one),
            "how_whole": _WHOLE[one.completeness],
            "event_ids": _some(one.evidence, len(one.evidence)) if one.evidence else "none",
        }
        for one in case.answers
    ]
    frame = pd.DataFrame(rows, columns=["no", "question", "answer", "how_whole", "event_ids"])
    return Shown(frame, f"Twenty-two questions. {_reach(case)}")


def _answer(one: Answer) -> str:
    if one.completeness != "unknown":
        return one.answer
    return f"unknown: {one.why or 'no source could tell'} ({one.answer.rstrip('.')})"


def summary(page: KeyPage) -> Shown:
    """One key in a dozen lines."""
    rows = [("user", page.user), *_used(page)]
    rows += [("findings", f"{len(page.findings)}: {', '.join(sorted({f.rule for f in page.findings}))}")]
    rows += [("note", note) for note in page.notes]
    return Shown(pd.DataFrame(rows if page.key else [], columns=["what", "value"]), page.title)


def _used(page: KeyPage) -> list[tuple[str, str]]:
    if not len(page.use):
        return [("calls", "none in these days")]
    row = page.use.iloc[0]
    unpriced = f", {row['calls_without_price']} more have no price" if row["calls_without_price"] else ""
    shown = Shown(pd.DataFrame({"cost_usd": pd.Series([row["usd_at_least"]], dtype="object")}))
    spent = shown.text().splitlines()[-1].strip()
    return [
        ("first and last call", f"{plain(row['first_seen'])}, {plain(row['last_seen'])}"),
        ("calls", f"{row['calls']:,}, of them {row['refused']} refused and {row['failed']} failed"),
        ("models", _counted({model(name): number for name, number in row["models"].items()})),
        ("tokens in and out", f"{plain(row['input_tokens'])} and {plain(row['output_tokens'])}"),
        ("USD at least", f"{spent}; {row['calls_without_tokens']} calls carry no token counts{unpriced}"),
        ("programs", _counted(row["clients"])),
        ("addresses", _counted(row["networks"])),
        ("Regions called", _counted(row["regions"])),
    ]


def timeline(page: KeyPage) -> Shown:
    """What happened to the key and with it, numbered as in the chart."""
    frame = page.events.assign(no=range(1, len(page.events) + 1))
    columns = ["no", "at", "what", "who", "source_ip", "event_id"]
    shown = frame[columns].astype("object").where(frame[columns].notna(), "")
    caption = (
        "In order of time (UTC). A finding has its first event's id; what only stands in a list has none."
    )
    return Shown(shown, caption, {"source_ip": "from", "event_id": "event id"})


def models(page: KeyPage) -> Shown:
    """Use of one key by model."""
    if not page.key:
        return Shown(pd.DataFrame({"model": []}), "No key, no use.")
    named = page.models.assign(model=[model(name) for name in page.models["model"]])
    return Shown(_use(named, ["model"]), f"By model; {FLOOR}.", _SPENT)


def places(page: KeyPage) -> Shown:
    """Use of one key by network and program: a thief's part stands apart where either differs."""
    if not page.key:
        return Shown(pd.DataFrame({"network": []}), "No key, no use.")
    caption = "By network and program. A user agent is the caller's own text; an address proves no place."
    return Shown(_use(page.places, ["network", "client"]), caption, {**_SPENT, "client": "program"})


def _use(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows of use as people read them: the counts of Regions and models as text, money in a money column."""
    named = frame.assign(
        cost_usd=frame["usd_at_least"],
        regions=[_counted(found) for found in frame["regions"]],
        models=[
            _counted({model(name): number for name, number in found.items()}) for found in frame["models"]
        ],
    )
    if "principal" in by:
        named = named.assign(principal=[who(name) for name in frame["principal"]])
    named = named.assign(
        seen=[_span(*pair) for pair in zip(frame["first_seen"], frame["last_seen"], strict=True)],
        of_them=[f"{a} refused, {b} failed" for a, b in zip(frame["refused"], frame["failed"], strict=True)],
        tokens=[tokens(row) for row in frame.to_dict("records")],
    )
    last = [] if "model" in by else ["models"]
    return named[[*by, "seen", "calls", "of_them", "tokens", "cost_usd", *last, "regions"]]


def _span(first: Any, last: Any) -> str:
    return _date(first) if _date(first) == _date(last) else f"{_date(first)} to {_date(last)}"


def tokens(row: Mapping[Any, Any]) -> str:
    """Tokens in and out of a row of KEY_USE, and how many calls told none."""
    missing = row["calls_without_tokens"]
    uncounted = f"; {missing:,} uncounted" if missing else ""
    return f"{plain(row['input_tokens'])} in, {plain(row['output_tokens'])} out{uncounted}"


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number:,})" for name, number in found.items()) or "none"


def model(name: Any) -> str:
    """A model's name, or its id where no name is known or two models share it."""
    if pd.isna(name):
        return ""
    names = Counter(model.name for model in shipped().models)
    found = shipped().get(str(name))
    return found.name if found and names[found.name] == 1 else str(name)


def who(name: Any) -> str:
    """A principal without what every principal has; empty when it is not known."""
    return "" if pd.isna(name) else short_name(str(name))


def chart(page: KeyPage, *, theme: Theme = "light") -> go.Figure:
    """Calls a day with the key by network and program, and above them the numbered events of `timeline`."""
    bars = _bars(page)
    layout = go.Layout(
        template=template(theme),
        title={"text": f"Calls a day with {page.key or 'no key'}, and what happened"},
        height=400,
        barmode="stack",
        bargap=0.1,
        yaxis={"title": "calls", "rangemode": "tozero"},
        xaxis={"type": "date"},
    )
    return go.Figure([*bars, *_marks(page, bars)], layout)


def _bars(page: KeyPage) -> list[go.Bar]:
    if not len(page.calls):
        return []
    from bedrock_guard.evidence.rules_use import networks_of

    made = page.calls[["client"]].assign(
        day=page.calls["event_time"].dt.floor("D"), network=networks_of(page.calls["source_ip"]).fillna("")
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
                marker={"color": SERIES[number % len(SERIES)], "line": {"width": 0}},
                hovertemplate="%{x}<br>%{y} calls<extra></extra>",
            )
        )
    return shown


def _at(made: pd.DataFrame, row: Mapping[Any, Any]) -> pd.Series[Any]:
    network, client = ("" if pd.isna(row[name]) else row[name] for name in ("network", "client"))
    return (made["network"] == network) & (made["client"].fillna("") == client)


def _marks(page: KeyPage, bars: list[go.Bar]) -> list[go.Scatter]:
    """The events of one day as one mark with their numbers, as far as the chart's days reach."""
    last = page.calls["event_time"].max() if len(page.calls) else None
    by_day: dict[str, list[int]] = {}
    for number, at in enumerate(page.events["at"], start=1):
        if last is None or at.floor("D") <= last:
            by_day.setdefault(at.date().isoformat(), []).append(number)
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
            marker={"symbol": "triangle-down", "size": 10, "color": "#6b7280"},
            hovertemplate="%{x}<br>%{text}<extra></extra>",
        )
    ]


def _numbers(found: list[int]) -> str:
    return str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}"


@dataclass(frozen=True)
class Runbook:
    """Steps with their commands, to read and to copy; showing it runs nothing."""

    title: str
    steps: tuple[Step, ...]

    def text(self) -> str:
        """The runbook as plain text."""
        lines = [self.title]
        for number, step in enumerate(self.steps, start=1):
            lines.append(f"{number:2} {step.phase}: {step.what}{_warned(step)}")
            lines += [f"   $ {_one_line(step.command)}"] if step.command else []
        return "\n".join(lines)

    def html(self) -> str:
        """The runbook as a list, each command in a block of its own."""
        items = "".join(
            f"<li><b>{escape(step.phase)}</b>: {escape(plain(step.what) + _warned(step))}{_block(step)}</li>"
            for step in self.steps
        )
        return f'<div class="{NO_MATH}"><p>{escape(plain(self.title))}</p><ol>{items}</ol></div>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


def _warned(step: Step) -> str:
    return "" if step.reversible else " This cannot be undone."


def _one_line(command: str) -> str:
    """The whole command, uncut: half a command must not be copied."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in command)


def _block(step: Step) -> str:
    style = "white-space:pre-wrap;overflow-wrap:anywhere;font-family:monospace;margin:0.2em 0 0.6em 1em"
    return f'<pre style="{style}">{escape(_one_line(step.command))}</pre>' if step.command else ""


def runbook(page: KeyPage) -> Runbook:
    """What to do if this key leaked, with the commands filled in. Nothing is run."""
    if not page.key:
        return Runbook(f"{page.title} There is nothing to do.", ())
    title = f"If it leaked: {page.title} in account {page.account_id}. Nothing here has been run."
    return Runbook(title, page.runbook)
