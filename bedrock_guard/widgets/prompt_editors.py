"""Boxes that edit the prompt rules: one tab per kind, each with its error under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final, Protocol

import ipywidgets as w

from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.parts import alert, status, tabbed

HARM: Final = {
    "SEXUAL": "sexual",
    "VIOLENCE": "violence",
    "HATE": "hate",
    "INSULTS": "insults",
    "MISCONDUCT": "misconduct",
}
"""The five harm filters and their words."""

STRENGTHS: Final = (("off", "NONE"), ("low", "LOW"), ("medium", "MEDIUM"), ("high", "HIGH"))
TREATMENTS: Final = (("leave", ""), ("mask", "ANONYMIZE"), ("block", "BLOCK"))
PERSONAL: Final = tuple(
    """ADDRESS AGE AWS_ACCESS_KEY AWS_SECRET_KEY CA_HEALTH_NUMBER CA_SOCIAL_INSURANCE_NUMBER CREDIT_DEBIT_CARD_CVV
    CREDIT_DEBIT_CARD_EXPIRY CREDIT_DEBIT_CARD_NUMBER DRIVER_ID EMAIL INTERNATIONAL_BANK_ACCOUNT_NUMBER IP_ADDRESS
    LICENSE_PLATE MAC_ADDRESS NAME PASSWORD PHONE PIN SWIFT_CODE UK_NATIONAL_HEALTH_SERVICE_NUMBER
    UK_NATIONAL_INSURANCE_NUMBER UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER URL USERNAME US_BANK_ACCOUNT_NUMBER
    US_BANK_ROUTING_NUMBER US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER US_PASSPORT_NUMBER US_SOCIAL_SECURITY_NUMBER
    VEHICLE_IDENTIFICATION_NUMBER""".split()
)
"""Kinds of personal data that Bedrock knows.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GuardrailPiiEntityConfig.html
"""

_FIELDS: Final = {
    "name": "Guardrail name",
    "words": "Words",
    "denied_topics": "Denied topics",
    "personal_data": "Personal data",
    "patterns": "Patterns",
    "blocked_input": "Message for a blocked prompt",
    "blocked_output": "Message for a blocked answer",
}
_PARTS: Final = {"name": "name", "definition": "definition", "examples": "example"}
_CAPITALS: Final = frozenset({"AWS", "CA", "CVV", "ID", "IP", "MAC", "PIN", "SWIFT", "UK", "URL", "US"})
_WIDE: Final = {"width": "98%"}
_MOST_TOPICS: Final = 30


class Rules(Protocol):
    """What the editors need of the state."""

    table: dict[str, Any]
    problems: dict[str, GuardError]

    def change(self, **fields: Any) -> None:
        """Set fields of the table."""

    def strength(self, name: str) -> str:
        """The strength of one harm filter."""

    def set_strength(self, name: str, strength: str) -> None:
        """Set one harm filter."""

    def set_all_strengths(self, strength: str) -> None:
        """Set all five harm filters."""

    def observe(self, handler: Callable[..., Any], names: Any = ...) -> None:
        """Call a handler when a trait changes."""


def sentence(detail: Mapping[str, Any]) -> GuardError:
    """One of pydantic's complaints about the rules, in words a person knows."""
    steps = detail["loc"]
    where = _FIELDS.get(str(steps[0]), str(steps[0]))
    if steps[0] == "denied_topics" and len(steps) > 1:
        part = _PARTS.get(str(steps[2]), str(steps[2])) if len(steps) > 2 else "topic"
        where = f"Denied topic {int(steps[1]) + 1}, {part}"
    limits = detail.get("ctx", {})
    kinds = {
        "string_too_short": "is empty.",
        "missing": "is empty.",
        "string_too_long": f"is longer than {limits.get('max_length')} characters.",
        "too_long": f"holds more than {limits.get('max_length', 0):,} entries.",
        "string_pattern_mismatch": "holds a character that Bedrock refuses.",
    }
    remedy = ""
    if detail["type"] == "string_pattern_mismatch":
        blanks = steps[0] == "denied_topics"
        remedy = f"Use letters A to Z, digits, - and _{', blanks, ! ? and .' if blanks else ''} only."
    quoted = f" “{str(detail['input'])[:40]}…”" if steps[0] == "words" and len(steps) > 1 else ""
    return GuardError(f"{where}{quoted}: {kinds.get(detail['type'], detail['msg'])}", remedy=remedy)


def lines(text: str) -> list[str]:
    """The lines that hold something, trimmed, each once."""
    return list(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))


def editors(rules: Rules) -> w.Tab:
    """All editors, as tabs."""
    pages: Mapping[str, w.Widget] = {
        "Language": language(rules),
        "Words": words(rules),
        "Topics": Topics(rules).widget,
        "Personal": personal(rules),
        "Name": naming(rules),
    }
    return tabbed(pages)


