// Steps through the page in the order of a training step, and paints heat maps when unfolded.
"use strict";
(function () {
  const parts = [...document.querySelectorAll("[data-step]")].sort(
    (a, b) => Number(a.dataset.step) - Number(b.dataset.step)
  );
  const where = document.getElementById("where");
  const previous = document.getElementById("previous");
  const next = document.getElementById("next");
  let now = -1;

  function go(step) {
    if (step < 0 || step >= parts.length) return;
    if (now >= 0) parts[now].classList.remove("now");
    now = step;
    const part = parts[now];
    part.classList.add("now");
    part.scrollIntoView({ block: "center" });
    where.textContent = `${now + 1} of ${parts.length}: ${part.dataset.title}`;
    previous.disabled = now === 0;
    next.disabled = now === parts.length - 1;
  }

  previous.disabled = true;
  next.disabled = !parts.length;
  previous.addEventListener("click", () => go(now - 1));
  next.addEventListener("click", () => go(now + 1));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowRight") go(now + 1);
    if (event.key === "ArrowLeft") go(now - 1);
  });

  // From blue over white to orange, as the legend shows it.
  const NEGATIVE = [0, 114, 178];
  const POSITIVE = [213, 94, 0];

  function paint(canvas) {
    const levels = Uint8Array.from(atob(canvas.dataset.levels), (one) => one.charCodeAt(0));
    const pixels = new ImageData(canvas.width, canvas.height);
    new Int8Array(levels.buffer).forEach((level, place) => {
      const share = Math.abs(level) / 127;
      const end = level < 0 ? NEGATIVE : POSITIVE;
      for (let colour = 0; colour < 3; colour++) {
        pixels.data[4 * place + colour] = Math.round(255 + share * (end[colour] - 255));
      }
      pixels.data[4 * place + 3] = 255;
    });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    const fits = Math.min(480 / canvas.width, 320 / canvas.height);
    const scale = Math.max(1, Math.min(16, Math.floor(fits)));
    canvas.style.width = `${canvas.width * scale}px`;
  }

  document.querySelectorAll("details.values").forEach((details) => {
    const show = () => details.querySelectorAll("canvas").forEach(paint);
    details.addEventListener("toggle", show, { once: true });
    if (details.open) show();
  });
})();
