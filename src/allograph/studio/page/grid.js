/** The new drawings, side by side, and the windows where they are written. */

import { $, colour, fit, make } from "./dom.js";
import { Growth, paintWindow } from "./drawings.js";

export class Grid {
  #cells = [];
  #chosen;
  growth = null;

  /** `chosen` is called with the index of a drawing that is clicked. */
  constructor(chosen) {
    this.#chosen = chosen;
  }

  /** Shows new drawings; cells that are there already stay. */
  show(growth) {
    this.growth = growth;
    const grid = $("grid");
    while (this.#cells.length > growth.n) this.#cells.pop().item.remove();
    while (this.#cells.length < growth.n) {
      const index = this.#cells.length;
      const canvas = make("canvas", { "aria-hidden": "true" });
      const button = make("button", { type: "button", className: "cell", "aria-label": `Drawing ${index + 1}` }, canvas);
      button.addEventListener("click", () => this.#chosen(index));
      const item = make("li", {}, button);
      this.#cells.push({ item, button, canvas });
      grid.append(item);
    }
    grid.dataset.n = growth.n;
    this.#state("shown");
  }

  /** `empty`, `working` (what is shown is of before) or `shown`. */
  #state(name) {
    $("results").dataset.state = name;
    $("grid").setAttribute("aria-busy", String(name === "working"));
    $("collect-all").disabled = !this.growth;
  }

  working() {
    this.#state("working");
  }

  settled() {
    this.#state(this.growth ? "shown" : "empty");
  }

  clear() {
    this.growth = null;
    for (const { item } of this.#cells) item.remove();
    this.#cells = [];
    this.#state("empty");
  }

  paint(time, crisp, windows) {
    if (!this.growth) return;
    const orange = colour("writing");
    this.#cells.forEach(({ canvas }, index) => {
      const side = fit(canvas);
      const context = canvas.getContext("2d");
      this.growth.paint(context, side, index, time, windows ? 0 : crisp);
      const own = this.growth.writes[index];
      if (windows && own.length) {
        const place = ([x, y]) => [x * side, y * side];
        paintWindow(context, Growth.corners(own, time), place, orange, 1, Math.max(1.5, side / 90));
      }
    });
  }
}

/** Draws, over each exemplar's picture that is shown, where the model looks at it. */
export function paintLooks(canvas, growth, shown, time) {
  const side = fit(canvas);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  const seen = growth?.exemplars[shown];
  const looks = growth?.reads.filter((windows) => windows.length) ?? [];
  if (!seen || !looks.length) return;
  const { width, height, frame } = seen;
  const scale = side / Math.max(width, height);
  const [left, top, extent] = frame;
  const place = ([x, y]) => [
    (left + x * extent) * scale + (side - width * scale) / 2,
    (top + y * extent) * scale + (side - height * scale) / 2,
  ];
  const ink = colour("accent");
  const alpha = Math.max(0.3, 1 / Math.sqrt(looks.length));
  for (const windows of looks) {
    paintWindow(context, Growth.corners(windows, time), place, ink, alpha, Math.max(1.5, side / 220));
  }
}
