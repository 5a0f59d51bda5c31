"""Rules into documents: merge what can be one statement, fill documents up to their quota, change no verdict.

Two rules on the same resources under the same conditions are one statement with the union of their actions; that and
the choice of a document are all that packing does, and denials are a union however they are spread. Few documents
are made, and in them as little is merged as possible: nothing, or within a family of controls, or, rather than make a
fourth document, all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, Final, Literal

from bedrock_guard.boundary.controls.model import Conditions, Control, Rule
from bedrock_guard.boundary.spec import Controls
from bedrock_guard.iam.model import Kind as PolicyKind
from bedrock_guard.iam.quotas import quota

Kind = Literal["boundary", "deny", "scp"]
POLICY_KINDS: Final[Mapping[Kind, PolicyKind]] = {"boundary": "boundary", "deny": "identity", "scp": "scp"}
"""As what kind of policy each is read."""
Merging = Literal["nothing", "families", "everything"]

QUOTA: Mapping[Kind, int] = {
    "boundary": quota("managed").characters,
    "deny": quota("managed").characters,
    "scp": quota("scp").characters,
}
"""Characters a document may hold. Written minified there is no white space, which SCPs count and managed policies do
not; blanks inside strings are counted here all the same.
"""
LIMIT: Mapping[Kind, int] = {"boundary": 1, "deny": 3, "scp": 5}
"""Documents of a kind that a build may make."""

CEILING: dict[str, Any] = {"Sid": "Ceiling", "Effect": "Allow", "Action": "*", "Resource": "*"}
"""Without it a boundary allows nothing at all.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

_PLACE = {name: place for place, name in enumerate(Controls.model_fields)}
_LEVELS: tuple[Merging, ...] = ("nothing", "families", "everything")
_MERGE_FROM = 3  # up to here another document is better than statements that mix families
_CEILING = len(json.dumps(CEILING, separators=(",", ":")))
_EMPTY = len('{"Version":"2012-10-17","Statement":[]}')


@dataclass(frozen=True, eq=False)
class Piece:
    """One rule of a control; `number` counts the control's rules from 1.

    Equal rules give the same piece in every build (`Item.of`), so that what is known of it lasts.
    """

    control: Control
    number: int
    rule: Rule

    @property
    def word(self) -> str:
        """Its part of a Sid."""
        return self.control.word if self.number == 1 else f"{self.control.word}{self.number}"

    @cached_property
    def rank(self) -> tuple[int, int]:
        """Its place among all pieces: the controls' order in the spec, then the rules' order."""
        return _PLACE[self.control.id], self.number

    @cached_property
    def shape(self) -> tuple[str, str, str]:
        """Resources and conditions as text: pieces of the same shape can be one statement."""
        tests = json.dumps(_conditions(self.rule.conditions))
        return "\n".join(self.rule.resources), "\n".join(self.rule.not_resources), tests


@dataclass(frozen=True, eq=False)
class Item:
    """All rules of one control, which go into one document if they can."""

    control: Control
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, control: Control, rules: Iterable[Rule]) -> Item:
        """The item of a control's rules, in their order; the same one for equal rules."""
        return _item(control, tuple(rules))

    @cached_property
    def weight(self) -> int:
        """The characters that the control's statements take when they stand alone."""
        return sum(len(minified(statement([piece]))) + 1 for piece in self.pieces)


@lru_cache(maxsize=2_048)
def _item(control: Control, rules: tuple[Rule, ...]) -> Item:
    return Item(control, tuple(Piece(control, number, rule) for number, rule in enumerate(rules, start=1)))


@dataclass(frozen=True, slots=True)
class Packed:
    """One finished document. `controls` maps each Sid to the ids of the controls in it."""

    kind: Kind
    name: str
    document: dict[str, Any]
    controls: Mapping[str, tuple[str, ...]]
    pieces: Mapping[str, tuple[Piece, ...]]

    @property
    def size(self) -> int:
        """Its characters as counted against the quota."""
        return len(minified(self.document))

    @property
    def quota(self) -> int:
        """The characters it may have."""
        return QUOTA[self.kind]


