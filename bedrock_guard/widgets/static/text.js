// Documents to read and copy. Every text is set as text, never as HTML.
function make(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children);
  return made;
}

async function copy(text) {
  if (navigator.clipboard?.writeText) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* the older way below */ }
  }
  const area = make("textarea", { value: text });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function render({ model, el }) {
  askToBeHeard(model);
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const root = make("div", { className: "bg-documents" });
  const told = make("p", { className: "bg-told" });
  told.setAttribute("role", "status");
  el.append(told, root);

  function draw() {
    told.textContent = "";
    const open = new Set([...root.querySelectorAll("details[open]")].map((d) => d.dataset.name));
    const first = root.childElementCount === 0;
    root.replaceChildren(...model.get("documents").map((one, place) => {
      const button = make("button", { type: "button", textContent: `Copy ${one.name}`, className: "bg-button" });
      const beside = make("span", { className: "bg-told bg-copied", ariaHidden: "true" });
      button.addEventListener("click", async () => {
        const done = await copy(one.text);
        for (const other of root.querySelectorAll(".bg-copied")) other.textContent = "";
        beside.textContent = done ? " copied" : " not copied";
        button.focus();
        told.textContent = done ? `${one.name} is on the clipboard.` : `Copying failed: mark the text of ${one.name} and copy it by hand.`;
      });
      if (one.inline) {
        return make("p", {}, `${one.note} `, make("code", { textContent: one.text, className: "bg-phrase" }), " ", button, beside);
      }
      const pre = make("pre", { textContent: one.shown ?? one.text, tabIndex: 0 });
      pre.setAttribute("aria-label", `Text of ${one.name}`);
      const summary = make("summary", {}, make("b", { textContent: one.name }), ` · ${one.note}`);
      const details = make("details", { open: first ? place === 0 && model.get("opened") : open.has(one.name) }, summary, button, beside, pre);
      details.dataset.name = one.name;
      return details;
    }));
  }
  model.on("change:documents", draw);
  draw();
}

export default { render };
