/**
 * From a picture to the model's space, as allograph.imaging.intake does it: the ink found, its strokes' centre lines
 * placed and drawn with the model's pen. The ink of a transparent picture is its opaque part; of others see ink.js.
 */

import { UserError } from "../dom.js";
import { distanceTo, signedDistance } from "./distances.js";
import { SPECK, asConnected } from "./homotopy.js";
import { inkOnPaper } from "./ink.js";
import { blurred, centreLine, inkBox, labelled, mask, prune, raster, resized, where } from "./raster.js";
import { mainWidth, strokeWidth } from "./widths.js";

const PLACEMENT = { ink: 68 / 105, centre: 51 / 105, pen: 5 / 105 }; // Omniglot's
const MIN_PEN_PIXELS = 1.3;
const THICK = 1.3;
const WIDEST = 4;
const WORK_SIDE = 420;
const MIN_FINE_PIXELS = 2;
const [GRAIN, AWAY] = [0.04, 0.1]; // see allograph.imaging.reading
const WORK = [320, 1024]; // pixels of the longer side

export const modelPen = (size) => Math.max(PLACEMENT.pen * size, MIN_PEN_PIXELS);

/**
 * An exemplar of an ImageData, `size` pixels a side: { drawing, appearance, found }, `found` the ink at the size that is
 * worked on, `across` and `down` times the picture's. `ink` is dark, light or auto. UserError where there is no ink.
 */
export function takeIn(image, size, ink = "auto") {
  const scale = worked(image);
  const found = findInk(scale.image, ink);
  const { strength, kept, width } = clean(found.strength);
  const pen = modelPen(size);
  const frame = modelFrame(kept, width, pen / size);
  const stroke = (width * size) / frame[2];
  const fine = Math.max(2, Math.ceil(WORK_SIDE / size));
  const wide = atLeast(strength, (MIN_FINE_PIXELS * frame[2]) / (fine * size), width);
  const drawing = drawWithPen(resample(wide, frame, fine * size), size, stroke, pen);
  const { across, down } = scale;
  const own = ownWidth(kept, width, image, Math.max(across, down));
  return {
    drawing,
    appearance: {
      width: image.width,
      height: image.height,
      ink: found.colour,
      paper: found.paper,
      frame: [frame[0] / across, frame[1] / down, frame[2] / Math.max(across, down)],
      strokeWidth: (own * size) / frame[2],
      penWidth: pen,
    },
    found: { tone: found.tone, kept, width, across, down },
  };
}

/** The width of the strokes as the picture itself has them: enlarged, they are a little wider. */
function ownWidth(kept, width, image, scale) {
  if (scale <= 1) return width;
  const own = where(resized(kept, image.width, image.height), (v) => v > 0.5);
  return own.data.includes(1) ? Math.min(width, Math.max(1, strokeWidth(own)) * scale) : width;
}

/** How drawings after no exemplar look. */
export function plain(size) {
  const pen = modelPen(size);
  const [ink, paper] = [
    [0, 0, 0, 255],
    [255, 255, 255, 255],
  ];
  return { width: 256, height: 256, frame: [0, 0, 256], ink, paper, strokeWidth: pen, penWidth: pen };
}

/** The picture at a size that is worked on. */
function worked(image) {
  const longer = Math.max(image.width, image.height);
  const wanted = Math.min(Math.max(longer, WORK[0]), WORK[1]);
  if (wanted === longer) return { image, across: 1, down: 1 };
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round((side * wanted) / longer)));
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const other = new OffscreenCanvas(width, height);
  const context = other.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, width, height);
  return { image: context.getImageData(0, 0, width, height), across: width / image.width, down: height / image.height };
}

