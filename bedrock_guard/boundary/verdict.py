"""Would these documents refuse this call? For each authorisation and for the call, with what decided.

The identity policy is taken to allow everything: a boundary, deny policies and SCPs can only take away from that.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal
from weakref import WeakKeyDictionary

from bedrock_guard.boundary.builder import Built
from bedrock_guard.boundary.calls import Authorisation, Call, Value, authorisations
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.controls.lifting import PRINCIPAL
from bedrock_guard.boundary.controls.model import Rule
from bedrock_guard.boundary.controls.targets import closed_by
from bedrock_guard.boundary.open_resource import OpenRule, acts
from bedrock_guard.boundary.packing import POLICY_KINDS, Kind, Packed, Piece, minified
from bedrock_guard.boundary.profile import Profile
from bedrock_guard.iam.document import ALLOW_ALL, Document, read
from bedrock_guard.iam.document import Kind as PolicyKind
from bedrock_guard.iam.evaluator import Decision, Evaluator, Explanation, compile_policies

Outcome = Literal["allowed", "refused", "depends"]
Bounded = bool | Literal["new"]
"""Whether a caller carries boundary and deny policies; "new": a role made under the boundary carries that alone."""
ALL: tuple[Kind, ...] = ("boundary", "deny", "scp")


@dataclass(frozen=True, slots=True)
class AuthorisationVerdict:
    """The answer to one authorisation; `document`, `sid` and `control` name what refuses it, or may.

    `keys` holds what a `depends` hangs on: condition keys, or `open_resource.RESOURCE`.
    """

    authorisation: Authorisation
    outcome: Outcome
    layer: str | None = None
    document: str | None = None
    sid: str | None = None
    control: str | None = None
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallVerdict:
    """The answer to a call: refused if one certain authorisation is, allowed if all are allowed.

    `deciding` is the first authorisation that is refused, or on which the answer hangs; None when all are allowed.
    """

    call: Call
    outcome: Outcome
    authorisations: tuple[AuthorisationVerdict, ...]
    deciding: AuthorisationVerdict | None
    keys: frozenset[str]

    @property
    def sid(self) -> str | None:
        """The deciding statement."""
        return self.deciding.sid if self.deciding else None

    @property
    def control(self) -> str | None:
        """The deciding control."""
        return self.deciding.control if self.deciding else None


class Judge:
    """The documents of a build, compiled once to judge many calls.

    Args:
        built: what to judge by.
        layers: which kinds of document hold; all by default.
        bounded: whether the caller carries the boundary and the deny policies. By default everyone does where the
            profile names no targets, else the targets do.
    """

    def __init__(self, built: Built, layers: Collection[Kind] = ALL, *, bounded: bool | None = None) -> None:
        self._built = built
        self._layers = frozenset(layers)
        self._bounded = bounded
        self._sides: dict[Bounded, Side] = {}
        self._roles = _named_roles(built)
        self._targets = {_role_name(arn) for arn in built.profile.targets}

    @property
    def whom(self) -> Hashable:
        """Equal for two judges that take the same principals to carry documents, and see them under the same names."""
        return self._bounded, frozenset(self._targets), frozenset(self._roles.items())

    def holds(self, kind: Kind) -> bool:
        """Whether it judges by a document of the kind."""
        return kind in self._layers and any(packed.kind == kind for packed in self._built.packed)

    def _side(self, bounded: Bounded) -> Side:
        if bounded not in self._sides:
            carried = {True: ALL, "new": ("boundary", "scp"), False: ("scp",)}[bounded]
            held = (p for p in self._built.packed if p.kind in carried and p.kind in self._layers)
            self._sides[bounded] = Side(tuple(held), self._built.profile)
        return self._sides[bounded]

    def call(
        self, call: Call, catalogue: Catalogue | None = None, *, bounded: Bounded | None = None
    ) -> CallVerdict:
        """Judge a call."""
        side = self.side(call.principal, bounded=bounded)
        asked = replace(call, principal=self.asker(call.principal))
        judged = tuple(side.judge(entry) for entry in authorisations(asked, catalogue))
        return overall(call, judged)

    def side(self, principal: str, *, bounded: Bounded | None = None) -> Side:
        """The documents that hold for a principal."""
        return self._side(self.carries(principal) if bounded is None else bounded)

    def asker(self, principal: str) -> str:
        """The principal as AWS tests it: the role of a session, where the profile names it."""
        known = self._roles.get(_role_name(principal)) if ":assumed-role/" in principal else None
        return known or principal

    def carries(self, principal: str) -> bool:
        """Whether a principal carries the boundary and the deny policies."""
        if self._bounded is not None or not self._targets:
            return self._bounded is not False
        return _role_name(principal) in self._targets


def _named_roles(built: Built) -> dict[tuple[str, str], str]:
    """Roles that the profile or an exception names, by account and name.

    A session's ARN lacks its role's path, and aws:PrincipalArn has it; names are unique in an account.
    """
    tests = (rule.conditions for packed in built.packed for _, rule in _pieces(packed))
    values = (value for held in tests for keys in held.values() for value in keys.get(PRINCIPAL, ()))
    named = (arn for arn in (*values, *built.profile.targets) if ":role/" in arn and "*" not in arn)
    return {_role_name(arn): arn for arn in named}


def _role_name(arn: str) -> tuple[str, str]:
    """Account and role name of a role or of its session; the ARN itself for others."""
    parts = arn.split(":", 5)
    kind, _, rest = parts[-1].partition("/")
    if kind == "assumed-role":
        return parts[4], rest.partition("/")[0]
    return (parts[4], rest.rpartition("/")[2]) if kind == "role" else ("", arn)


class Side:
    """One set of documents in force, `held`, compiled; `evaluator` decides by them."""

    def __init__(self, held: tuple[Packed, ...], profile: Profile) -> None:
        self.held = held
        self._profile = profile
        beside = [packed for packed in held if packed.kind == "deny"]
        above = [packed for packed in held if packed.kind == "scp"]
        boundary = next((packed for packed in held if packed.kind == "boundary"), None)
        self._names: dict[tuple[str, int], Packed] = {
            ("identity", n): p for n, p in enumerate(beside, start=1)
        }
        self._names.update({("scp", n): p for n, p in enumerate(above, start=1)})
        if boundary:
            self._names["boundary", 0] = boundary
        self.evaluator: Evaluator = compile_policies(
            [ALLOW_ALL, *map(_document, beside)],
            boundary=_document(boundary) if boundary else None,
            scps=[[ALLOW_ALL, *map(_document, above)]] if above else None,
        )
        placed = [(one, sid, piece) for one in held for sid, found in one.pieces.items() for piece in found]
        self._rules = [(packed, sid, _open(piece)) for packed, sid, piece in placed]
        self._keys = frozenset().union(*(_tested(piece) for _, _, piece in placed))

    def judge(self, entry: Authorisation) -> AuthorisationVerdict:
        """The answer to one authorisation."""
        contexts = contexts_of(entry, self._keys)
        if not entry.resource_known:
            return self._open_resource(entry, [context for _, context in contexts])
        found = [(chosen, self._one(entry, context)) for chosen, context in contexts]
        worst = next((one for _, one in found if one.outcome != "allowed"), found[0][1])
        if len({one.outcome for _, one in found}) == 1:
            return worst
        keys = tipping(entry, self._keys, {chosen: one.outcome for chosen, one in found})
        return AuthorisationVerdict(
            entry, "depends", worst.layer, worst.document, worst.sid, worst.control, worst.keys | keys
        )

    def explain(self, entry: Authorisation) -> Explanation | None:
        """Why `judge` refuses an authorisation; None where none does, or no single resource decided."""
        unknown = {key for key in entry.unknown if key.lower() in self._keys}
        for _, context in contexts_of(entry, self._keys) if entry.resource_known else ():
            if self._one(entry, context).outcome == "refused":
                known = {key: value for key, value in context.items() if key not in unknown}
                return self.evaluator.explain(entry.action, entry.resource, known)
        return None

    def about(self, action: str) -> Hashable:
        """What answers about an action are made of: equal for two sides that answer it alike."""
        found = []
        for one in self.evaluator.about(action):
            packed = self._names.get((one.layer, one.document))
            pieces = packed.pieces.get(one.statement.sid or "", ()) if packed else ()
            acting = tuple((piece.control.id, piece.number) for piece in pieces if acts(piece.rule, action))
            found.append(
                (one.layer, one.level, packed.name if packed else None, acting, one.version, one.statement)
            )
        return self.evaluator.layers, tuple(found)

    def alike(self, action: str, patterns: Sequence[str]) -> Sequence[Hashable]:
        """What the rules about an action make of resources known as patterns: equal where none tells them apart."""
        acting = [rule for _, _, rule in self._rules if acts(rule.rule, action)]
        return [tuple(rule.reach(pattern) for rule in acting) for pattern in patterns]

    def _one(self, entry: Authorisation, context: Mapping[str, Value]) -> AuthorisationVerdict:
        unknown = {key for key in entry.unknown if key.lower() in self._keys}
        if unknown:
            answer = self.evaluator.depends_on(entry.action, entry.resource, context, unknown=unknown)
            if answer.verdict is None:
                return self._may(entry, frozenset(answer.keys))
        known = {key: value for key, value in context.items() if key not in unknown}
        decision = self.evaluator.decide(entry.action, entry.resource, known)
        if decision.verdict == "allowed":
            return AuthorisationVerdict(entry, "allowed")
        return self._refused(entry, decision)

    def _refused(self, entry: Authorisation, decision: Decision) -> AuthorisationVerdict:
        packed = self._names.get(
            (str(decision.layer), decision.document if decision.document is not None else -1)
        )
        control = self._control(packed, decision.sid, entry) if packed else None
        name = packed.name if packed else None
        return AuthorisationVerdict(entry, "refused", decision.layer, name, decision.sid, control)

    def _may(self, entry: Authorisation, keys: frozenset[str]) -> AuthorisationVerdict:
        """What may refuse it: the first statement on this action that tests one of the keys."""
        wanted = {key.lower() for key in keys}
        for packed in self.held:
            for sid, piece in _pieces(packed):
                tested = {key.lower() for tests in piece.conditions.values() for key in tests}
                if wanted & tested and acts(piece, entry.action):
                    control = self._control(packed, sid, entry)
                    return AuthorisationVerdict(
                        entry, "depends", packed.kind, packed.name, sid, control, keys
                    )
        return AuthorisationVerdict(entry, "depends", keys=keys)

    def _open_resource(
        self, entry: Authorisation, contexts: Sequence[Mapping[str, Value]]
    ) -> AuthorisationVerdict:
        """The resource is only known as a pattern: refused if a rule denies all it stands for."""
        hanging: AuthorisationVerdict | None = None
        for packed, sid, rule in self._rules:
            outcome, keys = rule.ask(entry, contexts)
            if outcome == "allowed":
                continue
            control = self._control(packed, sid, entry)
            found = AuthorisationVerdict(entry, outcome, packed.kind, packed.name, sid, control, keys)
            if outcome == "refused":
                return found
            hanging = hanging or found
        return hanging or AuthorisationVerdict(entry, "allowed")

    def _control(self, packed: Packed, sid: str | None, entry: Authorisation) -> str | None:
        """The control to change: a target that the list of models cannot name is closed by its own control."""
        found = _control(packed, sid, entry.action)
        return (closed_by(entry.resource, self._profile) if found == "approved_models" else None) or found


def contexts_of(
    entry: Authorisation, tested: Collection[str]
) -> list[tuple[tuple[Value | None, ...], Mapping[str, Value]]]:
    """The context under each combination of what the open keys may hold, as far as a statement tests them."""
    keys = [key for key in entry.either if key.lower() in tested]
    found: list[tuple[tuple[Value | None, ...], Mapping[str, Value]]] = []
    for values in product(*(entry.either[key] for key in keys)):
        chosen = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        found.append((tuple(values), {**entry.context, **chosen}))
    return found


def tipping(
    entry: Authorisation, tested: Collection[str], outcomes: Mapping[tuple[Value | None, ...], Outcome]
) -> frozenset[str]:
    """The open keys of which another value alone gives another outcome."""
    keys = [key for key in entry.either if key.lower() in tested]
    tipping = set()
    for place, key in enumerate(keys):
        groups: dict[tuple[Value | None, ...], set[Outcome]] = {}
        for values, outcome in outcomes.items():
            groups.setdefault((*values[:place], *values[place + 1 :]), set()).add(outcome)
        if any(len(group) > 1 for group in groups.values()):
            tipping.add(key)
    return frozenset(tipping)


def _document(packed: Packed) -> Document:
    kind, version = POLICY_KINDS[packed.kind], packed.document["Version"]
    each = (
        _read(minified({"Version": version, "Statement": one}), kind) for one in packed.document["Statement"]
    )
    return Document(kind, version, tuple(statement for found in each for statement in found.statements))


@lru_cache(maxsize=2_048)
def _read(text: str, kind: PolicyKind) -> Document:
    """A statement as a document, remembered: a change of the spec leaves most statements as they were."""
    return read(text, kind)


@lru_cache(maxsize=4_096)
def _open(piece: Piece) -> OpenRule:
    return OpenRule(piece.rule)


@lru_cache(maxsize=4_096)
def _tested(piece: Piece) -> frozenset[str]:
    """The keys that a rule reads, in lower case."""
    keys = {key.lower() for tests in piece.rule.conditions.values() for key in tests}
    if any("${aws:username}" in arn for arn in piece.rule.not_resources):
        keys.add("aws:username")
    return frozenset(keys)


def _pieces(packed: Packed) -> Iterator[tuple[str, Rule]]:
    for sid, pieces in packed.pieces.items():
        for piece in pieces:
            yield sid, piece.rule


def _control(packed: Packed, sid: str | None, action: str) -> str | None:
    """The control whose part of a merged statement names the action."""
    for piece in packed.pieces.get(sid or "", ()):
        if acts(piece.rule, action):
            return piece.control.id
    return None


def overall(call: Call, judged: tuple[AuthorisationVerdict, ...]) -> CallVerdict:
    """The answer to a call whose authorisations were answered so."""
    certain = [one for one in judged if one.authorisation.certain]
    refused = next((one for one in certain if one.outcome == "refused"), None)
    if refused:
        return CallVerdict(call, "refused", judged, refused, frozenset())
    hanging = [one for one in judged if one.outcome != "allowed"]
    if not hanging:
        return CallVerdict(call, "allowed", judged, None, frozenset())
    keys = frozenset(key for one in hanging for key in one.keys or unsure(one.authorisation))
    return CallVerdict(call, "depends", judged, hanging[0], keys)


def unsure(entry: Authorisation) -> tuple[str, ...]:
    """An authorisation that may not be made at all is named by its action."""
    if entry.action.endswith(":CallWithBearerToken"):
        return ("whether an API key was used",)
    return (f"whether AWS asks for {entry.action} on {entry.resource}",)


_JUDGES: WeakKeyDictionary[Built, Judge] = WeakKeyDictionary()


def refused(built: Built, call: Call, catalogue: Catalogue | None = None, **options: Any) -> CallVerdict:
    """Judge one call by everything that was built; see `Judge` for `layers` and `bounded`.

    Example:
        >>> from bedrock_guard.boundary.builder import build
        >>> from bedrock_guard.boundary.spec import BoundarySpec
        >>> call = Call("bedrock-runtime", "Converse", {"modelId": "global.anthropic.claude-haiku-4-5-20251001-v1:0"})
        >>> verdict = refused(build(BoundarySpec.from_draft()), call)
        >>> verdict.outcome
        'refused'
    """
    if options:
        return Judge(built, **options).call(call, catalogue)
    judge = _JUDGES.get(built)
    if judge is None:
        judge = _JUDGES[built] = Judge(built)
    return judge.call(call, catalogue)
