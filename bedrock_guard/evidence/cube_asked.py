"""The authorisations of distinct calls as columns, whoever makes the calls; and the callers, apart.

Who calls shows in three keys alone (`CALLER_KEYS`), the same for every authorisation of a call, so that a thousand
callers of one model need that model's authorisations once. IAM's calls are the exception: they may be about the caller.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_network
from typing import Any, Final

import numpy as np

from bedrock_guard.boundary.calls import Authorisation, Call, authorisations
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.controls.targets import other_target
from bedrock_guard.evidence.cube_cells import (
    AddressColumn,
    Codes,
    Column,
    Either,
    Memory,
    Open,
    ResourceColumn,
    coded,
    combined,
    dense,
)
from bedrock_guard.iam.program import UNKNOWN
from bedrock_guard.iam.values import address

PRINCIPAL: Final = "aws:principalarn"
ADDRESS: Final = "aws:sourceip"
CALLER_KEYS: Final = frozenset({PRINCIPAL, "aws:username", ADDRESS})
CONSTANT_KEYS: Final = frozenset({"aws:currenttime", "principal", "resource_account"})
"""Columns with one value for all calls of a judgement."""


class Asked:
    """Every authorisation of distinct calls in columns, in the calls' order; `starts` has the first of each call."""

    def __init__(self, calls: Sequence[Call], catalogue: Catalogue) -> None:
        self.calls = tuple(calls)
        self._catalogue = catalogue
        made = _Columns()
        counts = [made.add(authorisations(call, catalogue)) for call in calls]
        self.counts: Codes = np.array(counts, dtype=np.int64)
        self.starts: Codes = (np.cumsum(self.counts) - self.counts).astype(np.int64)
        self.certain = np.array(made.certain, dtype=bool)
        self.actions: list[str] = [str(cells[0]) for cells in made.column("action").cells]
        self.action_codes = made.column("action").codes
        codes, known = coded((None, *made.open))
        self.open_codes: Codes = codes[1:]
        """Which pattern, counted from 1, each authorisation's resource is only known as; 0 where it is known."""
        self.patterns: list[str] = known[1:]
        resources = made.column("resource")
        targets = [_target(cells[0]) for cells in resources.cells]
        self.target_codes: Codes = coded(targets)[0][resources.codes]
        """Which kind of target, and whose, each authorisation's resource is, where that names what refuses it."""
        self._single = {name: made.column(name) for name in made.names}
        self._empty = Column(np.zeros(made.rows, dtype=np.int64), [(None,)])
        self._joint: Memory[tuple[str, ...], Column] = Memory(128)
        self._entries: Memory[int, tuple[Authorisation, ...]] = Memory(1024)

    def ready(self) -> None:
        """Take the resources apart now, not at the first test."""
        resource = self.column(("resource",))
        if isinstance(resource, ResourceColumn):
            _ = resource.parts

    def entry(self, row: int) -> Authorisation:
        """One authorisation; made anew, because hundreds of thousands of them are a burden to keep."""
        call = int(np.searchsorted(self.starts, row, side="right")) - 1
        found = self._entries.get(call, lambda: authorisations(self.calls[call], self._catalogue))
        return found[row - int(self.starts[call])]

    def column(self, names: tuple[str, ...]) -> Column:
        """Columns read together, over all authorisations."""
        return self._joint.get(names, lambda: self._join(names))

    def _join(self, names: tuple[str, ...]) -> Column:
        parts = [self._single.get(name, self._empty) for name in names]
        if len(parts) == 1:
            return parts[0]
        codes, first = dense(combined([part.codes for part in parts], len(self._empty.codes)))
        cells = [tuple(part.cells[part.codes[row]][0] for part in parts) for row in first]
        return Column(codes, cells)


