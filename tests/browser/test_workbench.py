"""The workbench as a person uses it, in JupyterLab and the system's Chromium."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from lab_browser import run_all

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

OPUS = re.compile(r"^Claude Opus 4\.8")
BARS = "d => JSON.stringify(d.data.map(t => [t.name, Array.from(t.x, (value) => value ?? 0)]))"


def shown(page, name: str, *, exact: bool = True) -> None:
    page.get_by_role("tab", name=name, exact=exact).first.click()


def picture(page, name: str) -> None:
    """Keep a picture of this state where one is asked for; README's is `see`."""
    folder = os.environ.get("WORKBENCH_PICTURES")
    if folder:
        page.wait_for_timeout(700)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def head(page) -> str:
    return page.locator(".bg-cards").first.inner_text()


def bars(page) -> dict:
    """Outcome -> the lengths of its bars; no dollar draws no bar."""
    page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot')?.data?.length"
    )  # or it is sent anew
    drawn = json.loads(page.locator(".js-plotly-plot").first.evaluate(BARS))
    return {name: [length or 0 for length in lengths] for name, lengths in drawn}


def after(page, old: str) -> str:
    page.wait_for_function(
        "old => document.querySelector('.bg-cards').innerText !== old", arg=old, timeout=30_000
    )
    page.wait_for_timeout(300)
    return head(page)


def status(page, words: str, timeout: int = 60_000) -> None:
    page.locator("[role=status], [role=alert]").filter(has_text=words).first.wait_for(timeout=timeout)


def ready(page, name: str) -> None:
    page.wait_for_function(
        "n => [...document.querySelectorAll('button')].some(b => b.innerText === n && !b.disabled)", arg=name
    )


ON_SEE = """() => document.activeElement.getAttribute('role') === 'tab'
    && document.activeElement.innerText.trim() === 'See'"""
UNNAMED = """() => [...document.querySelectorAll('.bg-bench :is(button, input, select, textarea)')]
    .filter(e => e.offsetParent)
    .filter(e => !e.getAttribute('aria-label') && !e.labels?.length && !e.innerText.trim())
    .map(e => e.outerHTML.slice(0, 120))"""


