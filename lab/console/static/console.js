// What the page remembers while the server draws it anew: the part that is chosen, the lanes that are shown.
(function () {
  "use strict";
  let chosen = "";
  const shown = new Set();
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  function remember() {
    all(".way[data-lane]").forEach((way) => way.classList.toggle("shown", shown.has(way.dataset.lane)));
    document.getElementById("picture").classList.toggle("choosing", shown.size > 0);
    all("[data-show]").forEach((one) => one.setAttribute("aria-pressed", String(shown.has(one.dataset.show))));
    all("[data-part]").forEach((part) => {
      const same = part.dataset.part === chosen;
      part.classList.toggle("chosen", same);
      if (same) document.getElementById("chosen-says").textContent = part.getAttribute("aria-label");
    });
  }

  function choose(part) {
    chosen = part.dataset.part;
    document.getElementById("chosen").value = chosen;
    document.getElementById("chosen-name").textContent = chosen.replace("region:", "all of region-");
    all(".on-chosen").forEach((button) => {
      button.disabled = false;
      button.setAttribute("aria-label", button.textContent + " " + chosen);
    });
    remember();
  }

  function show(lane) {
    const others = shown.has(lane) ? [] : [lane];
    shown.clear();
    others.forEach((one) => shown.add(one));
    remember();
  }

  // From part to part with the arrow keys: the nearest one that way.
  function beside(part, key) {
    const from = part.getBoundingClientRect();
    const centre = (box) => [box.left + box.width / 2, box.top + box.height / 2];
    const [x, y] = centre(from);
    const ahead = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    let best = null;
    let least = Infinity;
    all("#picture [data-part]").forEach((other) => {
      const [to_x, to_y] = centre(other.getBoundingClientRect());
      const along = (to_x - x) * ahead[0] + (to_y - y) * ahead[1];
      const aside = Math.abs((to_x - x) * ahead[1]) + Math.abs((to_y - y) * ahead[0]);
      if (other !== part && along > 2 && along + 2 * aside < least) [best, least] = [other, along + 2 * aside];
    });
    return best;
  }

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-part]");
    const lane = event.target.closest("[data-show]");
    if (part) choose(part);
    if (lane) show(lane.dataset.show);
  });

  document.addEventListener("keydown", (event) => {
    const part = event.target.closest ? event.target.closest("[data-part]") : null;
    if (!part) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(part);
      if (event.key === "Enter") document.getElementById("chosen-kill").focus();
    } else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = beside(part, event.key);
      if (next) next.focus();
    }
  });

  document.addEventListener("htmx:afterSwap", remember);
  document.addEventListener("htmx:sseMessage", (event) => {
    remember();
    document.body.classList.toggle("live", document.body.classList.contains("live") || event.target.id === "faults");
  });
  document.addEventListener("htmx:sseOpen", () => { document.getElementById("lost").hidden = true; });
  document.addEventListener("htmx:sseError", () => { document.getElementById("lost").hidden = false; });
  document.addEventListener("htmx:sendError", () => { document.getElementById("lost").hidden = false; });
})();
