"""Small pieces of a view: tabs, lists, a status line, handlers that show their errors."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from html import escape
from typing import Any, Final

import ipywidgets as w

from bedrock_guard.errors import GuardError
from bedrock_guard.present.table import Shown, plain
from bedrock_guard.present.terms import explained

_TEXT: Final = re.compile(r">[^<]+<")
_LONG: Final = re.compile(r"[^\s<>&;]{17,}")
_JOINT: Final = re.compile(r"([_:/=.]|[a-z](?=[A-Z][a-z]))(?=[\w*])")
_LOG = logging.getLogger(__name__)


def table(shown: Shown) -> str:
    """A table for a page of the workbench: its words explained where they first stand in caption and heads.

    Long words may be broken where one reads them: after the marks in ARNs, names and actions.
    """
    head, mark, body = shown.html("none").partition("<tbody>")
    return _TEXT.sub(lambda found: _LONG.sub(_broken, found[0]), f"{explained(head)}{mark}{body}")


def _broken(word: re.Match[str]) -> str:
    return _JOINT.sub(r"\1<wbr>", word[0])


def status(text: str, phrase: str = "") -> str:
    """A line that a screen reader reads out; at its end a phrase to type, set off as such."""
    code = f" <code class='bg-phrase'>{escape(phrase)}</code>" if phrase else ""
    return (
        f"<p role='status' aria-live='polite' style='margin:.2rem 0;line-height:1.4'>{escape(text)}{code}</p>"
    )


def alert(error: GuardError) -> str:
    """What went wrong, why, and what to do."""
    parts = [f"<b>{escape(error.what)}</b>", *map(escape, filter(None, (error.why, error.remedy)))]
    style = "margin:.2rem 0;padding:.4rem .6rem;border-left:4px solid #c2401c;line-height:1.4"
    return f"<p role='alert' class='bg-alert' style='{style}'>{' '.join(parts)}</p>"


def shows_errors(place: w.HTML) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Show a handler's GuardError in `place`; anything else is logged and named shortly, without a traceback."""

    def wrap(handler: Callable[..., None]) -> Callable[..., None]:
        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                handler(*args, **kwargs)
            except GuardError as error:
                place.value = alert(error)
            except OSError as error:
                place.value = alert(
                    GuardError("The file could not be written.", why=str(error.strerror or error))
                )
            except Exception:  # noqa: BLE001 - ipywidgets would swallow it; the page must say something
                _LOG.exception("a handler of the workbench failed")
                place.value = alert(
                    GuardError("Something went wrong here.", remedy="The notebook's log has the details.")
                )

        return guarded

    return wrap


def bullets(words: str, lines: Iterable[str], most: int = 40) -> str:
    """A sentence and a list under it, read out when it changes."""
    listed = list(lines)
    items = "".join(f"<li>{escape(plain(line))}</li>" for line in listed[:most])
    rest = f"<li>and {len(listed) - most} more</li>" if len(listed) > most else ""
    return status(words) + (f"<ul>{items}{rest}</ul>" if listed else "")


def tabbed(pages: Mapping[str, w.Widget], *, inner: bool = False) -> w.Tab:
    """Pages behind tabs, which have roles and names and are reached by keyboard."""
    tabs = w.Tab(list(pages.values()))
    for position, title in enumerate(pages):
        tabs.set_title(position, title)
    if inner:
        tabs.add_class("bg-inner")
    return tabs


def scrolling(*children: w.Widget) -> w.VBox:
    """A page that scrolls within itself, so that what stands above stays in view."""
    box = w.VBox(children)
    box.add_class("bg-scroll")
    return box


def row(*children: w.Widget) -> w.HBox:
    """Widgets beside each other, in as many lines as the width needs."""
    box = w.HBox(children)
    box.add_class("bg-row")
    return box


def later(seconds: float, call: Callable[[], None]) -> None:
    """Call in the kernel's idle time, `seconds` from now; at once where no event loop runs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        call()
    else:
        loop.call_later(seconds, call)


class Pages:
    """Tabs whose pages are drawn when they are looked at: at once the open one, the others when they are opened.

    Args:
        tabs: the tabs.
        draws: what draws each page, in the order of the tabs.

    """

    def __init__(self, tabs: w.Tab, draws: Sequence[Callable[[], None]]) -> None:
        self.tabs = tabs
        self._draws = tuple(draws)
        self._stale = set(range(len(self._draws)))
        tabs.observe(lambda _: self.draw(), names="selected_index")

    def changed(self) -> None:
        """What the pages show has changed."""
        self._stale = set(range(len(self._draws)))
        self.draw()

    def draw(self) -> None:
        """Draw the open page, if it is not of now."""
        place = self.tabs.selected_index
        if place is not None and place in self._stale:
            self._stale.discard(place)
            self._draws[place]()
