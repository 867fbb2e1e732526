// The keys of the buttons, while something on the tab has the focus: elsewhere a letter may be meant for something else.
const audit = element.closest("#audit");
const buttons = {a: "#audit-accept", r: "#audit-reject", u: "#audit-undecided", b: "#audit-back"};
audit.tabIndex = -1;  // a click on a picture keeps the focus on the tab
audit.addEventListener("keydown", (event) => {
  const found = buttons[event.key.toLowerCase()];
  if (!found || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  event.preventDefault();
  audit.querySelector(found).click();
});