def language(rules: Rules) -> w.Widget:
    """The five harm filters, prompt attack, images and profanity."""
    every = _dropdown("All five filters", [("as below", ""), *STRENGTHS], "")
    boxes = {
        name: _dropdown(word.capitalize(), STRENGTHS, rules.strength(name)) for name, word in HARM.items()
    }
    attack = _dropdown("Prompt attack", STRENGTHS, rules.table.get("prompt_attack", "NONE"))
    images = _tick("The filters look at images too", rules, "images")
    profanity = _tick("Block AWS's list of profane words", rules, "profanity")

    def show(_change: object = None) -> None:
        for name, box in boxes.items():
            box.value = rules.strength(name)
        strengths = {rules.strength(name) for name in HARM}
        every.value = strengths.pop() if len(strengths) == 1 else ""

    def together(change: Mapping[str, Any]) -> None:
        if change["new"] and any(rules.strength(name) != change["new"] for name in HARM):
            rules.set_all_strengths(change["new"])

    every.observe(together, names="value")
    for name, box in boxes.items():
        box.observe(_single(rules, name), names="value")
    attack.observe(lambda change: rules.change(prompt_attack=change["new"]), names="value")
    rules.observe(show, names="table")
    show()
    hint = _hint(
        "Strength low stops only what is surely harmful; high stops what may be. Prompts and answers alike."
    )
    extra = _hint("Prompt attack looks for jailbreaks and injections, in prompts only.")
    return w.VBox(
        [hint, every, *boxes.values(), images, extra, attack, profanity, _place(rules, "rules", "filters")]
    )


def words(rules: Rules) -> w.Widget:
    """Words and phrases, one per line."""
    box = w.Textarea(
        "\n".join(rules.table.get("words", ())),
        description="Blocked words",
        rows=14,
        layout=_WIDE,
        style=_STYLE,
    )
    box.observe(lambda change: rules.change(words=lines(change["new"])), names="value")
    hint = _hint("One word or phrase per line, at most 100 characters each.")
    return w.VBox([hint, box, _place(rules, "words")])


def personal(rules: Rules) -> w.Widget:
    """Every kind of personal data and what happens to it."""
    chosen = {
        entry["type"]: entry.get("action", "ANONYMIZE") for entry in rules.table.get("personal_data", ())
    }
    kinds = [*PERSONAL, *(kind for kind in chosen if kind not in PERSONAL)]
    style = {"description_width": "19rem"}
    boxes = {kind: _dropdown(_kind(kind), TREATMENTS, chosen.get(kind, ""), style) for kind in kinds}

    def follow(_change: object) -> None:
        found = [{"type": kind, "action": box.value} for kind, box in boxes.items() if box.value]
        rules.change(personal_data=found)

    for box in boxes.values():
        box.observe(follow, names="value")
    rows = w.VBox(
        list(boxes.values()), layout={"max_height": "26rem", "overflow": "hidden auto", "display": "block"}
    )
    strange = [kind for kind in chosen if kind not in PERSONAL]
    hint = (
        f"Bedrock may not know: {', '.join(strange)}."
        if strange
        else "Mask replaces it; block refuses the call."
    )
    return w.VBox([_hint(hint), rows, _place(rules, "personal_data")])


def naming(rules: Rules) -> w.Widget:
    """The guardrail's name and what it says when it blocks; what else the spec holds is told."""
    made: list[w.Widget] = []
    for field, word in (
        ("name", "Guardrail name"),
        ("blocked_input", "Blocked prompt"),
        ("blocked_output", "Blocked answer"),
    ):
        box = w.Text(
            rules.table.get(field, PromptRules.model_fields[field].default),
            description=word,
            layout=_WIDE,
            style=_STYLE,
        )
        box.observe(_setter(rules, field), names="value")
        made += [box, _place(rules, field)]
    kept = [
        f"{len(rules.table['patterns'])} patterns" if rules.table.get("patterns") else "",
        f"tier {rules.table['tier']}" if rules.table.get("tier") else "",
        f"profile {rules.table['cross_region']}" if rules.table.get("cross_region") else "",
    ]
    listed = ", ".join(filter(None, kept))
    hint = _hint("The messages are what the caller reads instead of an answer.")
    rest = [_hint(f"Kept from the spec, edited there: {listed}.")] if listed else []
    return w.VBox([hint, *made, *rest, _place(rules, "patterns", "tier", "cross_region")])


