/** New drawings as the server gives them: levels after every step, windows, and later the traced outlines. */

import { colour } from "./dom.js";

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export class Growth {
  #levels;
  #small = document.createElement("canvas");
  #pixels;
  #outlines = new Map();

  /**
   * `answer` is that of /api/write; `own` whether it shows ink in the page's colours, as for what was drawn here, or in
   * the picture's.
   */
  constructor(answer, own) {
    Object.assign(this, {
      n: answer.n,
      steps: answer.steps,
      size: answer.size,
      inked: answer.inked,
      writes: answer.write_windows,
      reads: answer.read_windows,
      exemplars: answer.exemplars,
    });
    this.channels = answer.channels;
    this.#levels = bytes(answer.growth);
    this.own = own && answer.inked;
    this.ink = answer.ink;
    this.paper = answer.paper;
    this.#small.width = this.#small.height = this.size;
    this.#pixels = new ImageData(this.size, this.size);
  }

  /** Takes the outlines of finished drawings, `[{number, path}]`. */
  finish(drawings) {
    for (const { number, path } of drawings) this.#outlines.set(number - 1, new Path2D(path));
  }

  finished(index) {
    return this.#outlines.has(index);
  }

  /**
   * Paints drawing `index` at `time` (1 to the number of steps) on a square context; `crisp` (0 to 1) is how far the
   * last canvas has become the finished drawing.
   */
  paint(context, side, index, time, crisp) {
    context.save();
    context.clearRect(0, 0, side, side);
    if (this.inked && !this.own) {
      context.fillStyle = this.paper;
      context.fillRect(0, 0, side, side);
    }
    const shown = this.#outlines.has(index) ? crisp : 0;
    const ink = this.own ? colour("ink") : this.ink;
    if (shown < 1) {
      this.#fill(index, time, ink);
      context.globalAlpha = 1 - shown;
      context.imageSmoothingQuality = "high";
      context.drawImage(this.#small, 0, 0, side, side);
    }
    if (shown > 0) {
      context.globalAlpha = shown;
      context.fillStyle = ink;
      context.scale(side / this.size, side / this.size);
      context.fill(this.#outlines.get(index), "evenodd");
    }
    context.restore();
  }

  /** Brings the canvas between two steps to the small picture. */
  #fill(index, time, ink) {
    const { channels, size, steps } = this;
    const area = channels * size * size;
    const after = Math.min(steps, Math.max(1, Math.ceil(time))) - 1;
    const before = Math.max(0, after - 1);
    const part = Math.min(1, Math.max(0, time - after));
    const start = (index * steps + before) * area;
    const end = (index * steps + after) * area;
    const levels = this.#levels;
    const pixels = this.#pixels.data;
    const [red, green, blue] = this.inked ? rgb(ink) : [];
    const plane = size * size;
    for (let i = 0; i < plane; i++) {
      const value = (channel) => {
        const from = levels[start + channel * plane + i];
        return from + (levels[end + channel * plane + i] - from) * part;
      };
      if (this.inked) pixels.set([red, green, blue, value(0)], 4 * i);
      else if (channels === 1) pixels.set([value(0), value(0), value(0), 255], 4 * i);
      else pixels.set([value(0), value(1), value(2), 255], 4 * i);
    }
    this.#small.getContext("2d").putImageData(this.#pixels, 0, 0);
  }

  /** The corners of a window at `time`, in images (0 to 1). */
  static corners(windows, time) {
    const after = Math.min(windows.length, Math.max(1, Math.ceil(time))) - 1;
    const before = windows[Math.max(0, after - 1)];
    const part = Math.min(1, Math.max(0, time - after));
    const map = windows[after].map((row, r) => row.map((v, c) => before[r][c] + (v - before[r][c]) * part));
    const at = (x, y) => map.map(([a, b, shift]) => (a * x + b * y + shift + 1) / 2);
    return [at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)];
  }
}

/** Draws a window as a parallelogram; `place` takes its corners to the context. */
export function paintWindow(context, corners, place, ink, alpha, width) {
  context.save();
  context.globalAlpha = alpha;
  context.strokeStyle = ink;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  for (const corner of corners) context.lineTo(...place(corner));
  context.closePath();
  context.stroke();
  context.restore();
}

function rgb(text) {
  const number = parseInt(text.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}
