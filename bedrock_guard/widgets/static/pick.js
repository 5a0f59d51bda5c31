// A searchable list of rows to tick. Every text is set as text, never as HTML.
function make(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function facts(row) {
  const lines = [row.facts.join(" · "), ...(row.lines ?? [])].filter(Boolean);
  return make("div", {}, ...lines.map((line) => make("div", { className: "bg-facts", textContent: line })));
}

function cells(row) {
  if (!row.cells) return null;
  return make("div", { className: "bg-cells" }, ...row.cells.map((text) => make("span", { textContent: text })));
}

function page(row) {
  if (!row.page) return null;
  const list = make("dl");
  for (const [heading, text] of row.page) {
    const isLink = text.startsWith("https://");
    const body = isLink
      ? make("a", { href: text, target: "_blank", rel: "noopener noreferrer", textContent: text })
      : text;
    list.append(make("dt", { textContent: heading }), make("dd", {}, body));
  }
  return make("details", { className: "bg-page" }, make("summary", { textContent: row.page_title }), list);
}

function render({ model, el }) {
  askToBeHeard(model);
  const root = make("div", { className: "bg-pick" });
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const search = make("input", { type: "search", placeholder: model.get("search"), spellcheck: false });
  search.setAttribute("aria-label", `Search ${model.get("label")}`);
  const order = make("select");
  order.setAttribute("aria-label", `Order of ${model.get("label")}`);
  const only = make("input", { type: "checkbox" });
  const told = make("p", { className: "bg-told" });
  told.setAttribute("role", "status");
  const list = make("ul");
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", model.get("label"));
  const these = make("button", { type: "button", className: "bg-button" });
  const wide = make("button", { type: "button", className: "bg-button", textContent: "Wide table" });
  wide.setAttribute("aria-pressed", "false");
  const columns = make("div", { className: "bg-columns" });
  columns.setAttribute("aria-hidden", "true");
  const onlyTicked = make("label", {}, only, "only ticked");
  const bar = make("div", { className: "bg-bar" }, search, order, onlyTicked, wide, these);
  const note = make("p", { className: "bg-told", textContent: model.get("note"), hidden: !model.get("note") });
  root.append(bar, told, note, columns, list);
  el.append(root);
  let shown = [];

  const picked = () => new Set(model.get("picked"));
  const set = (name, value) => { model.set(name, value); model.save_changes(); };

  function tick(id, on) {
    const now = picked();
    if (on) now.add(id); else now.delete(id);
    set("picked", [...now]);
  }

  function options(row) {
    if (!row.options?.length) return null;
    const group = make("span", { className: "bg-options" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `${row.options_label} of ${row.name}`);
    group.append(make("span", { className: "bg-facts", textContent: `${row.options_label}:` }));
    for (const option of row.options) {
      const box = make("input", { type: "checkbox" });
      box.dataset.option = option.id;
      box.setAttribute("aria-label", `${row.options_label} ${option.label} of ${row.name}`);
      box.addEventListener("change", () => {
        const all = { ...model.get("options") };
        const had = new Set(all[row.id] ?? []);
        if (box.checked) had.add(option.id); else had.delete(option.id);
        set("options", { ...all, [row.id]: row.options.map((o) => o.id).filter((o) => had.has(o)) });
      });
      group.append(make("label", { title: option.why ?? "" }, box, option.label));
    }
    return group;
  }

  function text(row) {
    if (!row.text) return null;
    const box = make("input", { type: "text", placeholder: row.text.hint, spellcheck: false });
    box.dataset.text = row.id;
    box.setAttribute("aria-label", `${row.text.label} of ${row.name}`);
    box.addEventListener("change", () => set("texts", { ...model.get("texts"), [row.id]: box.value }));
    return make("label", { className: "bg-text" }, `${row.text.label} `, box);
  }

  function item(row) {
    const box = make("input", { type: "checkbox" });
    box.dataset.id = row.id;
    box.addEventListener("change", () => tick(row.id, box.checked));
    box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const boxes = shown.map((one) => one.box);
      boxes[boxes.indexOf(box) + step]?.focus();
    });
    const badge = row.badge ? make("span", { className: "bg-badge", textContent: row.badge }) : null;
    const head = make(
      "label", { className: "bg-name" }, box,
      make("span", {}, make("b", { textContent: row.name }), badge && " ", badge),
      make("span", { className: "bg-right", textContent: row.right ?? "" }),
    );
    const body = make("div", { className: "bg-body" }, facts(row), cells(row), options(row), text(row), page(row));
    const element = make("li", {}, head, body);
    return { row, box, element, words: [row.id, row.name, row.badge ?? "", row.right ?? "", ...row.facts, ...(row.lines ?? [])].join(" ").toLowerCase() };
  }

  let items = [];
  function build() {
    items = model.get("rows").map(item);
    const before = order.value;
    order.replaceChildren(...model.get("orders").map(([key, label]) => make("option", { value: key, textContent: label })));
    if (before) order.value = before;
    order.hidden = order.options.length < 2;
    const headings = model.get("columns");
    wide.hidden = !headings.length;
    columns.replaceChildren(
      make("span", { textContent: "name" }),
      make("div", { className: "bg-cells" }, ...headings.map((text) => make("span", { textContent: text }))),
      make("span", { textContent: "routes" }),
    );
    arrange();
  }

  function arrange() {
    const key = order.value;
    const sorted = [...items];
    if (key) {
      sorted.sort((a, b) => {
        const [x, y] = [a.row.sort[key], b.row.sort[key]];
        if (x === y) return 0;
        if (x === null) return 1;
        if (y === null) return -1;
        return typeof x === "string" ? x.localeCompare(y) : y - x;
      });
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const now = picked();
    shown = sorted.filter((one) => words.every((w) => one.words.includes(w)) && (!only.checked || now.has(one.row.id)));
    const children = [];
    let group = null;
    for (const one of shown) {
      if (!key && one.row.group && one.row.group !== group) {
        group = one.row.group;
        children.push(make("li", { className: "bg-group", textContent: group }));
      }
      children.push(one.element);
    }
    list.replaceChildren(...children);
    these.hidden = !words.length || !shown.length;
    these.textContent = `Tick only these ${shown.length}`;
    told.textContent = `${shown.length} of ${items.length} listed, ${now.size} ticked`;
  }

  // "only ticked" lists what is ticked now; the focus of a row that leaves goes to the one that takes its place.
  function keep(now) {
    const place = shown.findIndex((one) => one.element.contains(document.activeElement));
    if (shown.length !== now.size || shown.some((one) => !now.has(one.row.id))) arrange();
    if (place >= 0 && !list.contains(document.activeElement)) (shown[Math.min(place, shown.length - 1)]?.box ?? only).focus();
  }

  function fill() {
    const now = picked();
    if (only.checked) keep(now);
    const options = model.get("options");
    const texts = model.get("texts");
    for (const one of items) {
      one.box.checked = now.has(one.row.id);
      one.element.classList.toggle("bg-picked", one.box.checked);
      const chosen = new Set(options[one.row.id] ?? []);
      for (const box of one.element.querySelectorAll("[data-option]")) {
        box.checked = chosen.has(box.dataset.option);
        box.disabled = !one.box.checked;
      }
      const text = one.element.querySelector("[data-text]");
      if (text) {
        if (document.activeElement !== text) text.value = texts[one.row.id] ?? "";
        text.disabled = !one.box.checked;
      }
    }
    told.textContent = `${shown.length} of ${items.length} listed, ${now.size} ticked`;
  }

  these.addEventListener("click", () => set("picked", shown.map((one) => one.row.id)));
  wide.addEventListener("click", () => {
    const on = root.classList.toggle("bg-wide");
    el.closest(".bg-panes")?.classList.toggle("bg-stacked", on);
    wide.textContent = on ? "Narrow list" : "Wide table";
    wide.setAttribute("aria-pressed", String(on));
  });
  search.addEventListener("input", arrange);
  order.addEventListener("change", arrange);
  only.addEventListener("change", arrange);
  model.on("change:rows", () => { build(); fill(); });
  for (const name of ["picked", "options", "texts"]) model.on(`change:${name}`, fill);
  build();
  fill();
}

export default { render };
