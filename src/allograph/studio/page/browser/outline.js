/** Finished drawings as strokes with smooth edges, as allograph.imaging.render and outline make them: paths, SVG. */

import { distanceTo, signedDistance } from "./distances.js";
import { drawnWithPen, FINENESS } from "./pen.js";
import { inkBox, labelled, raster, resized, scaled, smoothed, where } from "./raster.js";

const AROUND = 2.5;
const SMOOTHING = 1.2;
const LESS_SMOOTHING = 0.4;
const MOST_SHAVED = 0.2;
const SPACING = 0.8;
const FEWEST = 6;

/** The signed distance to the edge of the ink of logits (size x size), positive inside, in model pixels. */
export function strokeField(logits, size, { strokeWidth: wanted, penWidth: pen }) {
  const around = Math.ceil(wanted / 2 + AROUND);
  const cut = cutOut(logits, size, around);
  const enlarged = resized(cut.ink, cut.ink.width * FINENESS, cut.ink.height * FINENESS, undefined, resized.cubic);
  const drawn = where(enlarged, (v) => v > 0.5);
  const placed = (values) => ({ values, left: cut.left, top: cut.top });
  if (!drawn.data.includes(1)) {
    drawn.data = new Float32Array(drawn.data.length).fill(-AROUND);
    return placed(drawn);
  }
  const reach = (around - 1) * FINENESS;
  const edge = scaled(signedDistance(drawn, reach), 1 / FINENESS);
  return placed(drawnWithPen(withAreasOf(drawn, smooth(edge)), drawn, wanted, pen, reach));
}

/**
 * SVG path data of the edge of the ink, in model pixels, to be filled by the even-odd rule. If the image is a square of
 * another one, left, top and extent in shares of its `side`, in pixels of that one.
 */
export function outline({ values, left, top }, [across, down, extent] = [0, 0, 1], side = 0) {
  const at = (v, start) => (v + 0.5) / FINENESS + start;
  const placed = ([x, y]) => [x * extent + across * side, y * extent + down * side];
  return contours(values)
    .filter((points) => points.length >= 3)
    .map((points) => curve(evenly(points.map(([x, y]) => [at(x, left), at(y, top)])).map(placed)))
    .join("");
}

/** The frame of one appearance in shares of another's. */
export function within({ frame: [left, top, side] }, { frame }) {
  return [(left - frame[0]) / frame[2], (top - frame[1]) / frame[2], side / frame[2]];
}

/**
 * The appearance in which a drawing with these logits is `factor` times as large, about its own middle, with strokes of
 * the same width; less where it would leave the frame or the picture.
 */
export function sized(appearance, logits, size, factor) {
  const box = inkBox(raster(size, size, Float32Array.from(logits, (v) => Math.max(0, v))));
  if (!box) return appearance;
  const { frame, width, height, strokeWidth } = appearance;
  const side = frame[2];
  const spans = [[box[1], box[3], width], [box[0], box[2], height]];
  const middles = spans.map(([from, to], i) => frame[i] + (side * (from + to)) / 2 / size);
  spans.forEach(([from, to, extent], i) => {
    const room = Math.min(middles[i] - Math.max(frame[i], 0), Math.min(frame[i] + side, extent) - middles[i]);
    factor = Math.min(factor, Math.max(1, (2 * room * size) / (side * (to - from))));
  });
  const [left, top] = middles.map((middle, i) => middle - factor * (middle - frame[i]));
  return { ...appearance, frame: [left, top, factor * side], strokeWidth: strokeWidth / factor };
}

/** Left and top of the model's image in the picture and the pixels per model pixel, all ink inside. */
export function place({ values, left, top }, size, appearance, zoom, sides) {
  let [x, y, frame] = appearance.frame.map((v) => zoom * v);
  let scale = frame / size;
  const box = inkBox(where(values, (v) => v > 0));
  if (!box) return [x, y, scale];
  const [first, last] = [
    [left + box[1] / FINENESS, top + box[0] / FINENESS],
    [left + box[3] / FINENESS, top + box[2] / FINENESS],
  ];
  const rim = Math.min(1, 0.05 * Math.min(...sides));
  for (const i of [0, 1]) scale = Math.min(scale, (sides[i] - 2 * rim) / Math.max(last[i] - first[i], 1e-6));
  const corner = [x, y].map((from, i) => {
    const start = from + ((frame / size - scale) * (first[i] + last[i])) / 2;
    return start + Math.max(0, rim - (start + first[i] * scale)) - Math.max(0, start + last[i] * scale - (sides[i] - rim));
  });
  return [...corner, scale];
}