class _Columns:
    """The columns of authorisations in the making: for each name the rows that have a cell, and its code."""

    def __init__(self) -> None:
        self.rows = 0
        self.certain: list[bool] = []
        self.open: list[str | None] = []
        self._told: dict[str, tuple[list[int], list[int], dict[Hashable, int], list[Any]]] = {}

    @property
    def names(self) -> Iterable[str]:
        """The columns that a row has a cell in."""
        return self._told

    def add(self, entries: Sequence[Authorisation]) -> int:
        """Take rows; say how many."""
        for entry in entries:
            for name, cell in _cells(entry).items():
                told = self._told.get(name)
                if told is None:
                    told = self._told[name] = ([], [], {}, [])
                rows, codes, known, cells = told
                token = (cell.__class__, cell)
                code = known.get(token)
                if code is None:
                    code = known[token] = len(cells)
                    cells.append(cell)
                rows.append(self.rows)
                codes.append(code)
            self.certain.append(entry.certain)
            self.open.append(None if entry.resource_known else entry.resource)
            self.rows += 1
        return len(entries)

    def column(self, name: str) -> Column:
        """One column over all rows; where a row has no cell, the key is absent."""
        rows, codes, _, cells = self._told.get(name) or ([], [], {}, [])
        if len(rows) == self.rows:
            made = ResourceColumn if name == "resource" else Column
            return made(np.array(codes, dtype=np.int64), [(cell,) for cell in cells])
        full = np.zeros(self.rows, dtype=np.int64)
        full[rows] = np.array(codes, dtype=np.int64) + 1
        return Column(full, [(None,), *((cell,) for cell in cells)])


def _cells(entry: Authorisation) -> dict[str, Any]:
    cells: dict[str, Any] = {key.lower(): value for key, value in entry.context.items()}
    cells.update((key.lower(), Either(values)) for key, values in entry.either.items())
    cells.update((key.lower(), UNKNOWN) for key in entry.unknown)
    cells["action"] = entry.action
    cells["resource"] = entry.resource if entry.resource_known else Open(entry.resource)
    return cells


def _target(cell: Any) -> tuple[str, str] | None:
    text = cell.pattern if isinstance(cell, Open) else cell
    return other_target(text) if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: its account, its principal, and an identifier of its partition's Region."""

    account: str
    principal: str
    region: str


class Callers:
    """The callers of many tuples as columns: `codes` says who made each, `addresses` from where, if that is told."""

    def __init__(
        self, codes: Codes, callers: Sequence[Caller], addresses: Sequence[str | None] | None
    ) -> None:
        self.codes = codes
        self.callers = tuple(callers)
        self._addresses = addresses

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The column of each of `CALLER_KEYS` over all tuples."""
        keys = [identity(caller) for caller in self.callers]
        found = {name: self._column([one.get(name) for one in keys]) for name in CALLER_KEYS - {ADDRESS}}
        if self._addresses is None:
            unknown = np.zeros(len(self.codes), dtype=np.int64)
            return {**found, ADDRESS: AddressColumn(unknown, [(UNKNOWN,)])}
        codes, cells = coded(known_address(text) for text in self._addresses)
        return {**found, ADDRESS: AddressColumn(codes, [(cell,) for cell in cells])}

    def _column(self, values: Sequence[Any]) -> Column:
        codes, cells = coded(values)
        return Column(codes[self.codes], [(cell,) for cell in cells])

    def renamed(self, principals: Sequence[str]) -> Callers:
        """The same callers under other names."""
        named = [replace(one, principal=name) for one, name in zip(self.callers, principals, strict=True)]
        return Callers(self.codes, named, self._addresses)

    def keys_of(self, row: int) -> dict[str, Any]:
        """The caller's keys of one tuple, in lower case: a value, None where absent, UNKNOWN."""
        return {name: column.cells[column.codes[row]][0] for name, column in self.columns.items()}


def identity(caller: Caller) -> dict[str, Any]:
    """The keys that tell a caller, in lower case, as `boundary.calls` writes them for any call."""
    call = Call("sts", "GetCallerIdentity", {}, caller.region, caller.account, caller.principal)
    context = authorisations(call)[0].context
    return {key.lower(): value for key, value in context.items() if key.lower() in CALLER_KEYS}


def known_address(text: str | None) -> Any:
    """The value of aws:SourceIp for a recorded address; UNKNOWN for a private one or a service's name.

    Through a VPC endpoint the key is absent, and the address recorded is a private one.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
    """
    found = address(text) if text else None
    if found is None or any(found in inside for inside in _INSIDE if inside.version == found.version):
        return UNKNOWN
    return text


_INSIDE: Final = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)
"""Addresses inside networks, of both versions: https://www.iana.org/assignments/iana-ipv4-special-registry/."""
