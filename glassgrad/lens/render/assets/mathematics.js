// Formulas stand in the page in plain form; here they are set, those in view first.
"use strict";
(function () {
  const SLICE = 12; // milliseconds of work before the window may react again
  const waiting = new Set(document.querySelectorAll(".math"));

  function set(element) {
    if (!waiting.delete(element)) return;
    const tex = element.dataset.tex;
    const plain = element.textContent;
    katex.render(tex, element, { throwOnError: false });
    element.title = plain;
  }

  const watcher = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((e) => set(e.target)),
    { rootMargin: "400px" }
  );
  waiting.forEach((element) => watcher.observe(element));

  function goOn() {
    const start = performance.now();
    for (const element of waiting) {
      set(element);
      if (performance.now() - start > SLICE) break;
    }
    if (waiting.size) setTimeout(goOn, 0);
  }
  setTimeout(goOn, 0);
  window.addEventListener("beforeprint", () => waiting.forEach(set));
})();
