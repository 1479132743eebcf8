/** The exemplar's pen, drawn along the centre lines of what a model drew: as allograph.imaging.pen does it. */

import { distanceTo } from "./distances.js";
import { centreLine, labelled, mask, prune, raster, scaled, smoothed, where } from "./raster.js";
import { usualWidth, widthsAcross } from "./widths.js";

export const FINENESS = 8; // points per model pixel
const SMOOTHING = 0.5;
const STEPS = 0.15;
const DOT = 2;
const LEAST_SHAVED = 0.4;
const SHAVED = 0.8;

/** The signed distance to the edge of ink of the model's pen, `pen` wide, as it is with one that is as wide as `wanted`. */
export function drawnWithPen(field, drawn, wanted, pen, reach) {
  const line = prune(centreLine(where(field, (v) => v > 0)), scaled(field, FINENESS));
  const roundOff = (1 - Math.PI / 4) * Math.min(wanted, pen);
  lengthen(line, drawn, (FINENESS * (pen - roundOff)) / 2, rint(FINENESS * pen));
  const exact = scaled(distanceTo(line, reach), 1 / FINENESS).data;
  const blurred = smoothed(raster(line.width, line.height, exact), SMOOTHING * FINENESS).data;
  const away = blurred.map((v, i) => Math.max(v, exact[i] - 0.5 / FINENESS)); // slits stay open
  const [s, half] = [SMOOTHING, wanted / 2];
  const slope = erf(half / (s * Math.SQRT2));
  const level = s * Math.sqrt(2 / Math.PI) * Math.exp((-half * half) / (2 * s * s)) + half * slope;
  const stroke = away.map((v) => (level - v) / slope);
  const short = shortParts(line, DOT * FINENESS);
  const long = mask(line.width, line.height, line.data.map((v, i) => (v && !short.data[i] && stroke[i] > 0 ? 1 : 0)));
  let wider = 0;
  if (long.data.includes(1)) {
    const ink = raster(line.width, line.height, stroke.map((v) => Math.min(1, Math.max(0, FINENESS * v + 0.5))));
    const width = usualWidth(widthsAcross(ink, long)) / FINENESS;
    wider = Math.min(0, Math.max(-STEPS, (wanted - width) / 2));
  }
  const dots = short.data.includes(1) ? distanceTo(short, reach) : null;
  const shaved = LEAST_SHAVED + SHAVED * Math.max(0, pen - wanted);
  return raster(
    field.width,
    field.height,
    field.data.map((v, i) =>
      Math.max(stroke[i] + wider, dots ? half - dots.data[i] / FINENESS : -Infinity, v + (wanted - pen) / 2 - shaved),
    ),
  );
}

/** Lets a centre line go straight on from its free ends until it is `before` pixels from where the drawn ink ends. */
function lengthen(line, drawn, before, reach) {
  const { width, height, data } = line;
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : data[y * width + x]);
  const ends = [];
  data.forEach((on, i) => {
    if (!on) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    let near = 0;
    for (let v = y - 1; v <= y + 1; v++) for (let u = x - 1; u <= x + 1; u++) near += at(u, v);
    if (near === 2) ends.push([x, y]);
  });
  const more = [];
  for (const [x, y] of ends) {
    let [count, sumX, sumY] = [0, 0, 0];
    for (let v = y - reach; v <= y + reach; v++) {
      for (let u = x - reach; u <= x + reach; u++) {
        if (at(u, v)) [count, sumX, sumY] = [count + 1, sumX + u, sumY + v];
      }
    }
    const course = [x - sumX / count, y - sumY / count];
    const length = Math.hypot(...course);
    if (length < 1) continue;
    const ahead = [];
    for (let step = 1; step < 2 * reach; step++) {
      const [u, v] = [x, y].map((from, axis) => rint(from + (step * course[axis]) / length));
      if (u >= 0 && v >= 0 && u < width && v < height) ahead.push(v * width + u);
    }
    const beyond = ahead.findIndex((i) => !drawn.data[i]);
    if (beyond >= 0) more.push(...ahead.slice(0, Math.max(0, rint(beyond - before))));
  }
  for (const i of more) data[i] = 1;
}

/** The nearest whole number, of two the even one. */
const rint = (v) => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));

function shortParts(line, length) {
  const { labels, count } = labelled(line);
  const areas = new Int32Array(count + 1);
  labels.forEach((label) => areas[label]++);
  return mask(line.width, line.height, Uint8Array.from(labels, (label) => (label && areas[label] <= length ? 1 : 0)));
}

/** Abramowitz and Stegun, 7.1.26 to 1.5e-7. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * x);
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return 1 - sum * Math.exp(-x * x);
}
