() => {
  // gradio's pictures and examples have no names, its upload field another than it shows, and its tabs take no arrow keys.
  const pictures = {
    "#picture img": "The painting in question",
    "#heat img": "The painting; places that made the answer more probable glow",
    "#why img": "Both paintings, with lines between places that correspond, and how much each place counts",
  };
  const name = () => {
    for (const [found, words] of Object.entries(pictures)) document.querySelector(found)?.setAttribute("alt", words);
    document.querySelectorAll(".gallery-item").forEach((example, place) => {
      const words = `Example ${place + 1}`;
      if (example.getAttribute("aria-label") !== words) example.setAttribute("aria-label", words);
    });
    document.querySelectorAll("button.upload-container").forEach((field) => field.removeAttribute("aria-label"));
    document.querySelectorAll("#figures table, #citation pre").forEach((wide) => { wide.tabIndex = 0; });  // it scrolls
    document.querySelectorAll("div.empty[aria-label]").forEach((empty) => empty.setAttribute("role", "img"));
  };
  new MutationObserver(name).observe(document.body, {
    attributes: true, attributeFilter: ["aria-label"], childList: true, subtree: true,
  });
  name();
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.('[role="tab"]');
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.querySelectorAll('[role="tab"]')];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });
}
