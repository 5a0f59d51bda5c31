"""Runs changes that are killed, in processes of their own. Called by tests/change/test_kill.py:

    python kill_run.py record FOLDER            one clean run: the calls, the planned and the former account
    python kill_run.py kill FOLDER PART OF      SIGKILL before and after every API call; then resume, and roll back
    python kill_run.py lag FOLDER PART OF       the same around every write, all reads 8 seconds old
    python kill_run.py back FOLDER PART OF      SIGKILL before and after every write of the rollback
    python kill_run.py fault FOLDER PART OF     every call failing, in every way

Each prints one JSON object a row. The killed, the resuming and the rolling-back processes are forked from one that has
boto3 loaded and its clients made; each opens its own copy of the account's file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from change_account import dump, journal_in, open_company, session_of, to_the_end, whole_wish, with_guardrail

from bedrock_guard.change.apply import StepReport, rollback
from bedrock_guard.change.errors import ChangeError
from bedrock_guard.change.plan import Plan, make_plan
from bedrock_guard.demo import dispatch
from bedrock_guard.demo.faults import Fault
from bedrock_guard.demo.service import ServiceError
from bedrock_guard.demo.state import State

WRITES = ("Create", "Put", "Delete", "Set", "Attach", "Detach", "Update")
KINDS = (
    "throttle", "access_denied", "lost_after", "limit_exceeded", "concurrent_modification", "html200",
    "expired_token", "stale",
)  # fmt: skip
STALE_S = 8.0
Hook = Callable[[int, str, bool], None]


def is_write(call: str) -> bool:
    return call.partition(":")[2].startswith(WRITES)


class World:
    """The account, warm: clients are made, and the file can be changed under them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.sqlite"
        fresh = not self.template.exists()
        self.backend = open_company(self.template)
        if fresh:
            self.backend.state.ensure("events")
            with_guardrail(self.backend)
        self.session = session_of(self.backend)
        self.calls: list[str] = []
        self.stale = False
        self.limit_at = 0
        self.hook: Hook = lambda _n, _call, _after: None
        self._answer = self.backend.answer
        self.backend.answer = self.answered  # type: ignore[method-assign]

    def answered(self, service: str, operation: str, wire: Any) -> Any:
        call = f"{service}:{operation}"
        self.calls.append(call)
        number = len(self.calls)
        self.hook(number, call, False)
        answer = self._answer(service, operation, wire)
        self.hook(number, call, True)
        return answer

    def on(self, path: Path) -> None:
        """Go on with another file, as a process that has just started would."""
        state = self.backend.state
        state.close()
        state.clock._now = state.clock.start
        self.backend.state = State(path, state.clock, state._load)
        self.backend.faults.set()
        if self.stale:
            self.backend.faults.set(Fault("*", "stale", seconds=STALE_S))
        self.backend._buckets.clear()
        self.calls = []
        self.hook = lambda _n, _call, _after: None


def copied(source: Path, target: Path) -> Path:
    """A copy of an account's file and of the journals beside it, as they lie on the disk."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.name.startswith("account.sqlite") or ".jsonl" in file.name:
            shutil.copy(file, target / file.name)
    return target


def in_child(work: Callable[[], str]) -> tuple[str, int]:
    """Run in a forked process: what it says, and the signal that ended it (0 for none)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            said = work()
        except BaseException:
            said = traceback.format_exc()
        os.write(write, said.encode()[-60_000:])
        os._exit(0)
    os.close(write)
    parts = []
    while part := os.read(read, 65_536):
        parts.append(part)
    os.close(read)
    _, status = os.waitpid(child, 0)
    return b"".join(parts).decode(), status & 0x7F


def begin(folder: Path) -> tuple[World, Plan]:
    """The warm account and its plan; a clean run has been made in this process."""
    world = World(folder)
    plan = Plan.load(next(folder.glob("plan-*.json")))
    world.backend.state.close()
    start(world)
    warm = copied(folder / "start", folder / f"warm-{os.getpid()}")
    world.on(warm / "account.sqlite")
    to_the_end(plan, world.session, warm)
    rollback(journal_in(warm), world.session)
    world.backend.state.close()
    shutil.rmtree(warm)
    return world, plan


def start(world: World) -> None:
    place = world.folder / "start"
    if not place.exists():
        place.mkdir()
        shutil.copy(world.template, place / "account.sqlite")


def record(folder: Path) -> None:
    """The clean run."""
    world = World(folder)
    make_plan(world.session, whole_wish()).save(folder)
    plan = Plan.load(next(folder.glob("plan-*.json")))
    world.backend.state.close()
    start(world)
    place = copied(folder / "start", folder / "clean")
    former = dump(place / "account.sqlite")
    world.on(place / "account.sqlite")
    to_the_end(plan, world.session, place)
    forward = list(world.calls)
    planned = dump(place / "account.sqlite")
    world.calls = []
    rollback(journal_in(place), world.session)
    facts = {
        "forward": forward, "back": list(world.calls), "former": former, "planned": planned,
        "returned": dump(place / "account.sqlite") == former,
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(facts))


