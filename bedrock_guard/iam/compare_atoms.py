"""Cut the values that one thing can have (a resource, a context key) into atoms that no test tells further apart.

An axis is the finite list of atoms of a resource or a key. Two values of the same atom give the same answer
to every test that was asked for, so one witness stands for all of them. A set of atoms is an integer, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from bedrock_guard.iam.automaton import Cell, Chain, Patterns
from bedrock_guard.iam.values import Network, network

Value = str | tuple[str, ...] | None
LIST_LIMIT = 1_000
# Years 1000 to 9999, the ones that strftime writes with four digits.
_FIRST_YEARS, _LAST_YEARS = -30_610_224_000, 253_402_300_800


@dataclass(frozen=True, slots=True)
class Atom:
    """Values that no test tells apart: one of them (None is "absent"), and the whole class in words."""

    value: Value
    words: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The atoms of a resource (name "") or of a context key. `complete` is False where they may not be all."""

    name: str
    atoms: tuple[Atom, ...]
    complete: bool = True

    @property
    def full(self) -> int:
        """The set of all atoms."""
        return (1 << len(self.atoms)) - 1

    def chosen(self, mask: int) -> list[Atom]:
        """Give the atoms of a set."""
        return [atom for position, atom in enumerate(self.atoms) if mask >> position & 1]


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern with its text, for people, and what is tried as an example of it."""

    chain: Chain
    text: str
    example: str
    exact: bool = False


ABSENT = Atom(None, "absent")


def text_atoms(shapes: Sequence[Shape], within: Sequence[Chain], others: Sequence[str]) -> list[Atom]:
    """Cut texts by patterns.

    Args:
        shapes: the patterns, without repetition.
        within: only texts that fit one of these count.
        others: texts to show for what fits no pattern, the best first.

    Raises:
        TooManyStatesError: the patterns overlap in too many ways.
    """
    patterns = Patterns([shape.chain for shape in shapes], within=within)
    shown: dict[tuple[bool, ...], str] = {}
    for text in (*(shape.example for shape in shapes), *others):
        fits = patterns.fits(text)
        if fits is not None:
            shown.setdefault(fits, text)
    cells = patterns.cells()
    known = {cell.fits for cell in cells}
    return [Atom(shown.get(cell.fits, cell.text), _words(cell, shapes, known)) for cell in cells]


def _words(cell: Cell, shapes: Sequence[Shape], known: set[tuple[bool, ...]]) -> str:
    """Describe a cell by the narrowest patterns that it fits and the widest that it does not."""
    inside = [position for position, fits in enumerate(cell.fits) if fits]
    exact = [position for position in inside if shapes[position].exact]
    if exact:
        return shapes[exact[0]].text
    within = [other for other in known if all(other[position] for position in inside)]
    outside = [
        position
        for position, fits in enumerate(cell.fits)
        if not fits and any(other[position] for other in within)
    ]
    narrow = [one for one in inside if not any(_implies(other, one, known) for other in inside)]
    wide = [one for one in outside if not any(_implies(one, other, set(within)) for other in outside)]
    base = " and ".join(shapes[one].text for one in narrow if shapes[one].text.strip("*")) or "anything"
    return f"{base} except {', '.join(sorted(shapes[one].text for one in wide))}" if wide else base


def _implies(narrow: int, wide: int, known: set[tuple[bool, ...]]) -> bool:
    """Tell whether every text that fits one pattern fits the other, and not the reverse (the later one if both)."""
    if narrow == wide or any(fits[narrow] and not fits[wide] for fits in known):
        return False
    equal = all(fits[narrow] == fits[wide] for fits in known)
    return narrow < wide if equal else True


def number_atoms(thresholds: Iterable[Decimal]) -> list[Atom]:
    """Cut numbers at thresholds: each one, what lies between, below and above."""
    cuts = sorted(set(thresholds))
    if not cuts:
        return [Atom("1", "any number")]
    atoms = [Atom(_number(cuts[0] - 1), f"below {_number(cuts[0])}")]
    for position, cut in enumerate(cuts):
        atoms.append(Atom(_number(cut), _number(cut)))
        if position + 1 < len(cuts):
            after = cuts[position + 1]
            atoms.append(Atom(_number(_between(cut, after)), f"between {_number(cut)} and {_number(after)}"))
    atoms.append(Atom(_number(cuts[-1] + 1), f"above {_number(cuts[-1])}"))
    return atoms


def _between(low: Decimal, high: Decimal) -> Decimal:
    whole = (low + 1).to_integral_value(rounding="ROUND_FLOOR")
    return whole if low < whole < high else (low + high) / 2


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def instant_atoms(thresholds: Iterable[Decimal]) -> list[Atom]:
    """Cut instants (epoch seconds) at thresholds: each one, what lies between, before and after."""
    cuts = sorted(set(thresholds))
    if not cuts:
        return [Atom(_moment(Decimal(1_800_000_000)), "any time")]
    atoms = [Atom(_moment(cuts[0] - 86_400), f"before {_moment(cuts[0])}")]
    for position, cut in enumerate(cuts):
        atoms.append(Atom(_moment(cut), _moment(cut)))
        if position + 1 < len(cuts):
            after = cuts[position + 1]
            words = f"between {_moment(cut)} and {_moment(after)}"
            atoms.append(Atom(_moment(_between(cut, after)), words))
    atoms.append(Atom(_moment(cuts[-1] + 86_400), f"after {_moment(cuts[-1])}"))
    return atoms


def _moment(epoch: Decimal) -> str:
    """Write epoch seconds as ISO 8601 where that loses nothing."""
    if epoch == epoch.to_integral_value() and _FIRST_YEARS < epoch < _LAST_YEARS:
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{epoch:f}"


def address_atoms(texts: Iterable[str]) -> list[Atom]:
    """Cut IPv4 and IPv6 addresses by networks, which nest or are apart."""
    everything: list[Network] = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    named = {found for text in texts if (found := network(text)) is not None}
    networks = sorted(
        named.union(everything), key=lambda net: (net.version, net.prefixlen, int(net.network_address))
    )
    atoms = []
    for net in networks:
        inner = [other for other in networks if other != net and _holds(net, other)]
        starts = [int(net.network_address), *(int(other.broadcast_address) + 1 for other in inner)]
        gap = next((start for start in starts if _is_gap(start, net, inner)), None)
        if gap is not None:
            largest = [
                other for other in inner if not any(_holds(third, other) for third in inner if third != other)
            ]
            words = "" if net in named else f"other IPv{net.version}"
            words = words or str(net) + (f" except {', '.join(map(str, largest))}" if largest else "")
            atoms.append(Atom(str(_address(gap, net)), words))
    return atoms


def _holds(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _is_gap(value: int, net: Network, inner: Sequence[Network]) -> bool:
    if not int(net.network_address) <= value <= int(net.broadcast_address):
        return False
    return not any(int(one.network_address) <= value <= int(one.broadcast_address) for one in inner)


def _address(value: int, net: Network) -> object:
    return ip_address(value.to_bytes(net.max_prefixlen // 8, "big"))


def list_atoms(singles: Sequence[Atom], truths: Sequence[tuple[bool, ...]]) -> tuple[list[Atom], bool]:
    """Cut lists of values for the set operators, which only ask "is any so?" and "are all so?".

    An empty list is a missing key, and not among these.

    Args:
        singles: the atoms of one value.
        truths: for each of them, the answer of each test on that value alone.

    Returns:
        One list for each combination of answers, and whether these are all combinations.
    """
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    bits = [sum(1 << position for position, true in enumerate(row) if true) for row in truths]
    queue: list[tuple[int, int, tuple[int, ...]]] = [
        (bit, bit, (position,)) for position, bit in enumerate(bits)
    ]
    for some, every, members in queue:
        if (some, every) in found:
            continue
        found[some, every] = members
        if len(found) > LIST_LIMIT:
            break
        queue.extend(
            (some | bit, every & bit, (*members, position))
            for position, bit in enumerate(bits)
            if (some | bit, every & bit) not in found
        )
    atoms = [_list_atom([singles[position] for position in members]) for members in found.values()]
    return atoms, len(found) <= LIST_LIMIT


def _list_atom(members: Sequence[Atom]) -> Atom:
    values = tuple(member.value for member in members if isinstance(member.value, str))
    return Atom(values, "[" + ", ".join(member.words for member in members) + "]")