@dataclass(frozen=True, slots=True)
class Filled:
    """The documents made, and what found no room."""

    documents: tuple[Packed, ...]
    left: tuple[Item, ...]


def minified(document: Mapping[str, Any]) -> str:
    """The document as it is sent: ASCII, no white space between tokens, keys in AWS's usual order."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True)


def statement(pieces: Sequence[Piece]) -> dict[str, Any]:
    """The one Deny statement of rules that share resources and conditions."""
    rule = pieces[0].rule
    actions = covering(action for piece in pieces for action in piece.rule.actions)
    body: dict[str, Any] = {"Sid": _sid(pieces), "Effect": "Deny", "Action": _short(actions)}
    if rule.not_resources:
        body["NotResource"] = _short(rule.not_resources)
    else:
        body["Resource"] = _short(rule.resources)
    if rule.conditions:
        body["Condition"] = _conditions(rule.conditions)
    return body


def covering(actions: Iterable[str]) -> tuple[str, ...]:
    """The action patterns without those that another of them covers, sorted."""
    return _cover(frozenset(actions))


@lru_cache(maxsize=4_096)
def _cover(actions: frozenset[str]) -> tuple[str, ...]:
    every = sorted(actions)
    stems = tuple(action[:-1].lower() for action in every if action.endswith("*"))
    return tuple(action for action in every if not _covered(action, stems))


def _covered(action: str, stems: tuple[str, ...]) -> bool:
    lower = action.lower()
    if not lower.startswith(stems):
        return False
    own = lower[:-1] if action.endswith("*") else None
    return any(lower.startswith(stem) and stem != own for stem in stems)


def _sid(pieces: Sequence[Piece]) -> str:
    """`Deny` and the words of the controls; a control is named once, by the first of its rules in the statement."""
    words: dict[str, str] = {}
    for piece in sorted(pieces, key=attrgetter("rank")):
        words.setdefault(piece.control.id, piece.word)
    return f"Deny{''.join(words.values())}"


def _conditions(conditions: Conditions) -> dict[str, dict[str, Any]]:
    return {
        operator: {key: _short(conditions[operator][key]) for key in sorted(conditions[operator])}
        for operator in sorted(conditions)
    }


def _short(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _signature(piece: Piece, merging: Merging) -> tuple[str, ...]:
    together = {"nothing": piece.control.id, "families": piece.control.family, "everything": ""}[merging]
    return (*piece.shape, together)


@lru_cache(maxsize=16_384)
def _characters(pieces: tuple[Piece, ...]) -> int:
    """The characters of the statement of these pieces."""
    return len(minified(statement(pieces)))


def _base(kind: Kind) -> int:
    return _EMPTY + (_CEILING if kind == "boundary" else 0)


@dataclass
class _Bin:
    """A document in the making: its statements by signature, and the characters of each."""

    kind: Kind
    name: str
    merging: Merging
    pieces: dict[tuple[str, ...], list[Piece]] = field(default_factory=dict)
    lengths: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, pieces: Sequence[Piece]) -> bool:
        """Take all the pieces, or none if they do not fit."""
        touched: dict[tuple[str, ...], list[Piece]] = {}
        for piece in pieces:
            key = _signature(piece, self.merging)
            touched.setdefault(key, list(self.pieces.get(key, ()))).append(piece)
        lengths = {**self.lengths, **{key: _characters(tuple(found)) for key, found in touched.items()}}
        commas = len(lengths) - (self.kind != "boundary" and bool(lengths))
        if _base(self.kind) + sum(lengths.values()) + commas > QUOTA[self.kind]:
            return False
        self.pieces.update(touched)
        self.lengths = lengths
        return True

    def packed(self) -> Packed:
        ordered = sorted(self.pieces.values(), key=lambda found: min(piece.rank for piece in found))
        statements = [dict(CEILING)] if self.kind == "boundary" else []
        by_sid = {}
        for found in ordered:
            body = statement(found)
            statements.append(body)
            by_sid[body["Sid"]] = tuple(sorted(found, key=attrgetter("rank")))
        owners = {
            sid: tuple(dict.fromkeys(piece.control.id for piece in found)) for sid, found in by_sid.items()
        }
        return Packed(
            self.kind, self.name, {"Version": "2012-10-17", "Statement": statements}, owners, by_sid
        )


def fill(items: Sequence[Item], kinds: Sequence[Kind], prefix: str) -> Filled:
    """Spread controls over at most `LIMIT` documents of each kind, first those that matter most, then large ones.

    A control whose rules fit no document together is spread rule by rule. Same items, same documents.
    """
    slots = [(kind, _name(prefix, kind, number)) for kind in kinds for number in range(1, LIMIT[kind] + 1)]
    ordered = sorted(items, key=_importance)
    least = _least(ordered)
    for count, merging in _attempts(len(slots)):
        if least > sum(QUOTA[kind] for kind, _ in slots[:count]):
            continue
        bins = [_Bin(kind, name, merging) for kind, name in slots[:count]]
        if all(_place(item, bins) for item in ordered):
            return Filled(_documents(bins), ())
    return _attempt(ordered, slots, "everything")


def hopeless(items: Iterable[Item], kinds: Sequence[Kind]) -> bool:
    """Whether the controls are longer than all documents together, however they are merged."""
    return _least(items) > sum(QUOTA[kind] * LIMIT[kind] for kind in kinds)


def _least(items: Iterable[Item]) -> int:
    """The characters that no spreading gets below: those of one document with everything merged."""
    shapes: dict[tuple[str, str, str], set[str]] = {}
    for item in items:
        for piece in item.pieces:
            shapes.setdefault(piece.shape, set()).update(piece.rule.actions)
    bodies = (sum(map(len, shape)) for shape in shapes)
    return sum(bodies) + sum(len(action) + 3 for found in shapes.values() for action in covering(found))


def _attempts(slots: int) -> Iterator[tuple[int, Merging]]:
    """How many documents to try with how much merging, the best first."""
    for count in range(1, slots + 1):
        levels = _LEVELS if count >= _MERGE_FROM or slots < _MERGE_FROM else _LEVELS[:2]
        for merging in levels:
            yield count, merging


def _attempt(ordered: Sequence[Item], slots: Sequence[tuple[Kind, str]], merging: Merging) -> Filled:
    bins = [_Bin(kind, name, merging) for kind, name in slots]
    left = tuple(item for item in ordered if not _place(item, bins))
    return Filled(_documents(bins), left)


def _documents(bins: Iterable[_Bin]) -> tuple[Packed, ...]:
    return tuple(b.packed() for b in bins if b.pieces or b.kind == "boundary")


def _place(item: Item, bins: Sequence[_Bin]) -> bool:
    if any(candidate.add(item.pieces) for candidate in bins):
        return True
    if len(item.pieces) < 2:
        return False
    before = [(dict(b.pieces), dict(b.lengths)) for b in bins]
    if all(any(candidate.add((piece,)) for candidate in bins) for piece in item.pieces):
        return True
    for candidate, (pieces, lengths) in zip(bins, before, strict=True):
        candidate.pieces, candidate.lengths = pieces, lengths
    return False


def _name(prefix: str, kind: Kind, number: int) -> str:
    return f"{prefix}boundary" if kind == "boundary" else f"{prefix}{kind}-{number}"


def _importance(item: Item) -> tuple[bool, int, str]:
    return (not item.control.first, -item.weight, item.control.id)


def room_for(item: Item, kind: Kind) -> bool:
    """Whether a control's statements, one to a rule, fit an empty document of the kind."""
    return _base(kind) + item.weight <= QUOTA[kind]