function findInk(image, polarity) {
  const { width, height, data } = image;
  const alpha = raster(width, height);
  let [least, most] = [1, 0];
  for (let i = 0; i < alpha.data.length; i++) {
    const value = data[4 * i + 3] / 255;
    alpha.data[i] = value;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (most < 0.02) throw new UserError("The image shows no ink. Draw the symbol on it.");
  return least < 0.5 ? opaqueInk(image, alpha, most) : inkOnPaper(image, polarity);
}

function opaqueInk({ data }, alpha, most) {
  const full = percentile(alpha.data.filter((v) => v > Math.fround(0.5 * most)), 75);
  const strength = raster(alpha.width, alpha.height, alpha.data.map((v) => Math.min(1, v / full)));
  const core = [];
  strength.data.forEach((v, i) => v > 0.75 && core.push(i));
  const ink = [0, 1, 2].map((channel) => Math.round(percentile(Float32Array.from(core, (i) => data[4 * i + channel]), 50)));
  return { strength, colour: [...ink, Math.round(255 * full)], paper: [...ink, 0], tone: "transparent" };
}

/** As numpy does it: linear between two values. */
export function percentile(values, share) {
  const sorted = values.slice().sort();
  const place = ((sorted.length - 1) * share) / 100;
  const low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

// ------------------------------------------------------------------ strokes

function clean(given) {
  const raw = where(given, (v) => v > 0.5);
  const pen = mainWidth(raw);
  const smooth = blurred(given, 0.15 * pen);
  let strength = asGrainDemands(given, smooth, raw);
  let inked = where(strength, (v) => v > 0.5);
  if (!inked.data.includes(1)) {
    const most = strength.data.reduce((a, b) => Math.max(a, b), 0);
    strength = raster(strength.width, strength.height, strength.data.map((v) => v / most));
    inked = where(strength, (v) => v > 0.5);
  }
  const kept = withoutSpecks(inked, smooth, pen);
  const width = Math.max(1, strokeWidth(kept));
  const near = dilated(dilated(kept));
  strength.data.forEach((_, i) => near.data[i] || (strength.data[i] = 0));
  return { strength, kept, width };
}

/** Between the ink's strength and the same smooth: the less grain away from edges, the less smooth. */
function asGrainDemands(given, smooth, raw) {
  let [sum, count] = [0, 0];
  smooth.data.forEach((v, i) => {
    if (!(Math.abs(v - raw.data[i]) < AWAY)) return;
    sum += Math.fround(given.data[i] - v) ** 2;
    count++;
  });
  const share = Math.fround(Math.max(0, 1 - (count ? Math.sqrt(sum / count) : GRAIN) / GRAIN));
  const between = smooth.data.map((v, i) => v + Math.fround(Math.fround(given.data[i] - v) * share));
  return raster(smooth.width, smooth.height, between);
}

function dilated({ width, height, data }) {
  const result = mask(width, height, data.slice());
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!data[y * width + x]) continue;
      if (y) result.data[(y - 1) * width + x] = 1;
      if (y + 1 < height) result.data[(y + 1) * width + x] = 1;
      if (x) result.data[y * width + x - 1] = 1;
      if (x + 1 < width) result.data[y * width + x + 1] = 1;
    }
  }
  return result;
}

/** Without what no pen of that width draws, and what lies along the picture's rim. */
function withoutSpecks(inked, strength, width) {
  const { labels, count } = labelled(inked);
  if (count <= 1) return inked;
  const depth = Math.max(2, Math.round(0.015 * Math.max(inked.width, inked.height)));
  const parts = Array.from({ length: count }, () => ({ area: 0, peak: 0, rim: 0 }));
  labels.forEach((label, i) => {
    if (!label) return;
    const part = parts[label - 1];
    const [x, y] = [i % inked.width, Math.floor(i / inked.width)];
    part.area++;
    part.peak = Math.max(part.peak, strength.data[i]);
    if (x < depth || y < depth || x >= inked.width - depth || y >= inked.height - depth) part.rim++;
  });
  const keep = parts.map(
    ({ area, peak, rim }) => area >= ((0.2 * Math.PI) / 4) * width ** 2 && peak >= 0.75 && rim / area < 0.9,
  );
  const any = keep.includes(true);
  const areas = parts.map(({ area }, i) => (any && !keep[i] ? 0 : area));
  keep[areas.indexOf(Math.max(...areas))] = true;
  return mask(inked.width, inked.height, Uint8Array.from(labels, (label) => (label && keep[label - 1] ? 1 : 0)));
}

