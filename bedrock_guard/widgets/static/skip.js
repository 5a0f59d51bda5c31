// The way past the choice: a button that is seen when it has the focus, names for the two sides, and the height of the
// head in --bg-head, below which the rows of tabs stay in view.
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
      for (const [place, side] of sides().entries()) {
        side.setAttribute("role", "region");
        side.setAttribute("aria-label", model.get("sides")[place] ?? "");
      }
    }
    if (head) bench()?.style.setProperty("--bg-head", `${head.offsetHeight}px`);
  });
  measured.observe(button);
  return () => measured.disconnect();
}

export default { render };