def calls_of(world: World, plan: Plan, folder: Path, part: int) -> list[str]:
    """The calls of a run that nobody kills, in a process like those that are killed."""
    place = copied(folder / "start", folder / f"count-{part}")

    def work() -> str:
        world.on(place / "account.sqlite")
        to_the_end(plan, world.session, place)
        return json.dumps(world.calls)

    said, _ = in_child(work)
    found: list[str] = json.loads(said)
    return found


def killing(at: int, after: bool) -> Hook:
    def hook(number: int, _call: str, now_after: bool) -> None:
        if number == at and now_after is after:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def ran(world: World, place: Path, work: Callable[[], Any], hook: Hook | None = None) -> tuple[str, int]:
    """One process on the files of a folder."""

    def child() -> str:
        world.on(place / "account.sqlite")
        if hook:
            world.hook = hook
        work()
        return "ok"

    return in_child(child)


def lag(folder: Path, part: int, of: int) -> Iterator[dict[str, Any]]:
    """As `kill`, around every write, with every read showing what was true 8 seconds before."""
    return kill(folder, part, of, stale=True)


def kill(folder: Path, part: int, of: int, *, stale: bool = False) -> Iterator[dict[str, Any]]:
    """SIGKILL before and after every call; the wreck is resumed in a new process, and another copy rolled back."""
    world, plan = begin(folder)
    world.stale = stale
    facts = json.loads((folder / "facts.json").read_text())
    forward = calls_of(world, plan, folder, part)
    numbers = [n for n, call in enumerate(forward, start=1) if not stale or is_write(call)]
    points = [(n, after) for n in numbers for after in (False, True)]
    for n, after in points[part::of]:
        wreck = copied(folder / "start", folder / f"wreck-{part}")
        said, ended = ran(
            world, wreck, lambda place=wreck: to_the_end(plan, world.session, place), killing(n, after)
        )
        row = {
            "n": n, "side": "after" if after else "before", "call": forward[n - 1], "calls": len(numbers),
            "killed": ended == signal.SIGKILL, "said": said[-500:],
        }  # fmt: skip
        yield row | recovered(world, plan, wreck, facts, f"{part}")


def recovered(world: World, plan: Plan, wreck: Path, facts: Any, tag: str) -> dict[str, Any]:
    """Resume one copy of a wreck and roll another back; what each ended in."""
    begun = any(p.read_bytes().count(b"\n") for p in wreck.glob("*.jsonl"))
    left = dump(wreck / "account.sqlite") if not wal(wreck) else None
    on = copied(wreck, wreck.parent / f"on-{tag}")
    said, _ = ran(world, on, lambda: to_the_end(plan, world.session, on))
    resumed = said == "ok" and dump(on / "account.sqlite") == facts["planned"]
    back = copied(wreck, wreck.parent / f"back-{tag}")
    undone = "ok"
    if begun:
        undone, _ = ran(world, back, lambda: rollback(journal_in(back), world.session))
    rolled = undone == "ok" and dump(back / "account.sqlite") == facts["former"]
    if left is None:
        left = dump(wreck / "account.sqlite")
    state = (
        "nothing changed" if left == facts["former"] else "finished" if left == facts["planned"] else "half"
    )
    return {
        "begun": begun, "left": state, "resumed": resumed, "rolled": rolled,
        "why": "" if resumed and rolled else f"{said[-1500:]} | {undone[-1500:]}",
    }  # fmt: skip


def wal(place: Path) -> bool:
    """Reading a wreck would write its log back into the file; so it is read last."""
    return (place / "account.sqlite-wal").exists()


def back(folder: Path, part: int, of: int) -> Iterator[dict[str, Any]]:
    """The rollback killed around each of its writes, and rolled back again."""
    world, _plan = begin(folder)
    facts = json.loads((folder / "facts.json").read_text())
    done = folder / "clean-done"
    counted = copied(done, folder / f"backcount-{part}")

    def count() -> str:
        world.on(counted / "account.sqlite")
        rollback(journal_in(counted), world.session)
        return json.dumps(world.calls)

    calls = json.loads(in_child(count)[0])
    writes = [n for n, call in enumerate(calls, start=1) if is_write(call)]
    points = [(n, after) for n in writes for after in (False, True)]
    for n, after in points[part::of]:
        wreck = copied(done, folder / f"backwreck-{part}")

        def work(place: Path = wreck) -> Any:
            return rollback(journal_in(place), world.session)

        _, ended = ran(world, wreck, work, killing(n, after))
        said, _ = ran(world, wreck, work)
        good = said == "ok" and dump(wreck / "account.sqlite") == facts["former"]
        yield {
            "n": n, "side": "after" if after else "before", "call": calls[n - 1], "writes": len(writes),
            "killed": ended == signal.SIGKILL, "rolled": good, "why": "" if good else said[-1500:],
        }  # fmt: skip


class Reached(BaseException):
    """The step under test is done; what comes after it is another row's."""


def stop_after_one(report: StepReport) -> None:
    if report.state in ("done", "already so"):
        raise Reached


