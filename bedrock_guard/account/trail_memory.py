"""What earlier records of a trail said: operations, callers and requests repeat, and what repeats is read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from bedrock_guard.evidence.held_records import MEMBERS, Kind, shape_of
from bedrock_guard.evidence.left_out import LeftOut

_MOST_TEXTS: Final = 60_000
_MOST_FORMS: Final = 20_000
_MOST_MEMBERS: Final = 100
_LONGEST: Final = 2_048


@dataclass(frozen=True, eq=False, slots=True)
class Form:
    """Which members a record has.

    Args:
        names: their names.
        twice: whether a name stands twice.
        look: gives MEMBERS, with anything in place of those missing, and then the others; a KeyError when the record
            lacks one of `names`. A record that has as many members and lacks none is of this form.
    """

    names: frozenset[str]
    twice: bool
    look: Callable[[Any], tuple[Any, ...]]


class Memory:
    """What was read before, and from what. It stays small, however odd the records are."""

    def __init__(self) -> None:
        self.verdicts = _Verdicts()
        self._read: dict[Any, dict[Any, Any]] = {}
        self._forms: dict[tuple[str, ...], Form] = {}
        self._likely: dict[tuple[Kind, int], Form] = {}

    def of(self, function: Any) -> dict[Any, Any]:
        """What a function read, by the text it was read from."""
        return self._read.setdefault(function, {})

    def look(self, record: Any, kind: Kind) -> tuple[Form, tuple[Any, ...]]:
        """The form of a record, which is likely that of the last one of its kind and size, and what that looks at."""
        size = len(record)
        form = self._likely.get((kind, size))
        if form:
            try:
                return form, form.look(record)
            except KeyError:
                pass
        form = self._form(tuple(record))
        if size <= _MOST_MEMBERS:
            self._likely[kind, size] = form
        return form, form.look(record)

    def _form(self, names: tuple[str, ...]) -> Form:
        if names in self._forms:
            return self._forms[names]
        distinct = frozenset(names)
        wanted = [name if name in distinct else names[0] for name in MEMBERS]
        look = itemgetter(*(name.encode() for name in (*wanted, *distinct.difference(MEMBERS))))
        form = Form(distinct, len(distinct) < len(names), look)
        if len(names) <= _MOST_MEMBERS:
            self._forms[names] = form
        return form

    def tidy(self) -> None:
        """Forget what there is most of, when there is too much."""
        while sum(map(len, self._read.values())) > _MOST_TEXTS:
            max(self._read.values(), key=len).clear()
        if len(self._forms) + len(self._likely) > _MOST_FORMS:
            self._forms.clear()
            self._likely.clear()


class _Verdicts(dict[Kind, "Kind | str | None"]):
    """Of each kind of record: itself when such records are kept, else the reason why not; None for what is no kind."""

    def __missing__(self, kind: Kind) -> Kind | str | None:
        if not (type(kind[0]) is type(kind[1]) is str):
            return None
        shape = shape_of(*kind)
        if len(self) >= _MOST_FORMS:
            self.clear()
        self[kind] = verdict = shape.value if isinstance(shape, LeftOut) else kind
        return verdict


def is_short(text: Any) -> bool:
    """Whether a text, alone or with its kind, is short enough to be remembered."""
    last = text[-1] if isinstance(text, tuple) else text
    return not isinstance(last, bytes | str) or len(last) <= _LONGEST
