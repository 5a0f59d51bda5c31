"""Import this before plotly, papermill or nbformat: it saves 0.8 to 4 seconds a process.

Where JupyterLab is installed, importing jsonschema also imports rfc3987_syntax, which compiles some forty
grammars for the IRI formats that no notebook schema uses (python-jsonschema issue 1428). Here jsonschema is
imported while that module looks absent, and afterwards everything is as it was: only the IRI format checks are
missing, in this process.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator

_SLOW = "rfc3987_syntax"


@contextlib.contextmanager
def _absent(module: str) -> Iterator[None]:
    """Make `import module` raise ImportError for the length of the block."""
    missing = object()
    before = sys.modules.get(module, missing)
    sys.modules[module] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        yield
    finally:
        if before is missing:
            del sys.modules[module]
        else:
            sys.modules[module] = before  # type: ignore[assignment]


if "jsonschema" not in sys.modules:
    with _absent(_SLOW), contextlib.suppress(ImportError):
        importlib.import_module("jsonschema")
