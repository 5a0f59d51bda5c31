"""Commands about policies. They make and judge documents; with --account they ask AWS which models there are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

commands = typer.Typer()
Spec = Annotated[Path, typer.Argument(help="The spec: a TOML file.")]
Out = Annotated[Path, typer.Option(help="The folder to write to.")]
Profile = Annotated[str | None, typer.Option(help="The profile, where the spec has several.")]
Account = Annotated[
    str | None,
    typer.Option(
        help="Take the models from this account: demo, or an AWS profile. Without it, the shipped catalogue."
    ),
]


def _catalogue(spec: Path, account: str | None) -> Catalogue:
    """The shipped catalogue, or that of an account in the Regions that the spec names."""
    from bedrock_guard.boundary.catalogue import shipped
    from bedrock_guard.boundary.spec import source_regions
    from bedrock_guard.boundary.spec_text import read_text

    if account is None:
        return shipped()
    from bedrock_guard.account.models import read_catalogue
    from bedrock_guard.account.session import open_account

    return read_catalogue(open_account(account), source_regions(read_text(spec)))


@commands.command()
def build(spec: Spec, out: Out = Path("policies"), profile: Profile = None, account: Account = None) -> None:
    """Build a spec's documents: boundary.json, deny-*.json, scp-*.json and scorecard.md."""
    from bedrock_guard.boundary.builder import build as built_of
    from bedrock_guard.boundary.builder import room
    from bedrock_guard.boundary.export import export as exported
    from bedrock_guard.boundary.export import write
    from bedrock_guard.boundary.spec import BoundarySpec

    known = _catalogue(spec, account)
    chosen = BoundarySpec.load(spec, known)
    built = built_of(chosen, known, profile=profile)
    made = exported(chosen, built, "json", known) | exported(chosen, built, "markdown", known)
    written = write(made, out)
    for size in built.sizes:
        print(f"{size.document:32} {size.characters:6,} of {size.quota:,} characters")
    most = room(chosen, known, profile=profile)
    print(f"The largest approved list that fits without an SCP: {most.models} models.")
    for sentence in (*chosen.notes, *built.findings):
        print(f"note: {sentence}")
    for path in written:
        print(path)


@commands.command()
def export(
    spec: Spec,
    form: Annotated[
        str, typer.Option("--format", help="json, cloudformation, terraform, cli or markdown.")
    ] = "json",
    out: Out = Path("export"),
    profile: Profile = None,
    account: Account = None,
) -> None:
    """Write a spec's documents in the form another tool takes. Applies nothing."""
    from bedrock_guard.boundary.builder import build as built_of
    from bedrock_guard.boundary.export import export as exported
    from bedrock_guard.boundary.export import write
    from bedrock_guard.boundary.spec import BoundarySpec

    known = _catalogue(spec, account)
    chosen = BoundarySpec.load(spec, known)
    built = built_of(chosen, known, profile=profile)
    for path in write(exported(chosen, built, form, known), out):  # type: ignore[arg-type]
        print(path)


@commands.command()
def scorecard(spec: Spec, profile: Profile = None, account: Account = None) -> None:
    """Judge the known ways round a boundary, and the work that must go on. Prints Markdown."""
    from bedrock_guard.boundary.builder import build as built_of
    from bedrock_guard.boundary.export import export as exported
    from bedrock_guard.boundary.spec import BoundarySpec

    known = _catalogue(spec, account)
    chosen = BoundarySpec.load(spec, known)
    built = built_of(chosen, known, profile=profile)
    print(exported(chosen, built, "markdown", known)["scorecard.md"])


@commands.command()
def simulate(
    cases: Annotated[
        Path, typer.Option(help="SimulateCustomPolicy requests as JSON lines; - for standard input.")
    ],
) -> None:
    """Answer SimulateCustomPolicy requests locally, one response a line in the same order.

    A bad line yields {"Error": ...} in its place, the others are still answered, and the exit status is 2.
    """
    from bedrock_guard.errors import GuardError
    from bedrock_guard.iam.simulate import run_cases

    if str(cases) != "-" and not cases.is_file():
        raise GuardError(
            f"There is no file {cases}.", remedy="Give a file of JSON lines, or - for standard input."
        )
    failed = False
    source = (
        nullcontext(sys.stdin)
        if str(cases) == "-"
        else cases.open(encoding="utf-8", errors="surrogateescape")
    )
    with source as lines:
        for answer, good in run_cases(lines):
            failed |= not good
            print(answer)
    raise typer.Exit(2 if failed else 0)


@commands.command()
def lint(
    documents: Annotated[
        list[Path], typer.Argument(help="Policy documents, JSON; or a spec, TOML: the documents it builds.")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="identity, boundary, scp, rcp, resource, session or trust; by default as `build` names documents: "
            "deny-*.json is identity, scp-*.json is scp, any other boundary."
        ),
    ] = None,
    profile: Profile = None,
) -> None:
    """Name the mistakes in policy documents. Exit status 1 when one is an error, 2 when one cannot be read.

    The findings in a spec's documents are each followed by why the builder means it; --kind is not for them.
    """
    from bedrock_guard.errors import GuardError

    worst = False
    for path in documents:
        if not path.is_file():
            raise GuardError(f"There is no file {path}.")
        found = _built_findings(path, profile) if path.suffix == ".toml" else _document_findings(path, kind)
        for line, failed in found:
            print(f"{path}: {line}")
            worst |= failed
    raise typer.Exit(int(worst))


def _document_findings(path: Path, kind: str | None) -> Iterator[tuple[str, bool]]:
    """Each finding of one document as a line, and whether it fails the run."""
    kind = kind or {"deny": "identity", "scp": "scp"}.get(path.name.partition("-")[0], "boundary")
    from bedrock_guard.errors import GuardError
    from bedrock_guard.iam.document import read
    from bedrock_guard.iam.lint import lint as findings_of
    from bedrock_guard.iam.model import KINDS

    if kind not in KINDS:
        raise GuardError(f"{kind!r} is no kind of policy.", remedy=f"Use one of: {', '.join(KINDS)}.")
    for finding in findings_of(read(path.read_bytes(), kind)):
        yield str(finding), finding.severity == "error"


def _built_findings(spec: Path, profile: str | None) -> Iterator[tuple[str, bool]]:
    """The same of every document that a spec builds; what is meant fails nothing."""
    from bedrock_guard.boundary.builder import build as built_of
    from bedrock_guard.boundary.linted import linted
    from bedrock_guard.boundary.spec import BoundarySpec

    for noted in linted(built_of(BoundarySpec.load(spec), profile=profile)):
        yield str(noted), noted.finding.severity == "error" and not noted.accepted
