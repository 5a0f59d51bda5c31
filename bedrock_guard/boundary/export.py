"""Write what was built in the form another tool takes: JSON, CloudFormation, Terraform, an AWS CLI script, Markdown."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from bedrock_guard.boundary import export_cli, export_cloudformation, export_markdown, export_terraform
from bedrock_guard.boundary.builder import Built, room
from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.boundary.export_parts import Parts, file_names, parts_of
from bedrock_guard.boundary.packing import minified
from bedrock_guard.boundary.scorecard import score
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError

Format = Literal["json", "cloudformation", "terraform", "cli", "markdown"]
FORMATS: tuple[Format, ...] = get_args(Format)


class ExportError(GuardError):
    """An export that cannot be made or written."""


def export(
    spec: BoundarySpec, built: Built, form: Format, catalogue: Catalogue | None = None
) -> dict[str, str]:
    """The files of a format: name to text.

    Raises:
        ExportError: no such format.
        GuardrailError: the spec's prompt rules make no guardrail.

    Example:
        >>> from bedrock_guard.boundary.builder import build
        >>> spec = BoundarySpec.from_draft()
        >>> sorted(export(spec, build(spec), "json"))
        ['boundary.json', 'deny-1.json', 'deny-2.json', 'scp-1.json']
    """
    known = catalogue or shipped()
    writers: dict[str, Callable[[Parts], dict[str, str]]] = {
        "json": _json,
        "cloudformation": export_cloudformation.templates,
        "terraform": export_terraform.modules,
        "cli": lambda parts: {"apply.sh": export_cli.script(parts)},
        "markdown": lambda _: {"scorecard.md": _markdown(spec, built, known)},
    }
    if form not in writers:
        raise ExportError(f"No format {form!r}.", remedy=f"Use one of: {', '.join(FORMATS)}.")
    return writers[form](parts_of(spec, built, known))


def _json(parts: Parts) -> dict[str, str]:
    """Managed policies indented for reading, where white space is not counted; SCPs as they are sent."""
    made = {}
    for packed in parts.built.packed:
        text = minified(packed.document) if packed.kind == "scp" else json.dumps(packed.document, indent=2)
        made[file_names(parts.built)[packed.name]] = f"{text}\n" if packed.kind != "scp" else text
    if parts.guardrail:
        made["guardrail.json"] = f"{json.dumps(parts.guardrail, indent=2)}\n"
    return made


def _markdown(spec: BoundarySpec, built: Built, catalogue: Catalogue) -> str:
    card = score(spec, catalogue, profile=built.name)
    found = room(spec, catalogue, profile=built.name)
    return export_markdown.scorecard(spec, built, card, found, catalogue)


def write(files: Mapping[str, str], folder: str | Path) -> tuple[Path, ...]:
    """Write files into a folder, each whole or not at all.

    Raises:
        ExportError: a name that leaves the folder, or a folder that cannot be written.
    """
    target = Path(folder)
    for name in files:
        if Path(name).name != name or name.startswith("."):
            raise ExportError(f"{name!r} is no file name.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        return tuple(_write(target / name, text) for name, text in files.items())
    except OSError as error:
        raise ExportError(
            f"Cannot write into {target}.", why=error.strerror or "", remedy="Check folder and disk."
        ) from error


def _write(path: Path, text: str) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, delete=False
    ) as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).chmod(0o755 if path.suffix == ".sh" else 0o644)
    Path(draft.name).replace(path)
    return path
