/**
 * Rasters { width, height, data }, row by row, and what strokes are measured with: as allograph.imaging.shapes does it.
 * Masks hold 0 and 1.
 */

export const raster = (width, height, data = new Float32Array(width * height)) => ({ width, height, data });
export const mask = (width, height, data = new Uint8Array(width * height)) => ({ width, height, data });

/** Where a test of its values holds. */
export function where({ width, height, data }, test) {
  const result = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) if (test(data[i])) result[i] = 1;
  return mask(width, height, result);
}

/** The part of a mask within `box`; what of that lies beyond the mask is left out. */
export function cropped({ width, height, data }, [top, left, bottom, right]) {
  [top, left, bottom, right] = [Math.max(0, top), Math.max(0, left), Math.min(height, bottom), Math.min(width, right)];
  const result = mask(right - left, bottom - top);
  for (let y = top; y < bottom; y++) {
    result.data.set(data.subarray(y * width + left, y * width + right), (y - top) * result.width);
  }
  return { ...result, top, left };
}

/** (top, left, bottom, right) around what a mask holds, the last two beyond it; null where it is empty. */
export function inkBox({ width, height, data }) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!data[y * width + x]) continue;
      if (y < top) top = y;
      if (y >= bottom) bottom = y + 1;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
    }
  }
  return bottom ? [top, left, bottom, right] : null;
}

/** What the eight neighbours of a pixel say: 1 and 2, it goes in the first or the second half of a round; 3, in both. */
const THIN = Uint8Array.from(
  "0001001300311013000000002020303300000000300000000000000020003022000000000000000000000000000000002000000020002000" +
    "3000000030003020003100130000000100000000000000013100000000000000200000000000000023130013000000010000000000000000" +
    "23010001000000003301000022002000",
  Number,
);

/** The one pixel wide centre line of strokes (Zhang and Suen, 1984, with scikit-image's table). */
export function centreLine(shape) {
  const box = inkBox(shape);
  const line = mask(shape.width, shape.height);
  if (!box) return line;
  const [top, left, bottom, right] = box;
  const [width, height] = [right - left + 2, bottom - top + 2];
  const on = new Uint8Array(width * height);
  let alive = [];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (!shape.data[y * shape.width + x]) continue;
      const at = (y - top + 1) * width + x - left + 1;
      on[at] = 1;
      alive.push(at);
    }
  }
  for (let removed = true; removed; ) {
    removed = false;
    for (const half of [1, 2]) {
      const doomed = alive.filter((at) => {
        const around =
          on[at - width - 1] +
          2 * on[at - width] +
          4 * on[at - width + 1] +
          8 * on[at + 1] +
          16 * on[at + width + 1] +
          32 * on[at + width] +
          64 * on[at + width - 1] +
          128 * on[at - 1];
        return THIN[around] & half;
      });
      for (const at of doomed) on[at] = 0;
      if (doomed.length) {
        removed = true;
        alive = alive.filter((at) => on[at]);
      }
    }
  }
  for (const at of alive) line.data[(Math.floor(at / width) + top - 1) * shape.width + (at % width) + left - 1] = 1;
  return line;
}

/** Drops the spurs of a centre line; `depth` is the strokes' signed distance. */
export function prune(line, depth) {
  const box = inkBox(line);
  const pruned = mask(line.width, line.height, line.data.slice());
  if (!box) return pruned;
  const [width, height] = [line.width + 2, line.height + 2];
  const on = new Uint8Array(width * height);
  for (let y = 0; y < line.height; y++) on.set(line.data.subarray(y * line.width, (y + 1) * line.width), (y + 1) * width + 1);
  const around = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1];
  const depthAt = (at) => depth.data[(Math.floor(at / width) - 1) * line.width + (at % width) - 1];
  const points = [];
  for (let at = 0; at < on.length; at++) if (on[at]) points.push(at);
  const deepest = points.reduce((most, at) => Math.max(most, depthAt(at)), 0);
  for (const end of points) {
    if (around.filter((step) => on[end + step]).length !== 1 || !(depthAt(end) < 0.5 * deepest)) continue;
    let here = end;
    const branch = [here];
    let onward = [];
    let ran = true;
    while (branch.length < 4 * deepest) {
      onward = around.map((step) => here + step).filter((p) => on[p] && !branch.slice(-3).includes(p));
      if (onward.length !== 1) {
        ran = false;
        break;
      }
      [here] = onward;
      branch.push(here);
    }
    if (ran || !onward.length) continue;
    const [down, across] = [Math.floor(here / width) - Math.floor(end / width), (here % width) - (end % width)];
    if (depthAt(end) < 0.5 * depthAt(here) && Math.hypot(down, across) < 1.5 * depthAt(here)) {
      for (const at of branch.slice(0, -1)) pruned.data[(Math.floor(at / width) - 1) * line.width + (at % width) - 1] = 0;
    }
  }
  return pruned;
}

