/** The grid of new drawings, and the windows that the model reads and writes through. */

import { $, colour, fit, make } from "./dom.js";
import { paintWindow, windowCorners } from "./drawings.js";

export class Grid {
  #cells = [];
  #select;
  drawings = null;

  /** `select` is called with the index of the drawing that the user clicks. */
  constructor(select) {
    this.#select = select;
  }

  /** Shows new drawings in the cells there are, and adds or removes cells as needed. */
  show(drawings) {
    this.drawings = drawings;
    const grid = $("grid");
    while (this.#cells.length > drawings.n) this.#cells.pop().item.remove();
    while (this.#cells.length < drawings.n) {
      const index = this.#cells.length;
      const canvas = make("canvas", { "aria-hidden": "true" });
      const button = make("button", { type: "button", className: "cell", "aria-label": `Drawing ${index + 1}` }, canvas);
      button.addEventListener("click", () => this.#select(index));
      const item = make("li", {}, button);
      this.#cells.push({ item, button, canvas });
      grid.append(item);
    }
    grid.dataset.n = drawings.n;
    this.#state("shown");
  }

  /** `empty`, `working` (the previous drawings are still shown) or `shown`. */
  #state(name) {
    $("results").dataset.state = name;
    $("grid").setAttribute("aria-busy", String(name === "working"));
    $("collect-all").disabled = !this.drawings;
  }

  startWork() {
    this.#state("working");
  }

  endWork() {
    this.#state(this.drawings ? "shown" : "empty");
  }

  clear() {
    this.drawings = null;
    for (const { item } of this.#cells) item.remove();
    this.#cells = [];
    this.#state("empty");
  }

  paint(time, crisp, windows) {
    if (!this.drawings) return;
    const [ink, orange] = [colour("ink"), colour("writing")];
    const widths = this.#cells.map(({ canvas }) => canvas.clientWidth); // before any of them gets another resolution
    this.#cells.forEach(({ canvas }, index) => {
      const side = fit(canvas, widths[index]);
      const context = canvas.getContext("2d");
      this.drawings.paint(context, side, index, time, windows ? 0 : crisp, ink);
      const own = this.drawings.writes[index];
      if (windows && own.length) {
        const place = ([x, y]) => [x * side, y * side];
        paintWindow(context, windowCorners(own, time), place, orange, 1, Math.max(1.5, side / 90));
      }
    });
  }
}

/** Draws the read windows on the exemplar that the pad shows. */
export function paintReadWindows(canvas, drawings, shown, time) {
  const side = fit(canvas);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  const seen = drawings?.exemplars[shown];
  const looks = drawings?.reads.filter((windows) => windows.length) ?? [];
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
    paintWindow(context, windowCorners(windows, time), place, ink, alpha, Math.max(1.5, side / 220));
  }
}
