// plotly follows the window's width only: tell it when its place became wider or narrower, or a figure came into it.
function render({ el }) {
  el.classList.add("bg-fit");
  el.setAttribute("aria-hidden", "true");
  let width = 0;
  const tell = () => requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  const drawn = new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.classList?.contains("svg-container")))) tell();
  });
  const sized = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (!now || now === width) return;
    if (!width) drawn.observe(el.closest(".bg-chart") ?? el, { childList: true, subtree: true });
    width = now;
    tell();
  });
  sized.observe(el);
  return () => { sized.disconnect(); drawn.disconnect(); };
}

export default { render };
