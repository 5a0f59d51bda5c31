// plotly follows the window's width only: once a figure is drawn, tell it when its place is wider or narrower than it.
function render({ model, el }) {
  el.classList.add("bg-fit");
  el.setAttribute("aria-hidden", "true");
  let place = null;
  let soon = 0;
  const fit = () => {
    const figure = place?.querySelector(".js-plotly-plot");
    if (!figure?.data?.length || !figure._fullLayout || !figure.clientWidth) return;
    if (Math.abs(figure._fullLayout.width - figure.clientWidth) > 2) window.dispatchEvent(new Event("resize"));
  };
  const later = () => { clearTimeout(soon); soon = setTimeout(fit, 120); };
  const drawn = new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.classList?.contains("main-svg")))) later();
  });
  const sized = new ResizeObserver(() => {
    if (!place) {
      place = el.closest(".bg-chart");
      if (place) drawn.observe(place, { childList: true, subtree: true });
    }
    later();
  });
  sized.observe(el);
  // The figure hears where the number that it is told arrives in its layout.
  const tell = (name, value) => { model.set(name, value); model.save_changes(); };
  const listen = (left) => {
    const figure = el.closest(".bg-chart")?.querySelector(".js-plotly-plot");
    if (figure?.layout?.meta === model.get("answered")) tell("heard", model.get("answered"));
    else if (left) setTimeout(listen, 250, left - 1);
  };
  model.on("change:answered", () => listen(16));
  tell("asked", model.get("asked") + 1);
  return () => { clearTimeout(soon); sized.disconnect(); drawn.disconnect(); };
}

export default { render };