function modelFrame(kept, width, pen) {
  const [top, left, bottom, right] = inkBox(kept);
  const extent = Math.max(bottom - top, right - left) - width;
  const side = Math.max(extent / (PLACEMENT.ink - pen), width / (WIDEST * pen));
  return [(left + right) / 2 - PLACEMENT.centre * side, (top + bottom) / 2 - PLACEMENT.centre * side, side];
}

/** Strokes grown to be so wide; wide ones stay as they are. */
function atLeast(strength, wanted, width) {
  const grown = Math.ceil(Math.max(0, wanted - width) / 2);
  if (!grown) return strength;
  const { width: w, height: h } = strength;
  const pass = (data, length, step, lines, jump) => {
    const result = new Float32Array(data.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < length; i++) {
        let most = -Infinity;
        for (let k = Math.max(0, i - grown); k <= Math.min(length - 1, i + grown); k++) {
          most = Math.max(most, data[line * jump + k * step]);
        }
        result[line * jump + i * step] = most;
      }
    }
    return result;
  };
  return raster(w, h, pass(pass(strength.data, h, w, w, 1), w, 1, h, w));
}

/** The square (left, top, side) of a raster as one of `size` pixels a side; outside of the raster lies 0. */
function resample(strength, [left, top, side], size) {
  const [x0, y0] = [Math.floor(left) - 4, Math.floor(top) - 4];
  const [x1, y1] = [Math.ceil(left + side) + 4, Math.ceil(top + side) + 4];
  const region = raster(x1 - x0, y1 - y0);
  for (let y = Math.max(0, y0); y < Math.min(y1, strength.height); y++) {
    const from = y * strength.width;
    const row = strength.data.subarray(from + Math.max(0, x0), from + Math.min(x1, strength.width));
    region.data.set(row, (y - y0) * region.width + Math.max(0, x0) - x0);
  }
  return resized(region, size, size, [left - x0, top - y0, left - x0 + side, top - y0 + side]);
}

function drawWithPen(strength, size, stroke, pen) {
  const fine = strength.width / size;
  const inked = where(strength, (v) => v > 0.5);
  const reach = Math.ceil(fine * pen);
  const depth = signedDistance(inked, reach);
  let line = centreLine(inked);
  const drawn = mask(inked.width, inked.height);
  if (stroke > THICK * pen) {
    line = prune(line, depth);
    distanceTo(line, reach).data.forEach((v, i) => (drawn.data[i] = v < (fine * pen) / 2 ? 1 : 0));
  } else {
    const away = distanceTo(line, reach);
    depth.data.forEach((v, i) => {
      drawn.data[i] = v > (fine * (stroke - pen)) / 2 || (inked.data[i] && away.data[i] < (fine * pen) / 2) ? 1 : 0;
    });
  }
  const { labels, count } = labelled(drawn);
  const cells = Array.from({ length: count + 1 }, () => new Map());
  const covered = new Uint32Array(size * size);
  labels.forEach((label, i) => {
    if (!label) return;
    const cell = Math.floor(i / strength.width / fine) * size + Math.floor((i % strength.width) / fine);
    covered[cell]++;
    cells[label].set(cell, (cells[label].get(cell) ?? 0) + 1);
  });
  const result = Float32Array.from(covered, (v) => (2 * v >= fine * fine ? 1 : 0));
  // A dot where four pixels meet may cover half of none: it takes the one that it covers most.
  const dots = cells.slice(1).filter((own) => ![...own.keys()].some((cell) => 2 * covered[cell] >= fine * fine));
  for (const own of dots) {
    const most = Math.max(...own.values());
    result[Math.min(...[...own].filter(([, v]) => v === most).map(([cell]) => cell))] = 1;
  }
  // The line of thick strokes is all that is left of them; what moving edges joined or closed, the ink itself tells.
  return asConnected(stroke > THICK * pen ? drawn : inked, result, size, SPECK * (fine * Math.min(stroke, pen)) ** 2);
}
