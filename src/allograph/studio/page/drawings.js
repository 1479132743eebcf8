/** A set of new drawings: the canvas after every step, the windows, and later the traced outlines. */

import { colour, make } from "./dom.js";

export class Drawings {
  #levels;
  #small; // a canvas for each drawing: were one changed between two enlargements, it would be copied
  #pixels;
  #words; // the same, a pixel each
  #outlines = new Map();

  /**
   * `answer` is what `write` returns; `own` says whether the drawings have the page's ink colour, as strokes on the pad
   * do, or the picture's.
   */
  constructor(answer, own) {
    Object.assign(this, {
      set: answer.set,
      n: answer.n,
      steps: answer.steps,
      size: answer.size,
      inked: answer.inked,
      frames: answer.frames, // left, top and side of each drawing's square, as shares of the cell's
      writes: answer.write_windows,
      reads: answer.read_windows,
      exemplars: answer.exemplars,
    });
    this.channels = answer.channels;
    this.#levels = answer.growth;
    this.own = own && answer.inked;
    this.ink = answer.ink;
    this.paper = answer.paper;
    this.#small = Array.from({ length: this.n }, () => make("canvas", { width: this.size, height: this.size }));
    this.#pixels = new ImageData(this.size, this.size);
    this.#words = new Uint32Array(this.#pixels.data.buffer);
  }

  /** Takes the outlines of finished drawings, `[{ number, path }]`. */
  addOutlines(outlines) {
    for (const { number, path } of outlines) this.#outlines.set(number - 1, new Path2D(path));
  }

  /**
   * Paints drawings at `time` (1 to the number of steps) on squares of a context, `places`: [{ index, x, y, side }].
   * `crisp` fades from the canvas (0) to the finished drawing (1). `moving`: whether the next frame follows soon.
   */
  paint(context, places, time, crisp, moving = false) {
    const ink = this.own ? colour("ink") : this.ink;
    context.save();
    // A smooth enlargement takes a frame three times as long.
    context.imageSmoothingQuality = moving ? "low" : "high";
    for (const place of places) this.#paintOne(context, place, time, crisp, ink);
    context.restore();
  }

  #paintOne(context, { index, x, y, side }, time, crisp, ink) {
    const shown = this.#outlines.has(index) ? crisp : 0;
    context.save();
    context.translate(x, y);
    if (this.inked && !this.own) {
      context.fillStyle = this.paper;
      context.fillRect(0, 0, side, side);
    }
    const [left, top, extent] = this.frames[index].map((share) => share * side);
    if (shown < 1) {
      this.#fill(index, time, ink);
      context.globalAlpha = 1 - shown;
      context.drawImage(this.#small[index], left, top, extent, extent);
    }
    if (shown > 0) {
      context.globalAlpha = shown;
      context.fillStyle = ink;
      context.scale(side / this.size, side / this.size);
      context.fill(this.#outlines.get(index), "evenodd");
    }
    context.restore();
  }

  /** Interpolates a drawing's canvas between two steps. */
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
    const plane = size * size;
    if (this.inked) {
      const [red, green, blue] = rgb(ink);
      const below = red | (green << 8) | (blue << 16);
      for (let i = 0; i < plane; i++) {
        const from = levels[start + i];
        this.#words[i] = below | ((from + (levels[end + i] - from) * part + 0.5) << 24);
      }
    } else {
      for (let i = 0; i < plane; i++) {
        for (let colour = 0; colour < 3; colour++) {
          const at = (channels === 1 ? 0 : colour * plane) + i;
          const from = levels[start + at];
          pixels[4 * i + colour] = from + (levels[end + at] - from) * part;
        }
        pixels[4 * i + 3] = 255;
      }
    }
    this.#small[index].getContext("2d").putImageData(this.#pixels, 0, 0);
  }
}

/** The corners of a window at `time`, from 0 to 1 across the image. */
export function windowCorners(windows, time) {
  const after = Math.min(windows.length, Math.max(1, Math.ceil(time))) - 1;
  const before = windows[Math.max(0, after - 1)];
  const part = Math.min(1, Math.max(0, time - after));
  const map = windows[after].map((row, r) => row.map((v, c) => before[r][c] + (v - before[r][c]) * part));
  const at = (x, y) => map.map(([a, b, shift]) => (a * x + b * y + shift + 1) / 2);
  return [at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)];
}

/** Draws a window as a parallelogram; `place` maps its corners to pixels. */
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
