/** What the intake finds in a picture, in words and numbers: as allograph.imaging.inspection does it, as far as intake.js knows. */

import { inkBox, labelled } from "./raster.js";

const MARK = [214, 40, 96];
const UNKNOWN =
  "this page finds ink in a simpler way than the program: it does not look for pages, printed lines or several symbols, " +
  "and cannot say how sure it is; allograph inspect can";

/** See server.js; of what intake.js took in from an ImageData, for a model's image of `size` pixels. */
export async function inspected({ drawing, appearance, found }, image, size) {
  const { tone, kept, width, across, down } = found;
  const [top, left, bottom, right] = inkBox(kept);
  return {
    width: image.width,
    height: image.height,
    polarity: tone,
    ink: hex(appearance.ink),
    paper: appearance.paper[3] ? hex(appearance.paper) : "transparent",
    box: [left / across, top / down, right / across, bottom / down].map(Math.round),
    page: null,
    stroke_width: width / Math.max(across, down),
    parts: labelled(kept).count,
    symbols: null,
    rules: null,
    confidence: null,
    notes: [UNKNOWN],
    marked: await marked(image, kept),
    size,
    seen: Uint8Array.from(drawing, (v) => 255 * v),
  };
}

const hex = (colour) =>
  `#${(colour[3] === 255 ? colour.slice(0, 3) : colour).map((v) => v.toString(16).padStart(2, "0")).join("")}`;

/** The picture with its ink in the mark's colour, a PNG file. */
function marked(image, kept) {
  const shape = new ImageData(kept.width, kept.height);
  kept.data.forEach((v, i) => v && shape.data.set([...MARK, 255], 4 * i));
  const canvas = new OffscreenCanvas(kept.width, kept.height);
  canvas.getContext("2d").putImageData(shape, 0, 0);
  const result = new OffscreenCanvas(image.width, image.height);
  const context = result.getContext("2d");
  context.putImageData(image, 0, 0);
  context.globalAlpha = 0.8;
  context.drawImage(canvas, 0, 0, image.width, image.height);
  return result.convertToBlob({ type: "image/png" });
}
