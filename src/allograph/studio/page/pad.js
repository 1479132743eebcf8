/** A drawing pad for mouse, pen and finger. The strokes may lie on a picture. */

import { colour, fit } from "./dom.js";

const WIDTH = 0.032; // of a stroke at half pressure, relative to the pad
const SIDE = 320; // pixels of the encoded image

export class Pad {
  #canvas;
  #pointer = null;
  #box = null; // of the pad when the stroke began, so that a moving page does not bend the stroke
  #changed;
  strokes = [];
  picture = null; // see pictures.js

  /** `changed` is called after each stroke, undo and clear. */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event));
    canvas.addEventListener("pointercancel", (event) => this.#end(event));
  }

  get empty() {
    return !this.strokes.length && !this.picture;
  }

  get state() {
    return { strokes: this.strokes.map((stroke) => [...stroke]), picture: this.picture };
  }

  /** Shows an earlier `state`, or an empty pad, without calling `changed`. */
  show(state = { strokes: [], picture: null }) {
    this.strokes = state.strokes.map((stroke) => [...stroke]);
    this.picture = state.picture;
    this.paint();
  }

  undo() {
    if (this.strokes.length) this.strokes.pop();
    else this.picture = this.picture?.whole ?? null;
    this.paint();
    this.#changed();
  }

  /** Shows a part of the picture, or all of it again: strokes stay where they lie on it. */
  exchange(picture) {
    const [[left, top, side], [newLeft, newTop, newSide]] = [this.picture, picture].map(squareOf);
    const moved = ([x, y, width]) => [
      (left + x * side - newLeft) / newSide,
      (top + y * side - newTop) / newSide,
      (width * side) / newSide,
    ];
    this.strokes = this.strokes.map((stroke) => stroke.map(moved));
    this.picture = picture;
    this.paint();
    this.#changed();
  }

  clear() {
    this.show();
    this.#changed();
  }

  /** Whether all ink has the page's colour: there is no picture with colours of its own. */
  get own() {
    return !this.picture || this.picture.own;
  }

  /** The drawing as a PNG file in base64: strokes on a transparent background or on the picture. */
  encode() {
    const canvas = document.createElement("canvas");
    const { width, height } = this.picture?.bitmap ?? { width: SIDE, height: SIDE };
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const longer = Math.max(width, height);
    if (this.picture) context.drawImage(this.picture.bitmap, 0, 0);
    context.translate((width - longer) / 2, (height - longer) / 2);
    for (const stroke of this.strokes) paintStroke(context, stroke, longer, "#000");
    return canvas.toDataURL("image/png").split(",")[1];
  }

  paint() {
    const side = fit(this.#canvas);
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    const ink = this.own ? colour("ink") : "#000";
    if (this.picture) {
      const { width, height } = this.picture.bitmap;
      const scale = side / Math.max(width, height);
      const size = [width * scale, height * scale];
      context.imageSmoothingQuality = "high";
      context.drawImage(this.picture.bitmap, (side - size[0]) / 2, (side - size[1]) / 2, ...size);
      if (this.own) {
        context.globalCompositeOperation = "source-in";
        context.fillStyle = ink;
        context.fillRect(0, 0, side, side);
        context.globalCompositeOperation = "source-over";
      }
    }
    for (const stroke of this.strokes) paintStroke(context, stroke, side, ink);
  }

  #begin(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#box = this.#canvas.getBoundingClientRect();
    this.strokes.push([this.#point(event)]);
    this.paint();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    const stroke = this.strokes.at(-1);
    for (const one of all.length ? all : [event]) stroke.push(this.#point(one));
    this.paint();
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#changed();
  }

  /** x and y relative to the pad, and the stroke's relative width there, which follows the pen's pressure. */
  #point(event) {
    const { left, top, width, height } = this.#box;
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 0.5;
    return [(event.clientX - left) / width, (event.clientY - top) / height, 0.5 + pressure];
  }
}

/** The square that the pad shows around a picture, (left, top, side) in pixels of the whole one. */
function squareOf({ bitmap, box: [left, top, right, bottom] = [0, 0, bitmap.width, bitmap.height] }) {
  const side = Math.max(right - left, bottom - top);
  return [(left + right - side) / 2, (top + bottom - side) / 2, side];
}

/** Draws a smooth stroke: quadratic curves between the midpoints of its segments. */
function paintStroke(context, stroke, side, ink) {
  context.strokeStyle = context.fillStyle = ink;
  context.lineCap = context.lineJoin = "round";
  const at = ([x, y]) => [x * side, y * side];
  const wide = ([, , width]) => WIDTH * width * side;
  if (stroke.length < 3) {
    context.lineWidth = wide(stroke[0]);
    context.beginPath();
    context.moveTo(...at(stroke[0]));
    context.lineTo(...at(stroke.at(-1)));
    context.stroke();
    return;
  }
  let from = at(stroke[0]);
  for (let i = 1; i < stroke.length; i++) {
    const here = at(stroke[i]);
    const next = i + 1 < stroke.length ? at(stroke[i + 1]) : here;
    const to = [(here[0] + next[0]) / 2, (here[1] + next[1]) / 2];
    context.lineWidth = (wide(stroke[i - 1]) + wide(stroke[i])) / 2;
    context.beginPath();
    context.moveTo(...from);
    context.quadraticCurveTo(...here, ...to);
    context.stroke();
    from = to;
  }
}
