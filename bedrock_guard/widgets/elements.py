"""The elements that ipywidgets has no widget for: a searchable list to tick, texts to copy, a chart's fit.

They show every text as text; what a person ticks or types comes back as traits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import ipywidgets as w
import traitlets as t

from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.parts import alert, later

_PATIENCE: Final = 5.0
"""Seconds in which a page that hears says so."""
_MOST: Final = 3
"""Times that an element is sent anew."""
_DEAF: Final = GuardError(
    "This part of the page does not follow what you do.",
    why="The browser was too busy to load it, and sending it anew did not help.",
    remedy="Run the cell again; save the spec before (Spec, Save), if the choice is to be kept.",
)
_STATIC: Final = Path(__file__).parent / "static"
_STYLE: Final = (_STATIC / "bench.css").read_text("utf-8")
_HEARD: Final = (_STATIC / "heard.js").read_text("utf-8")
Row = Mapping[str, Any]


class Late(w.Widget):
    """Opens its channel when its place is first sent to the page, with all that it holds by then.

    A widget opens it at once and sends what it is given after; a page that is busy for two seconds loses that, for
    anywidget then gives up listening: a chart without bars, a list without ticks.
    """

    def open(self) -> None:
        """Nothing yet: `model_id` opens it."""

    @property
    def model_id(self) -> Any:
        """What a container names it by."""
        if self.comm is None:
            super().open()
        return super().model_id


class Heard(Late, anywidget.AnyWidget):
    """An element that is sent anew where the page does not hear it.

    anywidget never listens again once it was too busy while it loaded. So the page asks when it has drawn the element,
    and says when the answer arrived; where it does not say so, `lost` tells.

    Attributes:
        asked: how often the page asked.
        answered: the last that was answered.
        heard: the last answer that arrived.
        lost: how often no answer arrived.
        deaf: whether it was sent anew as often as makes sense, and still nothing arrives.

    """

    asked = t.Int(0).tag(sync=True)
    answered = t.Int(0).tag(sync=True)
    heard = t.Int(0).tag(sync=True)
    lost = t.Int(0)
    deaf = t.Bool(default_value=False)

    @t.observe("asked")
    def _answer(self, change: Mapping[str, Any]) -> None:
        self.answered = change["new"]
        later(_PATIENCE, self._check)

    def _check(self) -> None:
        unheard = self.heard != self.answered
        self.deaf = unheard and self.lost >= _MOST
        if unheard and not self.deaf:
            self.lost += 1

    def within(self) -> w.Box:
        """A box that holds the element, and sends it anew."""
        box = w.Box([self])
        box.add_class("bg-held")

        def again(_change: object) -> None:
            self.comm = None
            box.send_state("children")

        self.observe(again, names="lost")
        self.observe(lambda _: box.set_trait("children", beside(self)), names="deaf")
        return box


def beside(heard: Heard, *shown: w.Widget) -> tuple[w.Widget, ...]:
    """An element and what belongs to it; above them, where nothing arrives any more, what to do."""
    words = [w.HTML(alert(_DEAF))] if heard.deaf else []
    return (*words, heard, *shown)


class PickList(Heard):
    """Rows to tick, with search, order, options per row and a text per row.

    Attributes:
        label: what is listed, for a screen reader.
        note: a remark above the list.
        search: the words in the empty search box.
        rows: each has id, name, facts (texts) and sort (order key -> number or text), and may have right, badge,
            cells (texts, one for each of `columns`), group, options (id, label, why), options_label, text (label,
            hint), page (heading and text) and page_title.
        orders: (key of `sort`, words); the empty key keeps the order of `rows`.
        columns: headings of the rows' cells; a list that has them can be shown as a wide table.
        picked: ids of the ticked rows, those that are not listed included.
        options: row id -> ids of its ticked options.
        texts: row id -> its text.

    """

    _esm = _HEARD + (_STATIC / "pick.js").read_text("utf-8")
    _css = _STYLE
    label = t.Unicode().tag(sync=True)
    note = t.Unicode().tag(sync=True)
    search = t.Unicode().tag(sync=True)
    rows = t.List(t.Dict()).tag(sync=True)
    orders: t.List[Any] = t.List().tag(sync=True)
    columns = t.List(t.Unicode()).tag(sync=True)
    picked = t.List(t.Unicode()).tag(sync=True)
    options = t.Dict().tag(sync=True)
    texts = t.Dict().tag(sync=True)

    def __init__(
        self,
        label: str,
        rows: Sequence[Row],
        *,
        search: str,
        orders: Sequence[tuple[str, str]] = (),
        columns: Sequence[str] = (),
        note: str = "",
    ) -> None:
        super().__init__(
            label=label,
            note=note,
            search=search,
            rows=list(map(dict, rows)),
            orders=list(map(list, orders)),
            columns=list(columns),
        )


class Documents(Heard):
    """Texts with a button each that copies it.

    Attributes:
        documents: each has name, note and text (what is copied), and may have shown (what is read instead), or
            inline: a text of a few words, on one line with its note.
        opened: whether the first is open.

    """

    _esm = _HEARD + (_STATIC / "text.js").read_text("utf-8")
    _css = _STYLE
    documents = t.List(t.Dict()).tag(sync=True)
    opened = t.Bool(default_value=True).tag(sync=True)


class Fit(Heard):
    """Nothing to see: it stands above a chart, and has it drawn anew as wide as its place is."""

    _esm = (_STATIC / "fit.js").read_text("utf-8")
    _css = _STYLE


class Skip(anywidget.AnyWidget):
    """A button past the choice to the open tab of what it does; it is seen when it has the focus.

    It names the two sides as regions, and measures the head, below which the rows of tabs stay in view.
    """

    _esm = (_STATIC / "skip.js").read_text("utf-8")
    _css = _STYLE
    words = t.Unicode("Go to what it does").tag(sync=True)
    sides = t.List(t.Unicode(), default_value=["The choice", "What it does"]).tag(sync=True)


class Look(anywidget.AnyWidget):
    """Nothing to see: it brings the style sheet to a page that has no other element of this module."""

    _esm = "export default { render({ el }) { el.style.display = 'none'; } };"
    _css = _STYLE
