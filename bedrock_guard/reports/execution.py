"""Execute a notebook with papermill, and say in words what went wrong when it does not run to its end."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import bedrock_guard._fast  # noqa: F401 - before papermill: see its docstring

# isort: split
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from bedrock_guard.errors import REMEDY, WHY, GuardError
from bedrock_guard.reports.remedies import AGAIN, remedy_for
from bedrock_guard.reports.settings import BadParameters

_SOCKET_PATH: Final = 100
_START_TIMEOUT_S: Final = 120
_GARBAGE_SELDOM: Final = "import atexit, gc; gc.set_threshold(50_000, 50, 50); atexit.register(gc.freeze)"
"""What a report reads stays to its end; looking for garbage among it, at the end too, takes a fifth of the time."""

_NO_CHATTER: Final = f"--IPKernelApp.log_level={logging.CRITICAL}"
"""A kernel that is ended within a cell logs, with a traceback, that it cannot answer; a cell's own error is no log."""
logging.getLogger("papermill").addHandler(logging.NullHandler())  # its error line repeats CellFailed


class _SavedOnce(NBClientEngine):
    """papermill's own engine, without writing the whole notebook before and after each cell: once it ends is enough."""

    NAME: Final = "saved_once"

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any
    ) -> None:
        save, nb_man.save = nb_man.save, lambda **_: None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            nb_man.save = save  # which papermill calls at the end, whether a cell failed or the kernel died


papermill_engines.register(_SavedOnce.NAME, _SavedOnce)


class CellFailed(GuardError):  # noqa: N818 - reads as what happened
    """A cell raised or timed out, or the kernel died."""


def execute(source: Path, target: Path, parameters: Mapping[str, Any], *, cell_timeout: int) -> NotebookNode:
    """Run `source` into `target`; what was reached is in `target` also when it fails.

    Raises:
        BadParameters: the notebook itself refused one, which only what it read could tell.
        CellFailed: says what failed and what to do.
        OSError: `target` could not be written.

    """
    try:
        with tempfile.TemporaryDirectory(prefix="bg-", ignore_cleanup_errors=True) as sockets:
            executed: NotebookNode = papermill.execute_notebook(
                str(source),
                str(target),
                dict(parameters),
                engine_name=_SavedOnce.NAME,
                progress_bar=False,
                store_widget_state=False,
                config=Config({"KernelManager": _reached_by(sockets)}),
                extra_arguments=[f"--IPKernelApp.exec_lines={_GARBAGE_SELDOM}", _NO_CHATTER],
                execution_timeout=cell_timeout,
                start_timeout=_START_TIMEOUT_S,
            )
    except PapermillExecutionError as error:
        said, _, own = str(error.evalue).partition(REMEDY)
        if error.ename == BadParameters.__name__:
            what, _, why = said.partition(WHY)
            raise BadParameters(what, why=why, remedy=own) from error
        why = f"{error.ename}: {said}"
        raise CellFailed("A cell raised an error.", why=why, remedy=own or remedy_for(why)) from error
    except CellTimeoutError as error:
        raise CellFailed(
            f"A cell took longer than {cell_timeout} seconds.",
            why="The account is large, or AWS is slow to answer.",
            remedy="Give more time (--timeout), or take fewer days.",
        ) from error
    except (DeadKernelError, RuntimeError) as error:
        raise CellFailed(
            "The kernel died.",
            why="Something ended it: most often too little memory.",
            remedy=f"Look at the system's log. {AGAIN}",
        ) from error
    return executed


def _reached_by(folder: str) -> dict[str, str]:
    """Sockets in a folder of this run: by itself a kernel puts them in the current folder, where two runs meet."""
    address = f"{folder}/k"
    short = os.name == "posix" and len(os.fsencode(address)) + 3 < _SOCKET_PATH
    return {"transport": "ipc", "ip": address} if short else {"transport": "tcp"}


def transport() -> str:
    """How JupyterLab reaches kernels: by files of this user, or by TCP where their path would be too long for a socket.

    ipykernel 7 warns of unencrypted TCP at every start, so files are the first choice.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    name = "kernel-00000000-0000-0000-0000-000000000000.json-ipc-5"
    return (
        "ipc"
        if os.name == "posix" and len(os.fsencode(jupyter_runtime_dir())) + len(name) < _SOCKET_PATH
        else "tcp"
    )
