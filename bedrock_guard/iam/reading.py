"""From JSON nodes to a Document: every element understood, or refused with its place.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from bedrock_guard.iam import jsontext
from bedrock_guard.iam.jsontext import Node
from bedrock_guard.iam.model import (
    DEFAULT_VERSION,
    VERSIONS,
    Condition,
    Document,
    Effect,
    Kind,
    Principals,
    Statement,
)
from bedrock_guard.iam.operators import OPERATORS, operand_fault, parse_operator
from bedrock_guard.iam.principal_forms import PRINCIPAL_TYPES, principal_fault

_TOP = ("Version", "Id", "Statement")
_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_WITHOUT_PRINCIPAL = ("identity", "boundary", "scp", "session")
_ACTION = re.compile(r"\*|[A-Za-z0-9_*?-]+:[A-Za-z0-9_*?.-]+")
_KEY = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_SID = re.compile(r"[A-Za-z0-9]*")


class Reader:
    """Reads one document: collects warnings, raises PolicyError at the first fault."""

    def __init__(self, text: str, kind: Kind, *, lenient: bool) -> None:
        self.text = text
        self.kind: Kind = kind
        self.lenient = lenient
        self.warnings: list[str] = []

    def document(self) -> Document:
        """Read the whole text."""
        root = jsontext.parse(self.text, any_character=self.lenient)
        if root.kind != "object":
            self.fail(root.at, "A policy is a JSON object.", why=f"This is {_article(root.kind)}.")
        members = self._members(root, _TOP)
        version = self._version(members.get("Version"))
        if "Statement" not in members:
            self.fail(root.at, "The policy has no Statement.")
        statements = self._statements(members["Statement"])
        self._check_sids(members["Statement"], statements)
        name = members.get("Id")
        return Document(
            self.kind,
            version,
            statements,
            None if name is None else self._text(name, "Id"),
            tuple(self.warnings),
        )

    def fail(self, at: int, what: str, *, why: str = "", remedy: str = "") -> NoReturn:
        """Refuse the document at one place."""
        jsontext.fail(self.text, at, what, why=why, remedy=remedy)

    def doubt(self, at: int, what: str, *, why: str = "", remedy: str = "") -> None:
        """Refuse, unless AWS itself returned the document: then note it."""
        if not self.lenient:
            self.fail(at, what, why=why, remedy=remedy)
        self.warn(at, what)

    def warn(self, at: int, what: str) -> None:
        """Note something odd that is understood."""
        line, column = jsontext.place(self.text, at)
        self.warnings.append(f"{what} (line {line}, column {column})")

    def _members(self, node: Node, known: tuple[str, ...]) -> dict[str, Node]:
        for key, at, _ in node.members:
            if key not in known:
                near = next((name for name in known if name.lower() == key.lower()), None)
                remedy = f'Write "{near}".' if near else f"Known here: {', '.join(known)}."
                self.fail(at, f'"{key[:60]}" is no element of a policy.', remedy=remedy)
        return {key: value for key, _, value in node.members}

    def _text(self, node: Node, name: str) -> str:
        if node.kind != "string":
            self.fail(node.at, f"{name} must be text.", why=f"This is {_article(node.kind)}.")
        return node.text

    def _version(self, node: Node | None) -> str:
        if node is None:
            self.warnings.append(
                f"The policy has no Version, so it is read as {DEFAULT_VERSION}: no variables."
            )
            return DEFAULT_VERSION
        version = self._text(node, "Version")
        if version not in VERSIONS:
            self.fail(
                node.at,
                f'Version "{version[:40]}" is not a version of the policy language.',
                remedy=f'Write "{VERSIONS[0]}".',
            )
        return version

    def _statements(self, node: Node) -> tuple[Statement, ...]:
        nodes = node.items if node.kind == "array" else [node]
        if not nodes:
            self.warn(node.at, "The policy has no statements and decides nothing.")
        return tuple(self._statement(each) for each in nodes)

    def _statement(self, node: Node) -> Statement:
        if node.kind != "object":
            self.fail(node.at, "A statement is a JSON object.", why=f"This is {_article(node.kind)}.")
        members = self._members(node, _ELEMENTS)
        for name in ("Principal", "Action", "Resource"):
            if name in members and f"Not{name}" in members:
                self.fail(members[f"Not{name}"].at, f"A statement has {name} or Not{name}, never both.")
        statement = Statement(
            sid=None if "Sid" not in members else self._text(members["Sid"], "Sid"),
            effect=self._effect(node, members.get("Effect")),
            actions=self._values(members.get("Action"), "Action", self._check_action),
            not_actions=self._values(members.get("NotAction"), "NotAction", self._check_action),
            resources=self._values(members.get("Resource"), "Resource", self._check_resource),
            not_resources=self._values(members.get("NotResource"), "NotResource", self._check_resource),
            principals=self._principals(members.get("Principal"), "Principal"),
            not_principals=self._principals(members.get("NotPrincipal"), "NotPrincipal"),
            conditions=self._conditions(members.get("Condition")),
        )
        self._check_shape(node, members, statement)
        return statement

    def _effect(self, statement: Node, node: Node | None) -> Effect:
        if node is None:
            self.fail(statement.at, "The statement has no Effect.", remedy="Allow or Deny.")
        effect = self._text(node, "Effect")
        if effect == "Allow":
            return "Allow"
        if effect == "Deny":
            return "Deny"
        return self.fail(
            node.at, f'Effect "{effect[:40]}" is neither "Allow" nor "Deny".', why="Case counts here."
        )

    def _values(
        self, node: Node | None, name: str, check: Callable[[Node, str], None]
    ) -> tuple[str, ...] | None:
        if node is None:
            return None
        nodes = node.items if node.kind == "array" else [node]
        if not nodes:
            self.doubt(node.at, f"{name} is an empty list.", why="The statement would apply to nothing.")
        for each in nodes:
            check(each, self._text(each, name))
        return tuple(each.text for each in nodes)

    def _check_action(self, node: Node, value: str) -> None:
        if not _ACTION.fullmatch(value):
            self.doubt(
                node.at,
                f'"{value[:60]}" is no action.',
                why='An action is "*" or a service prefix, a colon and a name.',
            )
        prefix = value.partition(":")[0]
        if value not in ("*", "*:*") and ("*" in prefix or "?" in prefix):
            self.doubt(
                node.at,
                f'"{value[:60]}" has a wildcard in the service prefix.',
                why="IAM refuses it: wildcards belong in the name after the colon.",
            )

    def _check_resource(self, node: Node, value: str) -> None:
        if value != "*" and not value.startswith("arn:"):
            self.doubt(node.at, f'"{value[:60]}" is no resource.', why='A resource is "*" or an ARN.')

    def _principals(self, node: Node | None, name: str) -> Principals | None:
        if node is None:
            return None
        if node.kind == "string":
            if node.text != "*":
                self.fail(node.at, f'{name} "{node.text[:60]}" needs its type.', remedy='Write {"AWS": "…"}.')
            return {"*": ("*",)}
        if node.kind != "object":
            self.fail(node.at, f'{name} is "*" or an object.', why=f"This is {_article(node.kind)}.")
        if not node.members:
            self.doubt(node.at, f"{name} is empty.")
        self._members(node, PRINCIPAL_TYPES)
        return {kind: self._principal_values(kind, value) for kind, _, value in node.members}

    def _principal_values(self, kind: str, node: Node) -> tuple[str, ...]:
        def check(each: Node, value: str) -> None:
            fault = principal_fault(kind, value)
            if fault:
                self.doubt(each.at, f'"{value[:80]}" is no principal of type {kind}.', why=fault)

        return self._values(node, f"Principal.{kind}", check) or ()

    def _conditions(self, node: Node | None) -> tuple[Condition, ...]:
        if node is None:
            return ()
        if node.kind != "object":
            self.fail(node.at, "Condition is an object of operators.", why=f"This is {_article(node.kind)}.")
        found: list[Condition] = []
        for written, at, keys in node.members:
            operator = parse_operator(written)
            if operator is None:
                self.fail(
                    at, f'"{written[:60]}" is no condition operator.', remedy=_nearest_operator(written)
                )
            if keys.kind != "object":
                self.fail(keys.at, f"{written} is an object of condition keys.")
            name, qualifier, if_exists = operator
            if Condition(name, "", (), if_exists, qualifier).name != written:
                self.warn(at, f'The operator "{written}" is not spelled as AWS spells it.')
            for key, key_at, value in keys.members:
                self._check_key(key_at, key)
                values = self._condition_values(value, name, key)
                condition = Condition(name, key, values, if_exists, qualifier)
                if any((one.name, one.key) == (condition.name, key) for one in found):
                    self.fail(key_at, f'"{key[:60]}" occurs twice under {condition.name}.')
                found.append(condition)
        return tuple(found)

    def _check_key(self, at: int, key: str) -> None:
        if not _KEY.fullmatch(key):
            self.fail(
                at, f"{key[:60]!r} is no condition key.", why="It is empty or begins or ends with a space."
            )
        if ":" not in key:
            self.doubt(
                at, f'"{key[:60]}" is no condition key.', why="A key has a service prefix and a colon."
            )

    def _condition_values(self, node: Node, operator: str, key: str) -> tuple[str, ...]:
        nodes = node.items if node.kind == "array" else [node]
        if not nodes:
            self.doubt(node.at, f"{key[:60]} has an empty list of values.")
        for each in nodes:
            if each.kind not in ("string", "number", "boolean"):
                self.fail(
                    each.at, f"A condition value is text, a number or a boolean, not {_article(each.kind)}."
                )
            fault = operand_fault(operator, each.text)
            if fault:
                self.doubt(each.at, f'"{each.text[:60]}" is no value for {operator}.', why=fault)
        return tuple(each.text for each in nodes)

    def _check_shape(self, node: Node, members: Mapping[str, Node], statement: Statement) -> None:
        if statement.actions is None and statement.not_actions is None:
            self.fail(node.at, "The statement has neither Action nor NotAction.")
        self._check_resource_element(node, members)
        self._check_principal_element(node, members)
        if self.kind == "rcp":
            self._check_rcp(node, statement)

    def _check_resource_element(self, node: Node, members: Mapping[str, Node]) -> None:
        has = members.get("Resource") or members.get("NotResource")
        if self.kind == "trust":
            if has is not None:
                self.fail(has.at, "A trust policy has no Resource.", why="It belongs to one role.")
        elif has is None and self.kind != "resource":
            self.fail(node.at, "The statement has neither Resource nor NotResource.")

    def _check_principal_element(self, node: Node, members: Mapping[str, Node]) -> None:
        has = members.get("Principal") or members.get("NotPrincipal")
        if self.kind in _WITHOUT_PRINCIPAL:
            if has is not None:
                self.fail(
                    has.at, f"A policy of kind {self.kind} has no Principal.", why="It is attached to one."
                )
        elif has is None:
            self.fail(node.at, f"A policy of kind {self.kind} needs a Principal.")
        elif "NotPrincipal" in members and (self.kind == "trust" or members["Effect"].text == "Allow"):
            self.doubt(has.at, "NotPrincipal stands in a Deny of a resource policy only.", why="AWS says so.")

    def _check_rcp(self, node: Node, statement: Statement) -> None:
        if statement.principals != {"*": ("*",)}:
            self.fail(node.at, 'A resource control policy has "Principal": "*".', why="AWS takes no other.")
        full = statement.actions == ("*",) and statement.resources == ("*",) and not statement.conditions
        if statement.effect == "Allow" and not full:
            self.fail(
                node.at,
                "A resource control policy of your own holds only Deny.",
                why="RCPFullAWSAccess, the one that allows, is AWS's and always attached.",
            )
        if statement.effect == "Deny" and not all(":" in one for one in statement.actions or ("",)):
            self.doubt(node.at, "A resource control policy names the service of each Action.")

    def _check_sids(self, node: Node, statements: Sequence[Statement]) -> None:
        nodes = node.items if node.kind == "array" else [node]
        seen: set[str] = set()
        for each, statement in zip(nodes, statements, strict=True):
            sid = statement.sid
            if not sid:
                continue
            at = next(value.at for key, _, value in each.members if key == "Sid")
            if self.kind != "resource" and not _SID.fullmatch(sid):
                self.doubt(at, f'Sid "{sid[:60]}" holds something else than A-Z, a-z and 0-9.')
            if sid in seen:
                self.doubt(at, f'Sid "{sid[:60]}" occurs twice.', why="A Sid is unique in its policy.")
            seen.add(sid)


def _article(kind: str) -> str:
    return {"object": "an object", "array": "a list", "null": "null"}.get(kind, f"a {kind}")


def _nearest_operator(written: str) -> str:
    near = get_close_matches(written.rpartition(":")[2], OPERATORS, 1)
    return f"Perhaps {near[0]}?" if near else ""
