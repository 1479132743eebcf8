/** The dialog in which a box is drawn on a picture. */

import { $ } from "./dom.js";
import { cut } from "./pictures.js";

const LEAST = 8; // pixels of a side
const MARGIN = 0.15; // around the ink found, of the box's longer side
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEPS = 100; // across the picture

export class Crop {
  #done;
  #whole = null;
  #box = [0, 0, 0, 0]; // left, top, right, bottom, in pixels of the whole picture's bitmap
  #anchor = null; // where the box that is being drawn began

  /** `done` takes the part of the picture that was chosen. */
  constructor(done) {
    this.#done = done;
    const area = $("crop-area");
    area.addEventListener("pointerdown", (event) => this.#begin(event));
    area.addEventListener("pointermove", (event) => this.#anchor && this.#stretch(this.#anchor, this.#point(event)));
    for (const kind of ["pointerup", "pointercancel"]) area.addEventListener(kind, () => (this.#anchor = null));
    area.addEventListener("keydown", (event) => this.#key(event));
    $("crop-cancel").addEventListener("click", () => $("cropping").close());
  }

  /** Opens on a picture; `found` is the box of its ink, if that is known. */
  open(picture, found) {
    this.#whole = picture.whole ?? picture;
    const { bitmap } = this.#whole;
    const canvas = $("crop-picture");
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    $("crop-area").style.maxWidth = `calc(56vh * ${bitmap.width / bitmap.height})`;
    $("cropping").showModal();
    const [left, top, right, bottom] = picture.box ?? found ?? [0, 0, bitmap.width, bitmap.height];
    const margin = picture.box ? 0 : (found ? MARGIN : -MARGIN) * Math.max(right - left, bottom - top);
    this.#stretch([left - margin, top - margin], [right + margin, bottom + margin]);
    $("crop-box").querySelector("button").focus();
  }

  /** Passes on the part in the box. */
  async use() {
    $("cropping").close();
    this.#done(await cut(this.#whole, this.#box));
  }

  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const corner = event.target.dataset.corner?.split(" ");
    if (corner) event.target.focus();
    $("crop-area").setPointerCapture(event.pointerId);
    this.#anchor = corner ? corner.map((place) => this.#box[(Number(place) + 2) % 4]) : this.#point(event);
  }

  #key(event) {
    const corner = event.target.dataset.corner?.split(" ").map(Number);
    const move = ARROWS[event.key];
    if (!corner || !move) return;
    event.preventDefault();
    const { width, height } = this.#whole.bitmap;
    const step = Math.max(1, Math.round(Math.max(width, height) / STEPS)) * (event.shiftKey ? 10 : 1);
    const box = [...this.#box];
    corner.forEach((place, axis) => {
      const least = place < 2 ? 0 : box[place - 2] + LEAST;
      const most = place < 2 ? box[place + 2] - LEAST : [width, height][axis];
      box[place] = Math.min(Math.max(box[place] + step * move[axis], least), most);
    });
    this.#set(box);
  }

  #point({ clientX, clientY }) {
    const { left, top, width, height } = $("crop-area").getBoundingClientRect();
    const { bitmap } = this.#whole;
    return [((clientX - left) / width) * bitmap.width, ((clientY - top) / height) * bitmap.height];
  }

  /** Sets the box between two points, within the picture, unless it is too small. */
  #stretch(from, to) {
    const { width, height } = this.#whole.bitmap;
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
    const [[left, right], [top, bottom]] = [0, 1].map((axis) =>
      [from[axis], to[axis]].map((value) => within(value, [width, height][axis])).sort((a, b) => a - b),
    );
    const enough = right - left >= Math.min(LEAST, width) && bottom - top >= Math.min(LEAST, height);
    if (enough) this.#set([left, top, right, bottom]);
  }

  #set(box) {
    this.#box = box;
    const { width, height } = this.#whole.bitmap;
    const [left, top, right, bottom] = box;
    const percent = (value, whole) => `${(100 * value) / whole}%`;
    Object.assign($("crop-box").style, {
      left: percent(left, width),
      top: percent(top, height),
      width: percent(right - left, width),
      height: percent(bottom - top, height),
    });
    $("crop-place").textContent =
      `${right - left} × ${bottom - top} of ${width} × ${height} pixels, ${left} from the left, ${top} from the top`;
  }
}
