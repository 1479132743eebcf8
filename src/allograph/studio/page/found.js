/** What was found in the picture on the pad, and its corrections: dark, light, crop. */

import { Crop } from "./crop.js";
import { $, make, sentence } from "./dom.js";

const INKS = ["auto", "dark", "light"];

export class Found {
  #pad;
  #shown = undefined;

  /** Choices change the pad's picture; `showError` takes errors. */
  constructor(pad, showError) {
    this.#pad = pad;
    const crop = new Crop((part) => pad.exchange(part));
    for (const ink of INKS) {
      $(`ink-${ink}`).addEventListener("click", () => {
        const { picture } = pad;
        pad.exchange({ ...((ink === "auto" && picture.whole) || picture), ink });
      });
    }
    $("crop").addEventListener("click", () => crop.open(pad.picture, this.#shown?.box));
    $("crop-use").addEventListener("click", () => crop.use().catch(showError));
  }

  /** Shows what was found, see server.js: undefined during an inspection, null without one. */
  show(found) {
    const { picture } = this.#pad;
    if (!picture || picture.own || found === null) this.#shown = undefined;
    else if (found) this.#shown = found;
    $("found").hidden = !this.#shown;
    $("found").setAttribute("aria-busy", String(!found));
    if (!this.#shown || !found) return;
    for (const ink of INKS) {
      const chosen = picture.ink === ink && !(ink === "auto" && picture.whole);
      $(`ink-${ink}`).setAttribute("aria-pressed", String(chosen));
    }
    const { refused } = found;
    for (const id of ["found-views", "found-facts", "found-notes"]) $(id).hidden = Boolean(refused);
    $("refusal").hidden = !refused;
    $("refusal").textContent = refused ?? "";
    if (refused) return;
    paintMarked($("found-ink"), found.marked);
    paintSeen($("found-seen"), found);
    $("found-facts").replaceChildren(...facts(found, picture).map(([name, ...what]) => row(name, what)));
    $("found-notes").replaceChildren(...notes(found).map((note) => make("li", {}, sentence(note))));
  }
}

async function paintMarked(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

function paintSeen(canvas, { size, seen }) {
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  seen.forEach((level, i) => image.data.set([255 - level, 255 - level, 255 - level, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function facts(found, picture) {
  const { polarity, ink, paper, box, page, stroke_width: pen, parts, rules, confidence } = found;
  const [left, top, right, bottom] = box;
  const tone = polarity === "transparent" ? "what is opaque, " : `${polarity}, `;
  const all = [
    ["Ink", tone, swatch(ink), ink],
    ["Paper", ...(paper === "transparent" ? [paper] : [swatch(paper), paper])],
    ["Box", `${right - left} × ${bottom - top} pixels, at ${left}, ${top}`],
    ["Strokes", `${Number(pen.toFixed(1))} pixels wide`],
    ["Parts", String(parts)],
  ];
  if (confidence !== null) all.push(["Confidence", `${Math.round(100 * confidence)} %`]);
  if (picture.whole) all.push(["Picture", "cropped"]);
  if (page) all.push(["Sheet", "a page that lies in the picture"]);
  if (rules) all.push(["Left out", `${rules} printed lines`]);
  return all;
}

function notes({ notes: given, symbols }) {
  return symbols > 1 ? [...given, `these are clearly ${symbols} symbols: crop to one of them`] : given;
}

function row(name, what) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...what));
}

function swatch(colour) {
  const patch = make("span", { className: "swatch", "aria-hidden": "true" });
  patch.style.background = colour;
  return patch;
}