def segments(world: World, plan: Plan, folder: Path, tag: str) -> list[Path]:
    """The account and journal before each step, from one clean run."""
    places = [folder / "start"]
    work = copied(folder / "start", folder / f"segments-{tag}" / "work")
    world.on(work / "account.sqlite")

    def keep(report: StepReport) -> None:
        if report.state in ("done", "already so"):
            places.append(copied(work, folder / f"segments-{tag}" / f"{len(places):03d}"))

    to_the_end(plan, world.session, work, on_step=keep)
    places.append(copied(work, folder / f"segments-{tag}" / "end"))
    return places


def fault(folder: Path, part: int, of: int) -> Iterator[dict[str, Any]]:
    """Every call of every step failing in every way, from the state before the step."""
    world, plan = begin(folder)
    facts = json.loads((folder / "facts.json").read_text())
    places = segments(world, plan, folder, str(part))
    limited(world)
    known: dict[str, dict[str, Any]] = {}
    for number, (before, after) in enumerate(pairwise(places)):
        if number % of == part:
            wanted = dump(after / "account.sqlite")
            yield from faults_of_step(world, plan, before, wanted, facts, (number, part), known)


def faults_of_step(
    world: World, plan: Plan, before: Path, wanted: Any, facts: Any, place: tuple[int, int], known: Any
) -> Iterator[dict[str, Any]]:
    number, part = place
    work = copied(before, world.folder / f"fault-{part}")
    world.on(work / "account.sqlite")
    one_step(world, plan, work)
    calls = list(world.calls)
    for kind in KINDS:
        for n, call in enumerate(calls, start=1):
            work = copied(before, world.folder / f"fault-{part}")
            world.on(work / "account.sqlite")
            world.limit_at = n if kind == "limit_exceeded" else 0
            if kind != "limit_exceeded":
                world.backend.faults.set(Fault("*", kind, at=(n,), seconds=STALE_S if kind == "stale" else 0))
            said = one_step(world, plan, work)
            world.limit_at = 0
            row = {"step": number, "n": n, "call": call, "kind": kind, "said": said[:200]}
            if said == "ok":
                yield row | {
                    "outcome": "absorbed",
                    "resumed": dump(work / "account.sqlite") == wanted,
                    "rolled": True,
                }
                continue
            yield (
                row
                | {"outcome": "halted"}
                | known_or_recovered(world, plan, work, wanted, facts, part, known)
            )


def one_step(world: World, plan: Plan, place: Path) -> str:
    """Go on until one more step is done, or to the end."""
    try:
        to_the_end(plan, world.session, place, on_step=stop_after_one)
    except Reached:
        return "ok"
    except ChangeError as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


def known_or_recovered(
    world: World, plan: Plan, work: Path, wanted: Any, facts: Any, part: int, known: Any
) -> dict[str, Any]:
    """Resume the step; and roll back, unless the same account with the same journal was rolled back before."""
    world.on(work / "account.sqlite")
    world.backend.state.close()
    files = [json.loads(line) for p in work.glob("*.jsonl") for line in p.read_bytes().splitlines()]
    steps = [(r["kind"], r["step"], r["data"].get("answer")) for r in files]
    key = hashlib.sha256(
        json.dumps([dump(work / "account.sqlite"), steps], sort_keys=True).encode()
    ).hexdigest()
    saved = copied(work, world.folder / f"saved-{part}")
    world.on(work / "account.sqlite")
    said = one_step(world, plan, work)
    resumed = said == "ok" and dump(work / "account.sqlite") == wanted
    fresh = key not in known
    if fresh:
        world.on(saved / "account.sqlite")
        if steps:
            rollback(journal_in(saved), world.session)
        known[key] = dump(saved / "account.sqlite") == facts["former"]
    return {
        "resumed": resumed,
        "rolled": known[key],
        "wreck": "new" if fresh else "known",
        "why": "" if resumed else said,
    }


def limited(world: World) -> None:
    """LimitExceeded at one call, in the words of its service."""
    world.limit_at = 0
    usual = dispatch.error_for

    def error_for(due: Any, protocol: str) -> ServiceError | None:
        if world.limit_at and len(world.calls) == world.limit_at:
            code = {"query": "LimitExceeded", "json": "ConstraintViolationException"}.get(
                protocol, "ServiceQuotaExceededException"
            )
            return ServiceError(code, "Cannot exceed quota.", 409 if protocol == "query" else 400)
        return usual(due, protocol)

    dispatch.error_for = error_for


def done_place(folder: Path) -> None:
    """The finished change, for the rollbacks that are killed."""
    world, plan = begin(folder)
    place = copied(folder / "start", folder / "clean-done")
    world.on(place / "account.sqlite")
    to_the_end(plan, world.session, place)
    world.backend.state.close()


def main() -> None:
    mode, folder = sys.argv[1], Path(sys.argv[2])
    if mode == "record":
        record(folder)
        done_place(folder)
        return
    part, of = int(sys.argv[3]), int(sys.argv[4])
    rows = {"kill": kill, "lag": lag, "back": back, "fault": fault}[mode](folder, part, of)
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
