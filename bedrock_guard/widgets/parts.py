"""Small pieces of a view: a checklist with a search box, a status line, handlers that show their errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any

import ipywidgets as w
import traitlets as t

from bedrock_guard.errors import GuardError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a checklist: its value and the words beside its box."""

    value: str
    words: str


class Checklist:
    """Boxes to tick, with a search above them; `link` binds the ticked values to a trait both ways."""

    def __init__(self, items: Sequence[Item], *, search: str, height: str = "26rem") -> None:
        self.boxes = {
            i.value: w.Checkbox(description=i.words, indent=False, layout={"width": "98%"}) for i in items
        }
        self.search = w.Text(
            placeholder=search, description="Search", continuous_update=True, layout={"width": "98%"}
        )
        self.found = w.HTML(status(f"{len(items)} listed"))
        self.search.observe(self._filter, names="value")
        rows = w.VBox(
            list(self.boxes.values()),
            layout={"max_height": height, "overflow": "hidden auto", "display": "block"},
        )
        self.widget = w.VBox([self.search, self.found, rows])
        self._quiet = False

    def link(self, state: t.HasTraits, trait: str) -> None:
        """Tick what the trait holds, and set the trait when a box is ticked."""

        def to_boxes(_change: object = None) -> None:
            chosen = set(getattr(state, trait))
            self._quiet = True
            try:
                for value, box in self.boxes.items():
                    box.value = value in chosen
            finally:
                self._quiet = False

        def to_state(_change: object) -> None:
            if not self._quiet:
                others = tuple(v for v in getattr(state, trait) if v not in self.boxes)
                ticked = tuple(v for v, box in self.boxes.items() if box.value)
                setattr(state, trait, (*others, *ticked))

        for box in self.boxes.values():
            box.observe(to_state, names="value")
        state.observe(to_boxes, names=trait)
        to_boxes()

    def _filter(self, _change: object) -> None:
        words = self.search.value.casefold().split()
        shown = 0
        for value, box in self.boxes.items():
            text = f"{value} {box.description}".casefold()
            fits = all(word in text for word in words)
            box.layout.display = None if fits else "none"
            shown += fits
        self.found.value = status(f"{shown} of {len(self.boxes)} listed")


def status(text: str) -> str:
    """A line that a screen reader reads out."""
    return f"<p role='status' aria-live='polite' style='margin:.2rem 0;line-height:1.4'>{escape(text)}</p>"


def alert(error: GuardError) -> str:
    """What went wrong, why, and what to do."""
    parts = [f"<b>{escape(error.what)}</b>", *map(escape, filter(None, (error.why, error.remedy)))]
    return (
        "<p role='alert' style='margin:.2rem 0;padding:.4rem .6rem;border-left:4px solid #d1603d;line-height:1.4'>"
        f"{' '.join(parts)}</p>"
    )


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