class Topics:
    """Denied topics: a card each, with its own error; a card that is empty is no topic yet."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.cards: list[Card] = []
        self.add = w.Button(description="Add a topic")
        self.told = w.HTML(status(""))
        self._rows = w.VBox()
        self.add.on_click(lambda _: self._more())
        for topic in rules.table.get("denied_topics", ()):
            self.cards.append(Card(self, topic))
        self._number()
        rules.observe(self._show, names="problems")
        hint = _hint("Topics can only be denied: Bedrock has no list of allowed ones. At most 30.")
        self.widget = w.VBox([hint, self._rows, self.add, self.told, _place(rules, "denied_topics")])

    def follow(self, _change: object = None) -> None:
        """Take the cards into the rules."""
        self.told.value = status("")
        self._rules.change(denied_topics=[card.topic() for card in self._filled()])
        self._show()

    def remove(self, card: Card) -> None:
        """Take one card away."""
        self.cards.remove(card)
        self._number()
        self.follow()
        self.told.value = status(f"Removed. {len(self.cards)} topics left.")

    def _more(self) -> None:
        if len(self.cards) >= _MOST_TOPICS:
            self.told.value = alert(GuardError(f"A guardrail holds at most {_MOST_TOPICS} topics."))
            return
        self.cards.append(Card(self, {}))
        self._number()
        self._show()
        self.told.value = status(f"Topic {len(self.cards)} added, still empty.")

    def _filled(self) -> list[Card]:
        return [card for card in self.cards if not card.empty]

    def _number(self) -> None:
        for number, card in enumerate(self.cards, 1):
            card.number(number)
        self._rows.children = [card.widget for card in self.cards]

    def _show(self, _change: object = None) -> None:
        for card in self.cards:
            card.told.value = status("Empty: not a topic yet.") if card.empty else ""
        for position, card in enumerate(self._filled()):
            problem = self._rules.problems.get(f"denied_topics.{position}")
            card.told.value = alert(problem) if problem else ""


class Card:
    """One denied topic: name, definition, examples."""

    def __init__(self, topics: Topics, topic: Mapping[str, Any]) -> None:
        self.name = w.Text(topic.get("name", ""), layout=_WIDE, style=_STYLE)
        self.definition = w.Textarea(topic.get("definition", ""), rows=2, layout=_WIDE, style=_STYLE)
        self.examples = w.Textarea(
            "\n".join(topic.get("examples", ())),
            placeholder="one per line, at most five",
            rows=2,
            layout=_WIDE,
            style=_STYLE,
        )
        self.remove = w.Button()
        self.told = w.HTML()
        for box in (self.name, self.definition, self.examples):
            box.observe(topics.follow, names="value")
        self.remove.on_click(lambda _: topics.remove(self))
        self.widget = w.VBox([self.name, self.definition, self.examples, self.told, self.remove])

    @property
    def empty(self) -> bool:
        """Whether nothing is written in it."""
        return not any(box.value.strip() for box in (self.name, self.definition, self.examples))

    def number(self, number: int) -> None:
        """Name its boxes by its place, so that each name is heard once."""
        self.name.description = f"Topic {number}"
        self.definition.description = f"Definition {number}"
        self.examples.description = f"Examples {number}"
        self.remove.description = f"Remove topic {number}"

    def topic(self) -> dict[str, Any]:
        """The topic as plain data."""
        found: dict[str, Any] = {"name": self.name.value.strip(), "definition": self.definition.value.strip()}
        examples = lines(self.examples.value)
        return {**found, "examples": examples} if examples else found


_STYLE: Final = {"description_width": "7rem"}


def _dropdown(word: str, options: Any, value: str, style: Mapping[str, str] = _STYLE) -> w.Dropdown:
    return w.Dropdown(
        options=list(options),
        value=value,
        description=word,
        layout={"width": "98%", "max_width": "27rem"},
        style=style,
    )


def _kind(kind: str) -> str:
    text = " ".join(part if part in _CAPITALS else part.lower() for part in kind.split("_"))
    return text[:1].upper() + text[1:]


def _tick(word: str, rules: Rules, field: str) -> w.Checkbox:
    box = w.Checkbox(bool(rules.table.get(field)), description=word, indent=False, layout=_WIDE)
    box.observe(_setter(rules, field), names="value")
    return box


def _setter(rules: Rules, field: str) -> Callable[[Mapping[str, Any]], None]:
    return lambda change: rules.change(**{field: change["new"]})


def _single(rules: Rules, name: str) -> Callable[[Mapping[str, Any]], None]:
    def follow(change: Mapping[str, Any]) -> None:
        if rules.strength(name) != change["new"]:
            rules.set_strength(name, change["new"])

    return follow


def _hint(text: str) -> w.HTML:
    return w.HTML(f"<p style='margin:.2rem 0;line-height:1.4'>{escape(text)}</p>")


def _place(rules: Rules, *fields: str) -> w.HTML:
    """Where the errors of some fields are shown."""
    place = w.HTML()

    def show(_change: object = None) -> None:
        place.value = "".join(alert(rules.problems[field]) for field in fields if field in rules.problems)

    rules.observe(show, names="problems")
    show()
    return place
