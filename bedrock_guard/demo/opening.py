"""Open the demo account: its file, its company, its front door."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.demo.dispatch import Backend
from bedrock_guard.demo.errors import DemoStateError
from bedrock_guard.demo.faults import Fault
from bedrock_guard.demo.load import Company, load_section
from bedrock_guard.demo.state import State


@dataclass(frozen=True, slots=True)
class Size:
    """What a company is made from; None leaves it to the file, and to the default for a new one."""

    seed: int | None = None
    days: int | None = None
    accounts: int | None = None
    calls: int | None = None


DEFAULT = Size(seed=7, days=90, accounts=3, calls=20_000)


def open_backend(
    path: Path | None = None,
    size: Size = DEFAULT,
    *,
    enforce: bool = False,
    faults: Iterable[Fault] = (),
    clock: DemoClock | None = None,
    company: Callable[[], Company] | None = None,
    read_timeout: float = 60.0,
) -> Backend:
    """Open a state file, or a temporary one that is removed when the process ends.

    Args:
        path: the SQLite file; made, with its company, when absent.
        size: what the company is made from. For a file that exists it must agree with what the file was made from.
        enforce: decide every call by the caller's policies.
        faults: what goes wrong, see ``faults.Fault``.
        clock: the demo clock.
        company: makes another company than the shipped one; the same one has to be given each time the file is opened.
        read_timeout: the clients' read time-out in seconds.

    Raises:
        DemoStateError: no demo state file, another version, or another size than asked for.
    """
    folder = None
    if path is None:
        folder = tempfile.mkdtemp(prefix="bedrock-guard-demo-")
        path = Path(folder, "account.sqlite")
    opened = State(path, clock or DemoClock(), _loader(company))
    try:
        _agree(opened, size)
        opened.ensure("core")
    except BaseException:
        opened.close()
        raise
    key = hashlib.sha256(f"page tokens of {opened.meta('seed')}".encode()).digest()
    backend = Backend(opened, key, enforce=enforce, faults=faults, read_timeout=read_timeout)
    weakref.finalize(backend, _close, opened, folder)
    return backend


def _agree(state: State, asked: Size) -> None:
    with state.transaction(write=True):
        for name, value in asdict(asked).items():
            stored = state.meta(name)
            if stored is None:
                state.set_meta(name, str(getattr(DEFAULT, name) if value is None else value))
            elif value is not None and str(value) != stored:
                raise DemoStateError(
                    f"{state.path.name} was made with {name}={stored}, not {value}.",
                    remedy=f"Leave {name} out, or give a new file.",
                )


def _loader(company: Callable[[], Company] | None) -> Callable[[State, str], None]:
    def load(state: State, section: str) -> None:
        load_section(state, company() if company else _shipped(_size_of(state)), section)

    return load


def _size_of(state: State) -> tuple[int, int, int, int]:
    seed, days, accounts, calls = (
        int(state.meta(name) or 0) for name in ("seed", "days", "accounts", "calls")
    )
    return seed, days, accounts, calls


def _shipped(size: tuple[int, int, int, int]) -> Company:
    from bedrock_guard.demo.company.make import make_company

    seed, days, accounts, calls = size
    made: Company = make_company(seed=seed, days=days, accounts=accounts, calls=calls)
    return made


def _close(state: State, folder: str | None) -> None:
    state.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