function cutOut(logits, size, around) {
  const ink = raster(size, size, Float32Array.from(logits, (v) => 1 / (1 + Math.exp(-Math.min(30, Math.max(-30, v))))));
  const box = inkBox(where(ink, (v) => v > 0.35));
  if (!box) return { ink: raster(1, 1), left: 0, top: 0 };
  const [top, left, bottom, right] = [box[0] - around, box[1] - around, box[2] + around, box[3] + around];
  const cut = raster(right - left, bottom - top);
  for (let y = Math.max(0, top); y < Math.min(size, bottom); y++) {
    for (let x = Math.max(0, left); x < Math.min(size, right); x++) {
      cut.data[(y - top) * cut.width + x - left] = ink.data[y * size + x];
    }
  }
  return { ink: cut, left, top };
}

/** The distance `edge` widely blurred, but for corners, ends and slits, which stay as in a narrow blur. */
function smooth(edge) {
  const [wide, narrow] = [SMOOTHING, LESS_SMOOTHING].map((spread) => smoothed(edge, spread * FINENESS).data);
  const moved = narrow.map((v, i) => Math.min(v, Math.max(v - MOST_SHAVED, wide[i])));
  return raster(edge.width, edge.height, moved);
}

/** The edge moved so that each part of `drawn` keeps its area, which a blur takes from. */
function withAreasOf(drawn, field) {
  const { labels, count } = labelled(drawn);
  const near = {};
  if (count > 1) distanceTo(drawn, Infinity, near);
  const areas = new Int32Array(count + 1);
  labels.forEach((label) => areas[label]++);
  const owners = count > 1 ? near.owner.map((pixel) => labels[pixel]) : new Int32Array(labels.length).fill(1);
  const gain = new Float32Array(count + 1);
  for (let part = 1; part <= count; part++) {
    gain[part] = -largest(field.data.filter((v, i) => v > -2 && owners[i] === part), areas[part]);
  }
  return raster(field.width, field.height, field.data.map((v, i) => v + gain[owners[i]]));
}

/** The smallest of the so many largest values. */
const largest = (values, count) => values.sort()[values.length - count];

/** The closed lines along which a field is 0, by marching squares; ink that runs out of it ends at its rim. */
function contours({ width, height, data }) {
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? -1 : data[y * width + x]);
  const follow = new Map(); // from one crossing to the next
  const key = (x, y, down) => ((y + 1) * (width + 2) + x + 1) * 2 + down;
  const crossing = (x, y, down) => {
    const [a, b] = [at(x, y), down ? at(x, y + 1) : at(x + 1, y)];
    const part = a / (a - b);
    return down ? [x, y + part] : [x + part, y];
  };
  const points = new Map();
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const corners = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)].map((v) => v > 0);
      const kind = corners.reduce((sum, on, i) => sum + (on ? 1 << i : 0), 0);
      if (kind === 0 || kind === 15) continue;
      const edges = [
        [x, y, 0],
        [x + 1, y, 1],
        [x, y + 1, 0],
        [x, y, 1],
      ];
      // Ink on the right hand: from the edge where it ends, going round, to that where it begins.
      for (let i = 0; i < 4; i++) {
        if (!(corners[i] && !corners[(i + 1) % 4])) continue;
        let j = i;
        do j = (j + 3) % 4;
        while (!(!corners[j] && corners[(j + 1) % 4]));
        follow.set(key(...edges[i]), key(...edges[j]));
        points.set(key(...edges[i]), crossing(...edges[i]));
      }
    }
  }
  const lines = [];
  while (follow.size) {
    const [start] = follow.keys();
    const line = [];
    for (let here = start; follow.has(here); ) {
      line.push(points.get(here));
      const next = follow.get(here);
      follow.delete(here);
      here = next;
    }
    lines.push(line);
  }
  return lines;
}

/** Points on a closed polygon, as far from each other along it. */
function evenly(points) {
  const along = [0];
  points.forEach(([x, y], i) => {
    const [u, v] = points[(i + 1) % points.length];
    along.push(along[i] + Math.hypot(u - x, v - y));
  });
  const length = along.at(-1);
  const count = Math.max(FEWEST, Math.round(length / SPACING));
  let piece = 0;
  return Array.from({ length: count }, (_, i) => {
    const wanted = (i * length) / count;
    while (piece + 1 < points.length && along[piece + 1] <= wanted) piece++;
    const part = (wanted - along[piece]) / (along[piece + 1] - along[piece] || 1);
    const [from, to] = [points[piece], points[(piece + 1) % points.length]];
    return [0, 1].map((axis) => from[axis] + (to[axis] - from[axis]) * part);
  });
}

/** The closed quadratic spline that passes by points. */
function curve(points) {
  const n = points.length;
  const control = points.map((point, i) =>
    [0, 1].map((axis) => point[axis] + (2 * point[axis] - points[(i + n - 1) % n][axis] - points[(i + 1) % n][axis]) / 8),
  );
  const ends = control.map((point, i) => [0, 1].map((axis) => (point[axis] + control[(i + 1) % n][axis]) / 2));
  const number = (point) => point.map((v) => v.toFixed(2)).join(",");
  return `M${number(ends[n - 1])}${control.map((c, i) => `Q${number(c)} ${number(ends[i])}`).join("")}Z`;
}
