"""The app's notebook: the workbench's, with parameters set, up to the widget."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.served import TEMPLATES, app_notebook

ROOT = Path(__file__).parents[2]


def test_it_ends_with_the_widget_and_holds_the_parameters(tmp_path: Path) -> None:
    made = app_notebook(ROOT / "notebooks" / "boundary_workbench.ipynb", tmp_path, {"read_only": True})
    cells = nbformat.read(made, as_version=4).cells
    assert "app" in cells[-1].metadata["tags"]
    assert any("read_only = True" in cell.source for cell in cells)


def test_a_notebook_without_a_widget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="no cell tagged app"):
        app_notebook(ROOT / "notebooks" / "start.ipynb", tmp_path, {})


def test_the_template_names_no_address() -> None:
    texts = [path.read_text("utf-8") for path in TEMPLATES.rglob("*") if path.is_file()]
    assert texts
    assert not any("//" in text for text in texts)
