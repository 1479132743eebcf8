/** The grid of new drawings, and the windows that the model reads and writes through. */

import { $, colour, fit, make } from "./dom.js";
import { paintWindow, windowCorners } from "./drawings.js";

const CORNER = 8; // CSS pixels, the radius within a cell's border

/** All drawings are on one canvas above the cells: a canvas for each would cost a slow processor 5 ms in every frame. */
export class Grid {
  #cells = [];
  #select;
  #places = null; // of the cells on the canvas; null when they have to be measured
  #ratio; // of the screen's pixels to CSS pixels when they were
  #size = [0, 0]; // of the grid then, CSS pixels
  #painted = []; // what was painted last
  drawings = null;

  /** `select` is called with the index of the drawing that the user clicks. */
  constructor(select) {
    this.#select = select;
    new ResizeObserver(() => {
      const [width, height] = this.#size;
      if (width === $("grid").clientWidth && height === $("grid").clientHeight) return;
      this.#places = null;
      this.paint(...this.#painted);
    }).observe($("grid"));
  }

  /** Shows new drawings in the cells there are, and adds or removes cells as needed. */
  show(drawings) {
    this.drawings = drawings;
    const grid = $("grid");
    if (this.#cells.length !== drawings.n) this.#places = null;
    while (this.#cells.length > drawings.n) this.#cells.pop().item.remove();
    while (this.#cells.length < drawings.n) {
      const index = this.#cells.length;
      const button = make("button", { type: "button", className: "cell", "aria-label": `Drawing ${index + 1}` });
      button.addEventListener("click", () => this.#select(index));
      const item = make("li", {}, button);
      this.#cells.push({ item, button });
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
    this.#places = [];
    Object.assign($("drawings"), { width: 0, height: 0 });
    this.#state("empty");
  }

  /** `moving`: whether the next frame follows soon. */
  paint(time, crisp, windows, moving) {
    this.#painted = [time, crisp, windows, moving];
    if (!this.drawings || time === undefined) return;
    const context = $("drawings").getContext("2d");
    if (this.#ratio !== window.devicePixelRatio) this.#places = null;
    const places = (this.#places ??= this.#measure());
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.save();
    if (!this.drawings.own) {
      context.beginPath();
      for (const { x, y, side, corner } of places) context.roundRect(x, y, side, side, corner);
      context.clip();
    }
    this.drawings.paint(context, places, time, windows ? 0 : crisp, moving);
    context.restore();
    if (!windows) return;
    const orange = colour("writing");
    for (const { index, x, y, side, corner } of places) {
      const own = this.drawings.writes[index];
      if (!own.length) continue;
      context.save();
      context.beginPath();
      context.roundRect(x, y, side, side, corner);
      context.clip();
      const [left, top, extent] = this.drawings.frames[index];
      const place = ([across, down]) => [x + (left + extent * across) * side, y + (top + extent * down) * side];
      paintWindow(context, windowCorners(own, time), place, orange, 1, Math.max(1.5, side / 90));
      context.restore();
    }
  }

  /** Gives the canvas the size of the grid; returns where the cells are, in the screen's pixels. */
  #measure() {
    const [canvas, grid] = [$("drawings"), $("grid")];
    const ratio = (this.#ratio = window.devicePixelRatio);
    this.#size = [grid.clientWidth, grid.clientHeight];
    const outer = grid.getBoundingClientRect();
    Object.assign(canvas, { width: Math.round(outer.width * ratio), height: Math.round(outer.height * ratio) });
    return this.#cells.map(({ button }, index) => {
      const { left, top, right } = button.getBoundingClientRect();
      const border = button.clientLeft;
      const inside = [left - outer.left + border, top - outer.top + border, right - outer.left - border];
      const [x, y, end] = inside.map((length) => Math.round(length * ratio));
      return { index, x, y, side: Math.max(1, end - x), corner: CORNER * ratio };
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
