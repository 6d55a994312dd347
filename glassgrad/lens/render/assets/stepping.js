// Follows the paths of a chart step by step: every line whose id begins with "stepped-" is cut
// after the chosen step, its dots beyond it are hidden, and its "-now" dot stands at its end.
(() => {
  const slider = document.getElementById("step");
  const values = JSON.parse(document.getElementById("step-data").textContent);
  const lines = [...document.querySelectorAll('[id^="stepped-"]')]
    .filter((group) => !/-(now|leaves)$/.test(group.id) && group.querySelector(":scope > path"))
    .map((group) => {
      const path = group.querySelector(":scope > path");
      return {
        path,
        vertices: path.getAttribute("d").match(/[ML][^ML]*/g) || [],
        dots: [...group.querySelectorAll("use")],
        now: document.querySelector(`[id="${group.id}-now"] use`),
        leaves: document.getElementById(`${group.id}-leaves`),
      };
    });
  const show = () => {
    const step = Number(slider.value);
    for (const { path, vertices, dots, now, leaves } of lines) {
      const last = Math.min(step, vertices.length - 1);
      path.setAttribute("d", vertices.slice(0, last + 1).join(""));
      dots.forEach((dot, n) => { dot.style.display = n <= step ? "" : "none"; });
      if (leaves) leaves.style.display = step >= vertices.length - 1 ? "" : "none";
      if (now && last >= 0) {
        const [x, y] = vertices[last].match(/-?[\d.]+(e-?\d+)?/g);
        now.setAttribute("x", x);
        now.setAttribute("y", y);
      }
    }
    document.getElementById("step-number").textContent = step;
    document.getElementById("step-values").textContent = Object.entries(values)
      .map(([name, all]) => `${name}: ${all[Math.min(step, all.length - 1)]}`)
      .join(" · ");
  };
  slider.addEventListener("input", show);
  show();
})();
