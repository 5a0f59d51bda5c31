"""The start notebook says how to run it, comes to the dearest models at once and explains the pages' words."""

from __future__ import annotations

from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
WORDS = (
    "stranded",
    "mantle",
    "route",
    "canary",
    "phantom",
    "control total",
    "not decided by the boundary",
    "all of it read?",
)


def test_start_says_how_to_run_it_and_what_the_words_mean() -> None:
    cells = nbformat.read(ROOT / "notebooks" / "start.ipynb", as_version=4).cells
    assert "Run › Run All Cells" in cells[0].source
    assert len(cells[0].source.splitlines()) <= 6, "the numbers come on the first screen"
    first = next(n for n, cell in enumerate(cells) if "start.money" in cell.source)
    assert not any("| to find out |" in cell.source for cell in cells[:first])
    defined = [line.split("|")[1].strip() for line in cells[-1].source.splitlines() if line.startswith("| ")]
    assert set(WORDS) <= set(defined)