def copied(page, name: str) -> str:
    """What is on the clipboard after the copy button of a text was pressed by key."""
    button = page.get_by_role("button", name=f"Copy {name}", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    status(page, f"{name} is on the clipboard.")
    return page.evaluate("() => navigator.clipboard.readText()")


def take_away(page, folder: Path) -> None:
    """Export, copy and make the scorecard, the last two by key."""
    shown(page, "Take away")
    page.get_by_role("textbox", name="Folder").first.fill(str(folder))
    page.get_by_role("button", name="Export the policies").click()
    status(page, "Exported to")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert json.loads(copied(page, "bedrock-guard-boundary"))["Statement"]
    page.get_by_role("button", name="Make the pull-request scorecard").focus()
    page.keyboard.press("Enter")
    status(page, "The scorecard is below")
    assert copied(page, "scorecard.md").startswith("# ")
    assert (folder / "boundary.json").read_text().count("Deny") > 5
    picture(page, "take")


TABS_UNDER_HEAD = """() => {
    const bench = document.querySelector('.bg-bench');
    let scrolled = bench;
    while (!/auto|scroll/.test(getComputedStyle(scrolled).overflowY)
        || scrolled.scrollHeight <= scrolled.clientHeight + 200) scrolled = scrolled.parentElement;
    scrolled.scrollTop += 150;
    const under = bench.querySelector('.bg-head').getBoundingClientRect().bottom - 1;
    const tops = [...bench.querySelectorAll('.bg-panes .lm-TabBar')].filter(e => e.offsetParent)
        .map(e => e.getBoundingClientRect().top);
    scrolled.scrollTop -= 150;
    return tops.length >= 3 && tops.every(top => top >= under);
}"""


AT_TOP = """name => {
    const bar = [...document.querySelectorAll('.bg-panes .lm-TabBar-tab.lm-mod-current')]
        .find(tab => tab.offsetParent && tab.innerText.trim() === name).closest('.lm-TabBar');
    const page = bar.parentElement.querySelector(':scope > .widget-tab-contents > :not(.lm-mod-hidden)');
    const under = page.getBoundingClientRect().top - bar.getBoundingClientRect().bottom;
    return under > -2 && under < 30;
}"""
ORDERED = """() => [...document.querySelectorAll('.bg-pane .bg-inner > .lm-TabBar')].filter(e => e.offsetParent)
    .every(bar => bar.getBoundingClientRect().bottom
        <= bar.parentElement.querySelector('.widget-tab-contents').getBoundingClientRect().top + 1)"""


def test_tabs_stay_in_view_a_key_skips_the_choice_and_only_ticked_keeps_its_word(opened) -> None:
    page = opened(width=1440, height=900).page
    page.wait_for_function("() => document.querySelector('.bg-bench').style.getPropertyValue('--bg-head')")
    assert page.evaluate(TABS_UNDER_HEAD)
    assert page.get_by_role("region", name="The choice", exact=True).count() == 1
    assert page.get_by_role("region", name="What it does", exact=True).count() == 1
    page.get_by_role("searchbox", name="Search models").focus()
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("() => document.activeElement.innerText") == "Go to what it does"
    page.keyboard.press("Enter")
    assert page.evaluate(ON_SEE)

    page.get_by_label("only ticked").first.check()
    rows = page.locator(".bg-pick").first.locator("li")
    before, listed = head(page), rows.count()
    rows.first.locator(".bg-name input").focus()
    page.keyboard.press("Space")
    after(page, before)
    assert rows.count() == listed - 1 == page.locator(".bg-pick").first.locator("li.bg-picked").count()
    assert page.evaluate("() => document.activeElement.closest('li')?.className") == "bg-picked"
    for name in ("Apply", "Prove", "See"):
        shown(page, name)
        page.wait_for_timeout(500)
        assert page.evaluate(ORDERED), f"a row of tabs lies on its page: {name}"


SCROLLER = """() => {
    let found = document.querySelector('.bg-bench');
    while (!/auto|scroll/.test(getComputedStyle(found).overflowY)
        || found.scrollHeight <= found.clientHeight + 100) found = found.parentElement;
    return found;
}"""


def test_keys_within_are_not_the_notebooks_and_a_long_plan_stays_in_its_place(opened) -> None:
    page = opened(width=1180, height=900).page
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    for focused in (page.get_by_label(OPUS).first, page.get_by_role("tab", name="See", exact=True)):
        focused.focus()
        for key in ("a", "b", "d", "d", "m"):
            page.keyboard.press(key)
        page.wait_for_timeout(500)
        assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    page.get_by_role("tab", name="See", exact=True).focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    status(page, "users and roles of account")
    shown(page, "How")
    page.get_by_label("Replace boundaries that are not of this spec").check()
    shown(page, "Who")
    page.get_by_role("button", name="Tick those from Callers hit").click()
    status(page, "7 of 10 callers hit are ticked")
    page.get_by_role("button", name="Plan", exact=True).click()
    status(page, "type under Steps:")
    for folded in page.locator(".bg-flow details").all():
        folded.evaluate("e => { e.open = true; }")
    page.wait_for_timeout(500)
    scrolled = page.evaluate_handle(SCROLLER)
    assert scrolled.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, "the notebook scrolls to no side"
    page.locator(".bg-flow pre").last.evaluate("e => e.scrollIntoView({ block: 'end' })")
    for name in ("Steps", "How", "Account-wide", "See"):
        scrolled.evaluate("e => { e.scrollTop += 250; }")
        page.wait_for_timeout(500)
        assert not page.evaluate(AT_TOP, "Plan")
        shown(page, name)
        page.wait_for_timeout(1_000)
        assert page.evaluate(AT_TOP, name), f"a page opens at its top: {name}"
        if name == "See":
            shown(page, "Apply")
        shown(page, "Plan")
    shown(page, "Who")
    page.wait_for_timeout(500)
    place = scrolled.evaluate("e => (e.scrollTop += 200)")
    assert not page.evaluate(AT_TOP, "Who")
    figures = head(page)
    page.get_by_label(OPUS).first.evaluate("e => e.click()")
    after(page, figures)
    assert scrolled.evaluate("e => e.scrollTop") == place, "an open page that is told anew stays where it is"
    page.set_viewport_size({"width": 500, "height": 680})
    page.wait_for_timeout(500)
    assert page.locator(".bg-head").evaluate("e => getComputedStyle(e).position") == "static"
    assert scrolled.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    shown(page, "How")
    page.get_by_label("Replace boundaries that are not of this spec").uncheck()
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("alert").filter(has_text="No plan").first.wait_for(timeout=60_000)
    assert scrolled.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, "an ARN in an alert is broken"


CHOSEN = "e => e.selectedOptions[0].textContent.replaceAll('\\u00a0', ' ')"


def test_choose_see_undo_try_and_export(opened, tmp_path: Path) -> None:
    made = opened()
    page = made.page
    before, drawn = head(page), bars(page)
    picture(page, "see")

    page.get_by_label(OPUS).first.check()
    now = after(page, before)
    assert sum(bars(page)["refused"]) < sum(drawn["refused"])
    status(page, "Kept up")
    page.get_by_role("button", name="Undo").click()
    assert after(page, now) == before
    assert not page.get_by_label(OPUS).first.is_checked()

    search = page.get_by_role("searchbox", name="Search models")
    search.fill("nova amazon")
    status(page, "of 60 listed")
    assert page.get_by_label(OPUS).count() == 0
    search.fill("haiku")
    page.get_by_role("button", name=re.compile("^Tick only these")).click()
    haiku = after(page, before)
    assert page.locator(".bg-pick").first.locator("li.bg-picked").count() == 4
    page.get_by_role("button", name="Undo").click()
    assert after(page, haiku) == before
    search.fill("")
    page.get_by_role("button", name="Wide table").first.click()
    page.locator(".bg-columns").first.get_by_text("modalities").wait_for()
    picture(page, "wide")
    page.get_by_role("button", name="Narrow list").first.click()

    shown(page, "Callers hit")
    page.get_by_role("cell", name="claude-code").first.wait_for()
    picture(page, "callers")
    shown(page, "Try a call")
    begun = page.get_by_label("Begin with")
    words = begun.evaluate(CHOSEN)
    assert page.get_by_text(words, exact=True).filter(visible=True).count() == 1, "in whole beneath the list"
    assert page.get_by_label("Route", exact=True).evaluate(CHOSEN).count(": ") == 1
    page.get_by_label("Model", exact=True).select_option(label="Claude Opus 4.8 (anthropic.claude-opus-4-8)")
    status(page, "Refused: ")
    page.get_by_role("cell", name="bedrock-guard-boundary DenyModels").first.wait_for()
    assert begun.evaluate(CHOSEN) in {"a call of your own", words}
    picture(page, "try")

    shown(page, "Prove")
    status(page, "Proved in")
    picture(page, "prove")
    take_away(page, tmp_path / "taken")
    assert made.refused == []
    assert page.locator("[data-title*='Share'], [data-title*='cloud']").count() == 0


def test_what_cannot_be_built_is_said_and_a_cell_run_twice_does_no_harm(opened) -> None:
    made = opened(width=1280)
    page = made.page
    before = head(page)
    ticked = page.locator(".bg-pick").first.locator("li.bg-picked .bg-name input")
    while ticked.count():
        left = ticked.count()
        ticked.first.uncheck()
        page.wait_for_function(
            "n => document.querySelectorAll('.bg-pick li.bg-picked').length !== n", arg=left, timeout=20_000
        )
        page.wait_for_timeout(200)
    page.get_by_role("alert").filter(has_text="No model is approved").first.wait_for(timeout=30_000)
    assert "Traceback" not in page.content()
    picture(page, "problem")
    run_all(made)  # the same kernel again: a new workbench, as at first
    page.wait_for_function(
        "old => document.querySelector('.bg-cards')?.innerText === old", arg=before, timeout=120_000
    )
    page.wait_for_function("() => !document.querySelector('.bg-bench [role=alert]')", timeout=60_000)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…", exact=True).click()
    page.locator("dialog.jp-Dialog button.jp-mod-warn, .jp-Dialog button.jp-mod-accept").first.click()
    page.wait_for_timeout(3000)
    run_all(made)
    page.wait_for_timeout(3000)
    page.wait_for_function(
        "old => document.querySelector('.bg-cards')?.innerText === old", arg=before, timeout=120_000
    )
    page.get_by_label(OPUS).first.check()
    assert after(page, before) != before


def phrase_of(page, words: str, mark: str) -> str:
    status(page, words)
    told = page.locator("[role=status]").filter(has_text=words).first.inner_text()
    return told.partition(mark)[2].strip()


def steps(page) -> list[str]:
    """The state of every step that is listed."""
    return page.locator(".bg-steps li b").all_inner_texts()


def planned_for_two(page, folder: Path) -> str:
    """The phrase of a plan for two roles, ticked; before it, a plan that is refused."""
    shown(page, "Apply")
    status(page, "users and roles of account")
    picture(page, "apply-empty")
    shown(page, "How")
    page.get_by_role("textbox", name="Folder").last.fill(str(folder))
    shown(page, "Who")
    page.get_by_role("textbox", name="Others").first.fill("role/nobody-here")
    page.get_by_role("textbox", name="IAM path").click()
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("alert").filter(has_text="No plan").first.wait_for(timeout=60_000)
    picture(page, "apply-refused")
    shown(page, "Steps")
    assert page.get_by_role("button", name="Apply this plan").is_disabled()

    shown(page, "Who")
    page.get_by_role("textbox", name="Others").first.fill("")
    page.get_by_role("button", name="Tick those from Callers hit").click()
    status(page, "callers hit are ticked")
    page.get_by_role("button", name="Untick all").click()
    status(page, "Nobody is ticked")
    search = page.get_by_role("searchbox", name="Search users and roles")
    for name in ("support-assistant", "contract-review-service"):
        search.fill(name)
        page.get_by_label(f"role {name}").check()
    page.get_by_role("button", name="Plan", exact=True).click()
    phrase = phrase_of(page, "type under Steps:", "Steps: ")
    assert phrase.startswith("apply ")
    picture(page, "plan")
    assert "role contract-review-service" in page.get_by_role("cell").all_inner_texts()
    return phrase


def test_plan_apply_wait_go_on_and_roll_back(opened, tmp_path: Path) -> None:
    made = opened()
    page = made.page
    folder = tmp_path / "changes"
    phrase = planned_for_two(page, folder)
    shown(page, "Steps")
    assert set(steps(page)) == {"to come"}
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert copied(page, "phrase") == phrase
    planned = len(steps(page))
    applied = page.get_by_role("button", name="Apply this plan")
    box = page.get_by_role("textbox", name="Phrase")
    box.press_sequentially("apply something else")
    page.wait_for_timeout(500)
    assert applied.is_disabled()
    box.fill(phrase)
    ready(page, "Apply this plan")
    applied.click()
    gate = phrase_of(page, "To go on, type:", "type: ")
    assert steps(page)[7] == "waiting", "the person's step is among the others"
    assert steps(page)[:7] == ["done"] * 7
    picture(page, "waiting")
    page.get_by_role("button", name="Verify").click()
    status(page, "Verified. Against the choice as it is now: 1 missing, 1 as asked.")
    picture(page, "verified")
    shown(page, "Steps")
    box.fill(gate)
    ready(page, "Go on")
    page.get_by_role("button", name="Go on").click()
    status(page, "done and read back", timeout=120_000)
    assert steps(page) == ["done"] * planned
    page.get_by_text("clock was moved on 10 minutes at once").filter(visible=True).first.wait_for()
    picture(page, "applied")
    shown(page, "Prove")
    shown(page, "What changes")
    page.get_by_text("no request is decided differently").filter(visible=True).first.wait_for(timeout=90_000)
    shown(page, "Apply")
    page.get_by_role("textbox", name="To undo").fill("roll back")
    ready(page, "Roll back")
    page.get_by_role("button", name="Roll back").click()
    status(page, "The former state is back", timeout=120_000)
    assert "taken back" in steps(page)
    assert page.get_by_role("textbox", name="To undo").input_value() == ""
    picture(page, "rolled-back")
    assert list(folder.glob("*.journal.jsonl"))
    assert made.refused == []


SLOW = """
import time
from bedrock_guard import Workbench, open_account
from bedrock_guard.account.session import Account
from bedrock_guard.demo.clock import DemoClock

class Unhurried(DemoClock):
    def sleep(self, seconds):
        time.sleep(min(seconds, 0.7))
        super().sleep(seconds)

here = Account.demo(clock=Unhurried(), principal=PRINCIPAL)
bench = Workbench(here.situation(days=14), account=here)
bench.widget
"""
ADMIN = (
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
    "AWSReservedSSO_AdministratorAccess_0c1d2e3f4a5b6c7d"
)


def notebook(desk, name: str, source: str) -> None:
    """A notebook of one cell in the desk's folder."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "one",
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    made = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (desk.folder / name).write_text(json.dumps(made))


def test_account_wide_by_keyboard_cancelled_between_steps_and_taken_back(
    opened, desk, tmp_path: Path
) -> None:
    """Everything by keys: an SCP on a unit and an enforced guardrail, stopped while it is under way."""
    notebook(desk, "slow.ipynb", SLOW.replace("PRINCIPAL", repr(ADMIN)))
    page = opened("slow.ipynb", width=1280).page
    shown(page, "Apply")
    status(page, "users and roles of account")
    shown(page, "How")
    page.get_by_role("textbox", name="Folder").last.fill(str(tmp_path / "changes"))
    page.get_by_role("tab", name="How", exact=True).focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    shown(page, "Account-wide")
    unit = page.get_by_label(re.compile("^ou-demo-workload1"))
    unit.focus()
    page.keyboard.press("Space")
    for name in ("Attach the SCPs to them", "Enforce it on every call of the Region"):
        page.get_by_label(name).focus()
        page.keyboard.press("Space")
    status(page, "To be attached: ou-demo-workload1 covers 2 accounts")
    status(page, "would be enforced on every Bedrock call")
    picture(page, "account-wide")
    page.get_by_role("button", name="Plan", exact=True).focus()
    page.keyboard.press("Enter")
    phrase = phrase_of(page, "type under Steps:", "Steps: ")
    assert "and SCPs to 1 target and enforce a guardrail in us-east-1" in phrase
    picture(page, "plan-account-wide")
    shown(page, "Steps")
    page.get_by_role("textbox", name="Phrase").focus()
    page.keyboard.type(phrase)
    ready(page, "Apply this plan")
    page.get_by_role("button", name="Apply this plan").focus()
    page.keyboard.press("Enter")
    status(page, re.compile(r"Step \d+ of \d+, begun"))
    ready(page, "Cancel between steps")
    picture(page, "under-way")
    page.get_by_role("button", name="Cancel between steps").focus()
    page.keyboard.press("Enter")
    status(page, "Stopping after the step in hand")
    status(page, "Cancelled. Stopped", timeout=120_000)
    found = steps(page)
    assert 0 < found.count("done") < len(found)
    assert found.count("to come") == len(found) - found.count("done")
    picture(page, "cancelled")
    assert page.evaluate(UNNAMED) == []
    page.get_by_role("textbox", name="To undo").focus()
    page.keyboard.type("roll back")
    ready(page, "Roll back")
    page.get_by_role("button", name="Roll back").focus()
    page.keyboard.press("Enter")
    status(page, "The former state is back", timeout=180_000)


def test_a_read_only_caller_sees_why_and_what_is_missing(opened, desk) -> None:
    audit = "arn:aws:iam::111122223333:role/security-audit"
    notebook(desk, "audit.ipynb", SLOW.replace("PRINCIPAL", repr(audit)))
    page = opened("audit.ipynb", width=1280).page
    shown(page, "Apply")
    status(page, "Apply is shut. arn:aws:iam::111122223333:role/security-audit cannot apply a change")
    status(page, "iam:PutRolePermissionsBoundary")
    page.get_by_label("role support-assistant").check()
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("alert").filter(has_text="lacks").first.wait_for(timeout=60_000)
    picture(page, "read-only")


def darken(page) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text("JupyterLab Dark", exact=True).first.click()
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'", timeout=20_000)


INK = """() => [...document.querySelectorAll('.js-plotly-plot')].map(chart => [
    getComputedStyle(chart.querySelector('.main-svg')).backgroundColor,
    ...new Set([...chart.querySelectorAll('.xtick text, .ytick text, .gtitle, .legendtext, .bartext')]
        .map(text => getComputedStyle(text).fill))])"""
"""Of each chart that is drawn: the colour of its ground, and the colours of its words."""


def test_every_chart_of_a_notebook_is_in_the_ink_of_its_page(opened) -> None:
    page = opened("spend_by_model.ipynb", width=1280, awaited=".js-plotly-plot .gtitle").page
    for theme, least, most in (("light", 0, 100), ("dark", 150, 255)):
        if theme == "dark":
            darken(page)
        seen = 0
        for cell in range(page.locator(".jp-Cell").count()):
            page.locator(".jp-Cell").nth(cell).scroll_into_view_if_needed()
            page.wait_for_timeout(300)
            for ground, *inks in page.evaluate(INK):
                seen += 1
                assert ground == "rgba(0, 0, 0, 0)"
                assert len(inks) == 1
                assert least <= min(map(int, re.findall(r"\d+", inks[0])[:3])) <= most, (theme, inks)
        assert seen >= 7


SCROLLED = """() => [...document.querySelectorAll('.bg-scroll')].filter(e => e.offsetParent)
    .map(e => [e.getAttribute('role'), e.getAttribute('aria-label'), e.tabIndex])"""
TOLD = "() => getComputedStyle(document.activeElement, '::after').content"


def test_narrow_what_scrolls_has_a_name_and_a_word_is_explained_by_key(opened) -> None:
    page = opened(width=1000, height=900).page
    page.set_viewport_size({"width": 440, "height": 900})
    page.wait_for_function("() => document.querySelector('.bg-scroll')?.getAttribute('role')", timeout=20_000)
    for name in ("Callers hit", "Sources", "By model"):
        shown(page, name)
        page.wait_for_timeout(600)
        assert page.evaluate(SCROLLED) == [["region", name, 0]]
        page.get_by_role("region", name=name, exact=True).focus()
    page.locator(".bg-cards abbr").first.focus()
    assert "commitment" in page.evaluate(TOLD)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.innerText") == "unknown"
    assert "no record tells" in page.evaluate(TOLD)
    wide = "() => document.querySelector('.bg-bench').scrollWidth - document.querySelector('.bg-bench').clientWidth"
    assert page.evaluate(wide) <= 1, "the page itself is no wider than it is shown"


def test_the_prompt_workbench_has_a_way_past_its_rules(opened) -> None:
    page = opened("prompt_guardrail.ipynb", width=1280, awaited=".bg-bench [role=tab]").page
    page.get_by_role("region", name="What follows from them").wait_for(timeout=20_000)
    page.get_by_role("button", name="Go to what it does").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.innerText.trim()") == "Request"


def test_by_keyboard_alone_in_the_dark_and_narrow(opened) -> None:
    made = opened(width=1000, height=900)
    page = made.page
    darken(page)
    ink = page.locator(".js-plotly-plot .ytick text").first.evaluate("e => getComputedStyle(e).fill")
    assert min(map(int, re.findall(r"\d+", ink)[:3])) > 150, f"the chart's words are dark on dark: {ink}"
    picture(page, "dark-narrow")
    before = head(page)
    # From the search box on, only keys.
    page.get_by_role("searchbox", name="Search models").focus()
    page.keyboard.type("opus 4.8")
    page.wait_for_timeout(300)
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.id === 'anthropic.claude-opus-4-8'"):
            break
    page.keyboard.press("Space")
    assert after(page, before) != before
    reached = False
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(ON_SEE):
            reached = True
            break
    assert reached, "Tab leads from the choice to the consequences"
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_label("Begin with").wait_for(timeout=20_000)
    unnamed = page.evaluate(UNNAMED)
    assert unnamed == []
    assert page.locator(".bg-bench input[type=range]").count() == 0


DEAF = """const timeout = AbortSignal.timeout.bind(AbortSignal);
window.deaf = true;
AbortSignal.timeout = (ms) => timeout(window.deaf && ms === 2000 ? 0 : ms);"""
"""anywidget gives an element two seconds to load, and never listens again after them: here it gives none at first."""


def test_a_page_too_busy_while_it_loads_follows_after_all(opened) -> None:
    page = opened(first=DEAF).page
    page.evaluate("() => { window.deaf = false; }")
    page.wait_for_timeout(9_000)
    before, drawn = head(page), bars(page)
    page.get_by_label(OPUS).first.check()
    now = after(page, before)
    page.wait_for_timeout(2_000)
    assert sum(bars(page)["refused"]) < sum(drawn["refused"])
    page.get_by_role("button", name="Undo").click()
    after(page, now)
    page.wait_for_timeout(2_000)
    assert not page.get_by_label(OPUS).first.is_checked()
    shown(page, "Apply")
    status(page, "users and roles of account")
    page.get_by_role("button", name="Tick those from Callers hit").click()
    status(page, "callers hit are ticked")
    assert page.get_by_label("role contract-review-service").is_checked()


def test_a_part_that_never_hears_says_what_to_do(opened) -> None:
    page = opened(first=DEAF).page
    said = page.get_by_role("alert").filter(has_text="does not follow what you do")
    said.first.wait_for(timeout=60_000)
    assert "Run the cell again" in said.first.inner_text()
    page.locator(".bg-held").filter(has=said).first.wait_for(timeout=30_000)
    page.evaluate("() => { window.deaf = false; }")
    run_all_again(page)
    page.wait_for_function("() => !document.querySelector('.bg-bench [role=alert]')", timeout=60_000)


def run_all_again(page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_timeout(3000)
    page.locator(".js-plotly-plot .bars .point").first.wait_for(timeout=240_000, state="attached")


HOSTILE = """
import dataclasses
from bedrock_guard import Workbench, open_account

here = open_account("demo")
seen = here.situation(days=14)
calls = seen.calls.copy()
calls.attrs = dict(seen.calls.attrs)
first = calls.index[calls["operation"] == "ConverseStream"][:40]
calls.loc[first, "principal"] = "arn:aws:sts::111122223333:assumed-role/x/<img src=x onerror=window.pwned=1>"
calls.loc[first[:20], "client"] = "<script>window.pwned=2</script>"
calls.loc[first[20:], "model"] = "evil\\"'><img src=x onerror=window.pwned=3>"
calls.loc[first[20:], "model_raw"] = "evil\\"'><img src=x onerror=window.pwned=3>"
bench = Workbench(dataclasses.replace(seen, calls=calls), account=here)
bench.choices.approved = (*bench.choices.approved, "evil\\"'><svg onload=window.pwned=4>")
bench.widget
"""


def test_hostile_names_are_text(opened, desk) -> None:
    notebook(desk, "hostile.ipynb", HOSTILE)
    page = opened("hostile.ipynb").page
    for outer, inner in (
        ("See", "By model"),
        ("See", "Callers hit"),
        ("See", "By control"),
        ("Prove", "Scorecard"),
    ):
        shown(page, outer)
        shown(page, inner)
        page.wait_for_timeout(800)
    for name in ("Try a call", "Take away", "Apply", "Who", "Account-wide", "Spec"):
        shown(page, name)
        page.wait_for_timeout(500)
    shown(page, "See")
    shown(page, "Callers hit")
    page.get_by_text("<img src=x onerror=window.pwned=1>").first.wait_for(timeout=20_000)
    assert page.evaluate("() => window.pwned") is None
    assert page.locator(".bg-bench img, .bg-bench svg[onload], .bg-bench script").count() == 0
    picture(page, "hostile")