/** Parts of a mask, corners touching or not: labels from 1, in the order of their first pixels, and how many. */
export function labelled({ width, height, data }, diagonal = true) {
  const reach = diagonal ? 1 : 0;
  const runs = []; // of pixels in a row: [first, beyond]
  const parents = []; // a run that comes before it in the same part, or itself
  const root = (run) => {
    while (parents[run] !== run) run = parents[run] = parents[parents[run]];
    return run;
  };
  let above = 0; // the first run of the row above that may touch
  for (let y = 0; y < height; y++) {
    const line = data.subarray(y * width, (y + 1) * width);
    const start = runs.length;
    for (let first = line.indexOf(1); first >= 0; ) {
      const next = line.indexOf(0, first);
      const beyond = next < 0 ? width : next;
      const run = runs.push([y * width + first, y * width + beyond]) - 1;
      parents.push(run);
      const [left, right] = [(y - 1) * width + first - reach, (y - 1) * width + beyond + reach];
      while (above < start && runs[above][1] <= left) above++;
      for (let other = above; other < start && runs[other][0] < right; other++) {
        const [a, b] = [root(other), root(run)];
        parents[Math.max(a, b)] = Math.min(a, b);
      }
      first = line.indexOf(1, beyond);
    }
    above = start;
  }
  const labels = new Int32Array(width * height);
  let count = 0;
  const names = [];
  runs.forEach(([first, beyond], run) => {
    const part = root(run);
    labels.fill((names[part] ??= ++count), first, beyond);
  });
  return { labels, count };
}

/** Blurred by a Gaussian with this standard deviation, cut at four of them; what lies beyond the rim is mirrored. */
export function blurred({ width, height, data }, spread) {
  const radius = Math.floor(4 * spread + 0.5);
  if (!radius) return raster(width, height, Float32Array.from(data));
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp((-0.5 * (i - radius) ** 2) / spread ** 2));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const kernel = Float64Array.from(weights, (w) => w / total);
  const along = (source, length, step, lines, jump) => {
    const result = new Float32Array(source.length);
    const padded = new Float64Array(length + 2 * radius);
    const mirror = (i) => {
      const period = ((i % (2 * length)) + 2 * length) % (2 * length);
      return period < length ? period : 2 * length - 1 - period;
    };
    for (let line = 0; line < lines; line++) {
      for (let i = -radius; i < length + radius; i++) {
        const at = i >= 0 && i < length ? i : mirror(i);
        padded[i + radius] = source[line * jump + at * step];
      }
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * padded[i + k];
        result[line * jump + i * step] = sum;
      }
    }
    return result;
  };
  return raster(width, height, along(along(data, height, width, width, 1), width, 1, height, width));
}

const triangle = [1, (x) => Math.max(0, 1 - Math.abs(x))];
const cubic = [
  2,
  (x) => {
    const t = Math.abs(x);
    if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
    return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
  },
];

/** The box (left, top, right, bottom) of a raster as one of another size, as Pillow does it: filters as wide as a pixel. */
export function resized(source, width, height, box = [0, 0, source.width, source.height], filter = triangle) {
  const across = taps(source.width, box[0], box[2], width, filter);
  const down = taps(source.height, box[1], box[3], height, filter);
  const lines = new Float32Array(width * source.height);
  for (let x = 0; x < width; x++) {
    const [first, weights] = across[x];
    for (let y = 0; y < source.height; y++) {
      let sum = 0;
      for (let k = 0, at = y * source.width + first; k < weights.length; k++, at++) sum += weights[k] * source.data[at];
      lines[y * width + x] = sum;
    }
  }
  const result = raster(width, height);
  for (let y = 0; y < height; y++) {
    const [first, weights] = down[y];
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0, at = first * width + x; k < weights.length; k++, at += width) sum += weights[k] * lines[at];
      result.data[y * width + x] = sum;
    }
  }
  return result;
}
resized.cubic = cubic;

function taps(length, from, to, count, [reach, weight]) {
  const scale = (to - from) / count;
  const wide = Math.max(scale, 1);
  return Array.from({ length: count }, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach * wide + 0.5));
    const last = Math.min(length, Math.floor(centre + reach * wide + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) => weight((k + first - centre + 0.5) / wide));
    const total = weights.reduce((sum, w) => sum + w, 0);
    return [first, Float64Array.from(weights, (w) => w / (total || 1))];
  });
}

export const scaled = ({ width, height, data }, by) => raster(width, height, data.map((v) => v * by));

/** A wide blur needs no fine raster: means of 2 x 2 pixels are blurred half as wide and enlarged by cubics. */
export function smoothed(field, spread) {
  if (spread < 3) return blurred(field, spread);
  const [width, height] = [field.width + (field.width % 2), field.height + (field.height % 2)];
  const at = (x, y) => field.data[Math.min(y, field.height - 1) * field.width + Math.min(x, field.width - 1)];
  const coarse = raster(width / 2, height / 2);
  for (let y = 0; y < coarse.height; y++) {
    for (let x = 0; x < coarse.width; x++) {
      const sum = at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1);
      coarse.data[y * coarse.width + x] = sum / 4;
    }
  }
  const half = smoothed(coarse, Math.sqrt(spread ** 2 - 0.25) / 2);
  const whole = resized(half, width, height, undefined, resized.cubic);
  const result = raster(field.width, field.height);
  for (let y = 0; y < field.height; y++) {
    result.data.set(whole.data.subarray(y * width, y * width + field.width), y * field.width);
  }
  return result;
}
