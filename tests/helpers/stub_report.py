"""A report notebook that reads no account: it hands over the figures it is given, or misbehaves on purpose."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat

from bedrock_guard.reports.figures import Figure, Figures, Finding, Source

END = datetime(2026, 11, 19, tzinfo=UTC)


def made_figures(**more: Any) -> Figures:
    end = more.pop("window_end", END)
    held: dict[str, Any] = {
        "report": "cost",
        "account_id": "111122223333",
        "window_start": end - timedelta(days=28),
        "window_end": end,
        "made_at": end,
        "sources": {"Bill": Source(name="Cost Explorer")},
        "figures": {
            "total": Figure(label="used", value="100.00", unit="USD", source="Bill", completeness="complete")
        },
    }
    return Figures(**held | more)


def finding(name: str = "over_budget", severity: str = "high", text: str = "Too much.") -> Finding:
    return Finding(id=name, severity=severity, text=text)


def stub(path: Path, figures: Figures | None, *cells: str, names: dict[str, str] | None = None) -> Path:
    """A notebook with the parameters of the cost report's runner, cells of one's own, and figures at the end."""
    parameters = nbformat.v4.new_code_cell('account = "demo"\nprevious = ""\ndays = 28')
    parameters.metadata["tags"] = ["parameters"]
    last = []
    if figures is not None:
        code = (
            "import json\nfrom bedrock_guard.reports.figures import Figures, HandedOver\n"
            f"HandedOver(Figures.model_validate(json.loads({figures.model_dump_json()!r})), {names or {}!r})"
        )
        last = [nbformat.v4.new_code_cell(code, metadata={"tags": ["figures"]})]
    title = nbformat.v4.new_markdown_cell("# A report")
    book = nbformat.v4.new_notebook(
        cells=[title, parameters, *(nbformat.v4.new_code_cell(c) for c in cells), *last]
    )
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def keep(folder: Path, name: str, figures: Figures) -> Path:
    """Figures as a finished run in a folder."""
    run = folder / name
    run.mkdir(parents=True)
    (run / "figures.json").write_text(json.dumps(figures.model_dump(mode="json")), encoding="utf-8")
    return run
