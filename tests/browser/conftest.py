from __future__ import annotations

import pytest
from lab_browser import chromium


@pytest.fixture(autouse=True)
def _needs_chromium() -> None:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
