// The way past the choice: a button that is seen when it has the focus, names for the two sides, and the height of the
// head in --bg-head, below which the rows of tabs stay in view. What scrolls is reached by key under its tab's name.
// Keys pressed within are not the notebook's: there "a" adds a cell, and "dd" takes one away. JupyterLab looks for the
// attribute on what has the focus, before any listener of the page but the window's. Ctrl+S and its like stay Lab's.
function nameScrolled(bench) {
  for (const scrolled of bench.querySelectorAll(".bg-scroll:not([role])")) {
    const page = scrolled.closest(".widget-tab-contents > *");
    const place = [...(page?.parentElement.children ?? [])].indexOf(page);
    const tabs = page?.closest(".jupyter-widget-tab")?.querySelectorAll(":scope > .lm-TabBar .lm-TabBar-tab");
    scrolled.setAttribute("role", "region");
    scrolled.setAttribute("aria-label", tabs?.[place]?.textContent.trim() || "Page");
    scrolled.tabIndex = 0;
  }
}

// A page opens at its top: where the notebook was scrolled into the page before it, that would lie above its tabs.
function openAtTop(page) {
  const bar = page.closest(".jupyter-widget-tab").querySelector(":scope > .lm-TabBar");
  for (const own of [page, ...page.querySelectorAll(".bg-scroll")]) own.scrollTop = 0;
  const covered = () => bar.getBoundingClientRect().bottom - page.getBoundingClientRect().top;
  let above = (parseFloat(getComputedStyle(bar).top) || 0) + bar.offsetHeight;
  for (let turn = 0; turn < 2 && covered() > 1; turn += 1) {
    page.style.scrollMarginTop = `${above}px`;
    page.scrollIntoView({ block: "start" });
    above += covered();  // what scrolls may have a padding, within which the tabs stay
  }
}

const turned = new MutationObserver((changes) => {
  for (const { target, oldValue } of changes) {
    const hidden = "lm-mod-hidden";
    const opens = oldValue?.split(" ").includes(hidden) && !target.classList.contains(hidden);
    if (opens && target.matches(".bg-panes .widget-tab-contents > *")) openAtTop(target);
  }
});

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "bg-skip";
  button.textContent = model.get("words");
  el.append(button);
  const bench = () => el.closest(".bg-bench");
  const sides = () => [...(bench()?.querySelector(".bg-panes")?.children ?? [])];
  button.addEventListener("click", () => {
    const tab = sides()[1]?.querySelector(".lm-TabBar-tab.lm-mod-current");
    tab?.focus();
    tab?.scrollIntoView({ block: "nearest" });
  });
  let head = null;
  const measured = new ResizeObserver(() => {
    if (!head) {
      head = bench()?.querySelector(".bg-head") ?? null;
      if (head) measured.observe(head);
      const all = bench();
      if (all) turned.observe(all, { subtree: true, attributeFilter: ["class"], attributeOldValue: true });
      for (const done of ["click", "keyup"]) all?.addEventListener(done, () => setTimeout(nameScrolled, 400, all));
      for (const [place, side] of sides().entries()) {
        side.setAttribute("role", "region");
        side.setAttribute("aria-label", model.get("sides")[place] ?? "");
      }
    }
    if (bench()) nameScrolled(bench());
    if (head) bench()?.style.setProperty("--bg-head", `${head.offsetHeight}px`);
  });
  measured.observe(button);
  const keep = (event) => {
    if (!bench()?.contains(event.target)) return;
    const ours = !(event.ctrlKey || event.metaKey) || event.key === "Enter";
    event.target.toggleAttribute("data-lm-suppress-shortcuts", ours);
  };
  window.addEventListener("keydown", keep, true);
  return () => {
    measured.disconnect();
    window.removeEventListener("keydown", keep, true);
  };
}

export default { render };
