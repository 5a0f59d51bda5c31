"""What the demo account answers, and where it differs from AWS: the table of the documentation, made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bedrock_guard.demo.protocol import service_model
from bedrock_guard.demo.services import MODULES, find_service


class Row(NamedTuple):
    """One operation of the demo: what it is, whether it writes, and its gap ("" for none that is known)."""

    service: str
    operation: str
    writes: bool
    gap: str

    @property
    def state(self) -> str:
        """``faithful`` as far as is known, ``gap`` where a difference is named, ``refused`` where it only refuses."""
        if self.gap.startswith("always "):
            return "refused"
        return "gap" if self.gap else "faithful"


def rows() -> Iterator[Row]:
    """Every operation, by service and name."""
    for name in sorted(MODULES):
        service = find_service(name)
        for operation in sorted(service.operations.values(), key=lambda one: one.name) if service else ():
            yield Row(name, operation.name, operation.writes, operation.gap)


def as_markdown() -> str:
    """A table of all operations; a service's line says how many of AWS's it is."""
    lines = [
        "| service | operation | kind | state | where it differs from AWS |",
        "| --- | --- | --- | --- | --- |",
    ]
    found = list(rows())
    for service in sorted({row.service for row in found}):
        own = [row for row in found if row.service == service]
        lines.append(f"| **{service}** | {len(own)} of {len(service_model(service).operation_names)} | | | |")
        lines += [
            f"| | {row.operation} | {'write' if row.writes else 'read'} | {row.state} | {row.gap} |"
            for row in own
        ]
    return "\n".join(lines) + "\n"
