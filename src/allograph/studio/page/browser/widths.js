/** How wide strokes are: as allograph.imaging.widths measures it. */

import { distanceTo } from "./distances.js";
import { centreLine, cropped, inkBox, labelled, mask, where } from "./raster.js";

const [LARGE, WIDE] = [512, 8];
const ALIKE = 1.3;

/** The distances of the centre line's points to the edge, in order; wide strokes of a large symbol are measured on every
 *  other pixel. */
function depths(shape) {
  const box = inkBox(shape);
  if (!box) return new Float32Array(0);
  const near = cropped(shape, [box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1]);
  if (Math.max(near.width, near.height) > LARGE) {
    const half = depths(everyOther(near)).map((v) => 2 * v + 0.5);
    if (half.length && middle(half) >= WIDE) return half;
  }
  return depthsAlong(near, centreLine(near));
}

function depthsAlong(shape, line) {
  const inside = distanceTo(where(shape, (v) => !v)).data;
  return inside
    .filter((_, i) => line.data[i])
    .map((v) => v - 0.5)
    .sort();
}

function everyOther({ width, height, data }) {
  const few = mask(Math.ceil(width / 2), Math.ceil(height / 2));
  few.data.forEach((_, i) => (few.data[i] = data[2 * Math.floor(i / few.width) * width + 2 * (i % few.width)]));
  return few;
}

/** The median of numbers in ascending order. */
function middle(ascending) {
  const half = ascending.length >> 1;
  return ascending.length % 2 ? ascending[half] : (ascending[half - 1] + ascending[half]) / 2;
}

/** Twice the median distance from centre line to edge. */
export function depthWidth(shape) {
  const half = depths(shape);
  return half.length ? 2 * middle(half) : 0;
}

export function strokeWidth(shape) {
  const box = inkBox(shape);
  if (!box) return 0;
  if (!shape.data.includes(0)) return Math.max(shape.width, shape.height);
  const near = cropped(shape, [box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1]);
  if (Math.max(near.width, near.height) > LARGE) {
    const width = 2 * strokeWidth(everyOther(near));
    if (width >= 2 * WIDE) return width;
  }
  const line = centreLine(near);
  return Math.max(usualWidth(widthsAcross(near, line)), 2 * middle(depthsAlong(near, line)));
}

/** The mean of the widths near their lower median. */
export function usualWidth(widths) {
  const middle = widths.slice().sort()[(widths.length - 1) >> 1];
  const alike = widths.filter((v) => v >= middle / ALIKE && v <= middle * ALIKE);
  return alike.reduce((sum, v) => sum + v, 0) / alike.length;
}

/** The widths of strokes at the points of a line, from the lengths of the pieces of row and column that they cover. */
export function widthsAcross({ width, height, data }, line) {
  const across = lengths(data, height, width, width, 1);
  const down = lengths(data, width, height, 1, width);
  return across.map((v, i) => (v * down[i]) / Math.hypot(v, down[i])).filter((_, i) => line.data[i]);
}

/** How long the piece of ink is in which each pixel lies, in `count` rows of `length` pixels. */
function lengths(data, count, length, nextRow, next) {
  const found = new Float32Array(data.length);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < length; i++) {
      const start = i;
      let sum = 0;
      for (; i < length && data[row * nextRow + i * next] > 0; i++) sum += data[row * nextRow + i * next];
      for (let j = start; j < i; j++) found[row * nextRow + j * next] = sum;
    }
  }
  return found;
}

export function mainWidth(shape) {
  const half = depths(shape);
  if (!half.length) return 0;
  const sums = [];
  half.reduce((sum, v) => (sums.push(Math.fround(sum + Math.fround(v * v))), sums.at(-1)), 0);
  const width = 2 * half[sums.findIndex((sum) => sum >= sums.at(-1) / 2)];
  const { labels, count } = labelled(shape);
  const longest = Math.max(...boxes(labels, count, shape.width).map(([t, l, b, r]) => Math.max(b - t, r - l)));
  return Math.min(Math.max(longest / 8, 0.3 * width), width);
}

function boxes(labels, count, width) {
  const found = Array.from({ length: count }, () => [Infinity, Infinity, 0, 0]);
  labels.forEach((label, i) => {
    if (!label) return;
    const [box, x, y] = [found[label - 1], i % width, Math.floor(i / width)];
    found[label - 1] = [Math.min(box[0], y), Math.min(box[1], x), Math.max(box[2], y + 1), Math.max(box[3], x + 1)];
  });
  return found;
}
