"""Commands that change an account: plan, apply, resume, rollback, status; and drift, which only reads."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from bedrock_guard.cli.told import again, plain, say_outcome, say_refusals, say_step, typed

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account as Session
    from bedrock_guard.boundary.builder import Built
    from bedrock_guard.change.wish import Selection

commands = typer.Typer()
Spec = Annotated[Path, typer.Argument(help="The spec file (guard.toml).")]
Account = Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")]
State = Annotated[
    Path | None, typer.Option(help="With the demo account: the file that keeps it between commands.")
]
Profile = Annotated[str | None, typer.Option(help="The spec's profile, where it has several.")]
Journal = Annotated[Path, typer.Argument(help="The journal, or the folder it is in.")]
TakeOver = Annotated[bool, typer.Option(help="It was begun on another machine, and that one is dead.")]
Target = Annotated[list[str] | None, typer.Option(help="user/NAME, role/NAME or an ARN; may be repeated.")]
Paths = Annotated[list[str] | None, typer.Option(help="All users and roles below an IAM path.")]
Tags = Annotated[list[str] | None, typer.Option(help="All that carry KEY=VALUE.")]
Groups = Annotated[list[str] | None, typer.Option(help="The members of an IAM group.")]


@commands.command()
def plan(  # noqa: PLR0913, PLR0917 - one option for each thing a person may ask
    spec: Spec,
    account: Account = "demo",
    state: State = None,
    out: Annotated[Path, typer.Option(help="The folder for the plan, its review and its way back.")] = Path(
        "change"
    ),
    target: Target = None,
    path: Paths = None,
    tag: Tags = None,
    group: Groups = None,
    limit: Annotated[int, typer.Option(min=1, help="More principals than this are refused.")] = 25,
    canary: Annotated[
        str | None,
        typer.Option(help="Who goes first; by default whom it hits least."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="ARN of who will apply it; by default the caller.")
    ] = None,
    break_glass: Annotated[list[str] | None, typer.Option(help="An emergency principal, by ARN.")] = None,
    replace: Annotated[bool, typer.Option(help="Replace boundaries that are not of this spec.")] = False,
    wave: Annotated[int, typer.Option(min=1, help="Principals that go together after the canary.")] = 10,
    watch_minutes: Annotated[
        int, typer.Option(min=0, help="How long denials are waited for before a wave.")
    ] = 10,
    scp_target: Annotated[list[str] | None, typer.Option(help="A unit or account for the SCPs.")] = None,
    attach_scps: Annotated[bool, typer.Option(help="Attach the SCPs; without it they are exported.")] = False,
    guardrail: Annotated[bool, typer.Option(help="Make the spec's guardrail and a version of it.")] = False,
    enforce: Annotated[bool, typer.Option(help="Enforce that version in the Region.")] = False,
    region: Annotated[str | None, typer.Option(help="The Region of the guardrail.")] = None,
    profile: Profile = None,
    days: Annotated[int, typer.Option(min=0, max=90, help="Past days replayed; 0 leaves them unknown.")] = 28,
    operator_policy: Annotated[bool, typer.Option(help="Print the operator's policy and stop.")] = False,
) -> None:
    """Plan a change and write it to a folder: every step, every way back, who is hit. Writes nothing to AWS."""
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.change.errors import PlanRefusedError
    from bedrock_guard.change.plan import make_plan
    from bedrock_guard.change.review import review
    from bedrock_guard.change.wish import Wish
    from bedrock_guard.errors import GuardError

    session = _session(account, state, region)
    chosen = BoundarySpec.load(spec)
    built = build(chosen, profile=profile, on=session.now.date())
    if operator_policy:
        _print_operator_policy(session, built, bool(scp_target), guardrail or enforce)
        return
    if guardrail and chosen.guardrail is None:
        raise GuardError(
            "The spec asks for no guardrail.",
            remedy="Add a [guardrail] table to it, or leave --guardrail out.",
        )
    wish = Wish(
        built,
        _selected(session, built, _selection(target, path, tag, group, limit)),
        canary=canary,
        operator=operator,
        break_glass=tuple(break_glass or ()),
        replace=replace,
        waves=wave,
        watch_minutes=watch_minutes,
        scp_targets=tuple(scp_target or ()),
        attach_scps=attach_scps,
        guardrail=chosen.guardrail if guardrail or enforce else None,
        region=region,
        enforce=enforce,
    )
    try:
        made = make_plan(session, wish, seen=_seen(session, days))
    except PlanRefusedError as error:
        say_refusals(error)
        raise typer.Exit(2) from error
    file = made.save(out)
    print(review(made).partition("\n## Not done by this plan")[0].partition("\n## The way back")[0])
    print(f"\nwritten: {file}, and beside it the review and the way back")
    if made.exports:
        print("         what this plan does not run (SCPs, permission sets) stands there as commands")
    if made.steps:
        kept = state or (Path("demo.sqlite") if account == "demo" else None)
        print(f"next:    {again('apply', str(file), account, kept)}")
        if kept != state:
            print("         (this demo account ends here; with --state one like it is kept between commands)")


@commands.command()
def apply(
    file: Annotated[
        Path, typer.Argument(help="The plan file, or a folder: then the newest plan in it.")
    ] = Path("change"),
    account: Account = "demo",
    state: State = None,
    journal: Annotated[
        Path | None, typer.Option(help="The folder of the journal; by default the plan's.")
    ] = None,
    phrase: Annotated[str | None, typer.Option(help="The plan's phrase; without it you are asked.")] = None,
) -> None:
    """Apply a plan up to its first gate. Exit status: 0 done, 1 stopped in the middle, 2 refused, 3 waiting."""
    from bedrock_guard.change.apply import apply as applied
    from bedrock_guard.change.plan_file import Plan, find_plan
    from bedrock_guard.errors import GuardError

    chosen = find_plan(file)
    found = Plan.load(chosen)
    if account == "demo" and state is None:
        raise GuardError(
            "This demo account would be gone after this command.", remedy="Give --state FILE, as to plan."
        )
    session = _session(account, state)
    print(f"{chosen}, made {found.made:%Y-%m-%d %H:%M} UTC:")
    for number, step in enumerate(found.steps, start=1):
        print(f"{number}. {plain(step.words())}")
    said = phrase if phrase is not None else typed(found.phrase) if found.steps else ""
    with _Cancel() as cancel:
        outcome = applied(
            found, session, journal or chosen.parent, phrase=said, on_step=say_step, cancel=cancel.asked
        )
    say_outcome(outcome, account, state)


@commands.command()
def resume(
    journal: Journal = Path("change"),
    account: Account = "demo",
    state: State = None,
    phrase: Annotated[str | None, typer.Option(help="The gate's phrase; without it you are asked.")] = None,
    take_over: TakeOver = False,
    bear_denials: Annotated[bool, typer.Option(help="The denials it stopped at are meant.")] = False,
) -> None:
    """Go on with a change that waits at a gate, was stopped, or whose process died."""
    from bedrock_guard.change.apply import resume as resumed
    from bedrock_guard.change.status import find_journal, status

    place = find_journal(journal)
    now = status(place)
    if now.gate_phrase and phrase is None:
        print(now)
        phrase = typed(now.gate_phrase)
    with _Cancel() as cancel:
        outcome = resumed(
            place, _session(account, state), phrase=phrase or "", take_over=take_over,
            bear_denials=bear_denials, on_step=say_step, cancel=cancel.asked,
        )  # fmt: skip
    say_outcome(outcome, account, state)


@commands.command()
def rollback(
    journal: Journal = Path("change"),
    account: Account = "demo",
    state: State = None,
    take_over: TakeOver = False,
) -> None:
    """Take a change back, whole or half done, as far as it is still ours. Says what it left alone."""
    from bedrock_guard.change.apply import rollback as rolled_back
    from bedrock_guard.change.status import find_journal

    outcome = rolled_back(
        find_journal(journal), _session(account, state), take_over=take_over, on_step=say_step
    )
    say_outcome(outcome, account, state)


@commands.command()
def status(journal: Journal = Path("change")) -> None:
    """Say in words where a change stands. Reads the journal only."""
    from bedrock_guard.change.status import status as status_of

    print(status_of(journal))


@commands.command()
def drift(
    spec: Spec,
    account: Account = "demo",
    state: State = None,
    target: Target = None,
    path: Paths = None,
    tag: Tags = None,
    group: Groups = None,
    profile: Profile = None,
) -> None:
    """Compare what is deployed with a spec, per target. Exit status 1 when one is not as asked."""
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.change.drift import drift as drift_of
    from bedrock_guard.change.drift import summary
    from bedrock_guard.errors import GuardError

    session = _session(account, state)
    chosen = build(BoundarySpec.load(spec), profile=profile, on=session.now.date())
    selection = _selection(target, path, tag, group, 1_000_000)
    if selection.empty and not chosen.profile.targets:
        raise GuardError("The spec names no targets.", remedy="Give --target, --path, --tag or --group.")
    frame = drift_of(session, chosen, None if selection.empty else selection)
    for row in frame.itertuples():
        print(f"{row.state:9} {plain(str(row.principal))}  {plain(str(row.detail))}")
        if isinstance(row.witness, str):
            print(f"          witness: {plain(row.witness)}")
    print(", ".join(summary(frame)) or "no targets")
    raise typer.Exit(int((frame["state"] != "as asked").any()))


def _session(account: str, state: Path | None, region: str | None = None) -> Session:
    """The demo account enforces, so that a permission that is missing is missing here too."""
    from bedrock_guard.account.session import Account as Opened
    from bedrock_guard.account.session import open_account

    if account == "demo":
        return Opened.demo(state, enforce=True)
    return open_account(account, region)


def _selection(
    target: list[str] | None,
    path: list[str] | None,
    tag: list[str] | None,
    group: list[str] | None,
    limit: int,
) -> Selection:
    from bedrock_guard.change.wish import Selection

    pairs = [one.partition("=") for one in tag or ()]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter("A tag is KEY=VALUE.")
    return Selection(
        tuple(target or ()),
        tuple(path or ()),
        tuple((key, value) for key, _, value in pairs),
        tuple(group or ()),
        limit,
    )


def _seen(session: Session, days: int) -> Any:
    """The calls and the bill of the past days; None, said, where they cannot be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    from bedrock_guard.errors import GuardError

    if not days:
        return None
    print(
        f"reading the calls and the bill of {days} days (Cost Explorer: about $0.10 on a real account)",
        file=sys.stderr,
    )
    try:
        return session.situation(days)
    except (ClientError, BotoCoreError, GuardError) as error:
        print(f"past calls are unknown: {plain(str(error))}", file=sys.stderr)
        return None


def _selected(session: Session, built: Built, asked: Selection) -> Selection:
    """What was asked for, or the targets that the spec names in this account."""
    from dataclasses import replace

    if not asked.empty:
        return asked
    mine = [arn for arn in built.profile.targets if arn.split(":")[4:5] == [session.account_id]]
    return replace(asked, principals=tuple(mine))


def _print_operator_policy(session: Session, built: Built, scps: bool, guardrails: bool) -> None:
    from bedrock_guard.change.operator_policy import operator_policy

    made = operator_policy(
        session.account_id,
        prefix=built.profile.policy_prefix,
        partition=session.partition,
        protected=built.profile.break_glass,
        scps=scps,
        guardrails=guardrails,
    )
    print(json.dumps(made, indent=2))


class _Cancel:
    """Ctrl-C stops between two steps; the second one at once."""

    def __init__(self) -> None:
        self._asked = False
        self._former: Any = None

    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._asked

    def _press(self, *_: object) -> None:
        self._asked = True
        print("stopping after this step (Ctrl-C again: at once)", file=sys.stderr)
        signal.signal(signal.SIGINT, self._former)

    def __enter__(self) -> Self:
        self._former = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._former)
