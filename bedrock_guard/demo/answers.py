"""What the demo checks of itself: every answer against the service model, by a checker compiled once per shape.

Required and unknown members, types and enum values, as botocore's own validator and one enum check would find them,
at a fraction of the time; a test holds the two against each other. Not the length of lists, greatest length of text
and pattern: AWS's own answers break those of the model (an account without evaluation jobs has an empty list of them).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from bedrock_guard.demo.errors import DemoDefectError
from bedrock_guard.demo.protocol import to_time

Beyond = tuple[tuple[str, frozenset[str]], ...]
"""Enum shapes and the values that AWS gives although its model does not have them."""

_Place = tuple[Any, str] | None
"""Where a value stands: the place of its parent and its name. Written out only for a defect."""

_Check = Callable[[Any, _Place, list[str]], Any]
"""(value, where, defects) -> the value with ISO text in place of a time made a datetime."""

_NUMBERS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "long": (int,),
    "float": (int, float, Decimal),
    "double": (int, float, Decimal),
}


def checked_answer(
    operation: OperationModel,
    answer: dict[str, Any],
    may_lack: Collection[str] = (),
    beyond: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Any]:
    """The answer with its times as datetimes; one that AWS could not give is refused.

    Args:
        operation: whose answer it is.
        answer: in the API's member names; a member that is None is left out.
        may_lack: members that AWS leaves out although the model requires them.
        beyond: enum shape -> values that AWS gives although its model does not have them.

    Raises:
        DemoDefectError: with the operation and every defect.
    """
    shape = operation.output_shape
    if shape is None:
        if answer:
            raise DemoDefectError(f"{operation.name} has no output, and the demo gave {sorted(answer)}.")
        return {}
    wider = tuple((name, frozenset(values)) for name, values in sorted((beyond or {}).items()))
    wrong: list[str] = []
    typed: dict[str, Any] = _compiled(shape, wider, frozenset(may_lack))(answer, None, wrong)
    if wrong:
        raise DemoDefectError(f"{operation.name}: the demo's answer is not AWS's.", why="; ".join(wrong))
    return typed


@cache
def _compiled(shape: StructureShape, beyond: Beyond, may_lack: frozenset[str]) -> _Check:
    return _Compiler(dict(beyond)).structure(shape, may_lack)


class _Compiler:
    """Compiles the shapes below one output; a shape that contains itself is compiled once."""

    def __init__(self, beyond: Mapping[str, frozenset[str]]) -> None:
        self._beyond = beyond
        self._known: dict[str, _Check] = {}

    def check(self, shape: Shape) -> _Check:
        known = self._known.get(shape.name)
        if known is not None:
            return known
        # Until it is compiled, a shape inside itself finds its checker by name, when it runs.
        self._known[shape.name] = lambda value, where, wrong: self._known[shape.name](value, where, wrong)
        made = self._make(shape)
        self._known[shape.name] = made
        return made

    def _make(self, shape: Shape) -> _Check:
        if isinstance(shape, StructureShape):
            return self.structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        if shape.type_name == "string":
            return self._text(shape)
        if shape.type_name in _NUMBERS:
            return _number(shape)
        return {"boolean": _boolean, "timestamp": _time, "blob": _blob}[shape.type_name]

    def structure(self, shape: StructureShape, may_lack: frozenset[str] = frozenset()) -> _Check:
        """A checker of a structure; `may_lack` are members that it may do without."""
        if shape.is_document_type:
            return lambda value, _where, _wrong: value
        members = {name: self.check(member) for name, member in shape.members.items()}
        required = [name for name in shape.required_members if name not in may_lack]
        one_of = shape.is_tagged_union

        def structure(value: Any, where: _Place, wrong: list[str]) -> Any:
            if not isinstance(value, dict):
                wrong.append(f"{_said(where)}: {type(value).__name__} is no structure")
                return value
            typed = {}
            for name, item in value.items():
                if item is None:
                    continue
                check = members.get(name)
                if check is None:
                    wrong.append(f"{_said(where)}.{name}: unknown member")
                    continue
                typed[name] = check(item, (where, name), wrong)
            wrong.extend(
                f"{_said(where)}.{name}: missing required member" for name in required if name not in typed
            )
            if one_of and len(typed) != 1:
                wrong.append(f"{_said(where)}: exactly one member of the union has to be set")
            return typed

        return structure

    def _list(self, shape: ListShape) -> _Check:
        check = self.check(shape.member)

        def items(value: Any, where: _Place, wrong: list[str]) -> Any:
            if not isinstance(value, (list, tuple)):
                wrong.append(f"{_said(where)}: {type(value).__name__} is no list")
                return value
            return [check(item, where, wrong) for item in value]

        return items

    def _map(self, shape: MapShape) -> _Check:
        key_check, check = self.check(shape.key), self.check(shape.value)

        def entries(value: Any, where: _Place, wrong: list[str]) -> Any:
            if not isinstance(value, dict):
                wrong.append(f"{_said(where)}: {type(value).__name__} is no map")
                return value
            return {
                key_check(key, where, wrong): check(item, (where, key), wrong) for key, item in value.items()
            }

        return entries

    def _text(self, shape: Shape) -> _Check:
        values = {*shape.enum, *self._beyond.get(shape.name, ())} if shape.enum else None
        low = shape.metadata.get("min", 0)

        def text(value: Any, where: _Place, wrong: list[str]) -> Any:
            if type(value) is str and len(value) >= low and (values is None or value in values):
                return value
            if not isinstance(value, str):
                wrong.append(f"{_said(where)}: {type(value).__name__} is no text")
            elif values is not None and value not in values:
                wrong.append(f"{_said(where)}: {value!r} is not in the enum of {shape.name}")
            elif len(value) < low:
                wrong.append(f"{_said(where)}: shorter than {low}")
            return value

        return text


def _said(place: _Place) -> str:
    names = []
    while place is not None:
        place, name = place
        names.append(name)
    return ".".join(reversed(names))


def _number(shape: Shape) -> _Check:
    types, low = _NUMBERS[shape.type_name], shape.metadata.get("min")

    def number(value: Any, where: _Place, wrong: list[str]) -> Any:
        if isinstance(value, bool) or not isinstance(value, types):
            wrong.append(f"{_said(where)}: {type(value).__name__} is no {shape.type_name}")
        elif low is not None and value < low:
            wrong.append(f"{_said(where)}: less than {low}")
        return value

    return number


def _boolean(value: Any, where: _Place, wrong: list[str]) -> Any:
    if not isinstance(value, bool):
        wrong.append(f"{_said(where)}: {type(value).__name__} is no boolean")
    return value


def _time(value: Any, where: _Place, wrong: list[str]) -> Any:
    try:
        return to_time(value)
    except (ValueError, TypeError, OverflowError):
        wrong.append(f"{_said(where)}: {value!r} is no time")
        return value


def _blob(value: Any, where: _Place, wrong: list[str]) -> Any:
    if not isinstance(value, (bytes, bytearray, str)):
        wrong.append(f"{_said(where)}: {type(value).__name__} is no blob")
    return value
