// Put before the scripts of elements that a busy page may not hear; a chart asks in its own way (fit.js).
function askToBeHeard(model) {
  const tell = (name, value) => { model.set(name, value); model.save_changes(); };
  model.on("change:answered", () => tell("heard", model.get("answered")));
  tell("asked", model.get("asked") + 1);
}
