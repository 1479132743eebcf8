/** Finding the ink in a photo or a scan, under any light: as allograph.imaging.ink does it. */

import { UserError } from "../dom.js";
import { percentile } from "./intake.js";
import { blurred, inkBox, mask, raster, resized, where } from "./raster.js";

const NO_INK =
  "The image shows no ink that stands out from its paper. Draw the symbol more strongly, crop the picture to its paper, " +
  "or choose dark or light.";
const COARSE = 160; // pixels of the longer side
const CONTRAST = 0.025;
const CONTRAST_TO_NOISE = 5;
const LUMINANCE = [0.299, 0.587, 0.114];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** { strength, colour, paper, tone } of an opaque ImageData. UserError where nothing stands out from the paper. */
export function inkOnPaper(image, polarity) {
  const planes = [0, 1, 2].map((channel) => {
    const plane = raster(image.width, image.height);
    for (let i = 0; i < plane.data.length; i++) {
      const alpha = image.data[4 * i + 3] / 255; // what little is transparent is shown on white
      plane.data[i] = (image.data[4 * i + channel] / 255) * alpha + 1 - alpha;
    }
    return plane;
  });
  const factor = Math.min(1, COARSE / Math.max(image.width, image.height));
  const size = [image.width, image.height].map((side) => Math.max(1, Math.round(side * factor)));
  const coarse = planes.map((plane) => resized(plane, ...size));
  let [paper, direction] = fitPaper(coarse, polarity);
  const away = (colour, ground) => {
    const result = raster(colour[0].width, colour[0].height);
    for (let i = 0; i < result.data.length; i++) {
      result.data[i] = dot([0, 1, 2].map((c) => colour[c].data[i] - ground[c].data[i]), direction);
    }
    return result;
  };
  let strength = away(coarse, paper);
  let found = split(strength.data);
  for (let round = 0; round < 2 && found; round++) {
    const level = found[0];
    paper = refined(coarse, paper, where(strength, (v) => Math.abs(v) > 0.4 * level));
    strength = away(coarse, paper);
    found = split(strength.data);
  }
  strength = away(planes, paper.map((plane) => resized(plane, image.width, image.height)));
  found = split(strength.data);
  if (!found) throw new UserError(NO_INK);
  const nearby = levelNearby(strength, ...found, size);
  strength.data.forEach((v, i) => (strength.data[i] = v / nearby.data[i]));
  const most = strength.data.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(most > 0.5)) strength.data.forEach((v, i) => (strength.data[i] = v / most));
  const inked = strength.data.filter((v) => v > 0.5);
  const strong = Math.min(Math.max(0.75, percentile(inked, 40)), Math.max(most, 1e-9));
  const core = where(strength, (v) => v >= strong);
  const [top, left, bottom, right] = inkBox(core) ?? [0, 0, image.height, image.width];
  const [reachY, reachX] = [Math.floor((bottom - 1 - top) / 5) + 2, Math.floor((right - 1 - left) / 5) + 2];
  const blank = where(strength, (v) => v < 0.25);
  const near = mask(image.width, image.height);
  blank.data.forEach((v, i) => {
    const [x, y] = [i % image.width, Math.floor(i / image.width)];
    if (v && y >= top - reachY && y < bottom + reachY && x >= left - reachX && x < right + reachX) near.data[i] = 1;
  });
  const colourOf = (where) =>
    planes.map(({ data }) => Math.round(255 * Math.min(1, Math.max(0, percentile(data.filter((_, i) => where.data[i]), 50)))));
  const ground = near.data.includes(1) ? near : blank.data.includes(1) ? blank : where(strength, (v) => v <= 0.5);
  strength.data.forEach((v, i) => (strength.data[i] = Math.min(2, Math.max(-1, v))));
  const tone = dot(direction, LUMINANCE) < 0 ? "dark" : "light";
  return { strength, colour: [...colourOf(core), 255], paper: [...colourOf(ground), 255], tone };
}

/** The light on the paper, a quadratic surface, and the unit direction in colour space from paper to ink. */
function fitPaper(colour, polarity) {
  const { width, height } = colour[0];
  const count = width * height;
  const at = (i, n) => (n > 1 ? -1 + (2 * i) / (n - 1) : -1);
  const basis = new Float64Array(6 * count);
  const prior = new Float64Array(count);
  let rims = 0;
  for (let i = 0; i < count; i++) {
    const [x, y] = [at(i % width, width), at(Math.floor(i / width), height)];
    basis.set([1, x, y, x * x, x * y, y * y], 6 * i);
    if (Math.max(Math.abs(x), Math.abs(y)) > 0.9) rims += prior[i] = 1;
  }
  prior.forEach((rim, i) => (prior[i] = rim ? 0.5 / rims : 0.5 / Math.max(count - rims, 1)));
  const wanted = { dark: -1, light: 1, auto: 0 }[polarity];
  const fitted = colour.map(({ data }) => new Float64Array(count).fill(weightedMedian(data, prior)));
  const rest = (i) => [0, 1, 2].map((c) => colour[c].data[i] - fitted[c][i]);
  for (let round = 0; round < 12; round++) {
    const [normal, right] = [new Float64Array(36), [0, 1, 2].map(() => new Float64Array(6))];
    for (let i = 0; i < count; i++) {
      const gap = rest(i);
      let weight = prior[i] / (Math.hypot(...gap) + 0.01);
      if (wanted && wanted * dot(gap, LUMINANCE) > 0) weight *= 0.3;
      for (let j = 0; j < 6; j++) {
        const scaled = weight * basis[6 * i + j];
        for (let k = 0; k < 6; k++) normal[6 * j + k] += scaled * basis[6 * i + k];
        for (let c = 0; c < 3; c++) right[c][j] += scaled * colour[c].data[i];
      }
    }
    right.forEach((vector, c) => {
      const solution = solved(normal.slice(), vector);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let j = 0; j < 6; j++) sum += basis[6 * i + j] * solution[j];
        fitted[c][i] = sum;
      }
    });
  }
  const moments = new Float64Array(9);
  const gaps = Array.from({ length: count }, (_, i) => rest(i)).filter((gap) => !wanted || wanted * dot(gap, LUMINANCE) > 0);
  for (const gap of gaps) for (let j = 0; j < 9; j++) moments[j] += gap[Math.floor(j / 3)] * gap[j % 3];
  let direction = [...LUMINANCE];
  for (let round = 0; round < 200; round++) {
    const next = [0, 1, 2].map((row) => dot([...moments.subarray(3 * row, 3 * row + 3)], direction));
    const length = Math.hypot(...next);
    if (!(length > 0)) break;
    direction = next.map((v) => v / length);
  }
  const unit = Math.hypot(...direction);
  direction = direction.map((v) => v / unit);
  const sign = wanted ? wanted * dot(direction, LUMINANCE) : gaps.reduce((sum, gap) => sum + dot(gap, direction) ** 3, 0);
  const paper = fitted.map((plane) => raster(width, height, Float32Array.from(plane)));
  return [paper, sign >= 0 ? direction : direction.map((v) => -v)];
}

function weightedMedian(values, weight) {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const half = weight.reduce((sum, w) => sum + w, 0) / 2;
  let sum = 0;
  for (const i of order) if ((sum += weight[i]) >= half) return values[i];
  return values[order.at(-1)];
}

/** The solution of six equations, by elimination. */
function solved(matrix, right) {
  const [n, x] = [right.length, right.slice()];
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let j = i + 1; j < n; j++) if (Math.abs(matrix[n * j + i]) > Math.abs(matrix[n * pivot + i])) pivot = j;
    if (!matrix[n * pivot + i]) continue;
    for (let k = 0; k < n; k++) [matrix[n * i + k], matrix[n * pivot + k]] = [matrix[n * pivot + k], matrix[n * i + k]];
    [x[i], x[pivot]] = [x[pivot], x[i]];
    for (let j = i + 1; j < n; j++) {
      const share = matrix[n * j + i] / matrix[n * i + i];
      for (let k = i; k < n; k++) matrix[n * j + k] -= share * matrix[n * i + k];
      x[j] -= share * x[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= matrix[n * i + k] * x[k];
    x[i] = matrix[n * i + i] ? x[i] / matrix[n * i + i] : 0;
  }
  return x;
}

/** The level of the ink and the noise of the paper (Ridler and Calvard, 1978), or null where there is no ink. */
function split(strength) {
  let level = strength.reduce((a, b) => Math.max(a, b), -Infinity);
  let threshold = 0.5 * level;
  for (let round = 0; round < 50; round++) {
    const above = strength.filter((v) => v > threshold);
    if (!above.length || above.length === strength.length) return null;
    level = above.reduce((sum, v) => sum + v, 0) / above.length;
    const following = 0.5 * (level + percentile(strength.filter((v) => v <= threshold), 50));
    if (Math.abs(following - threshold) < 1e-5) break;
    threshold = following;
  }
  const blank = strength.filter((v) => v <= threshold);
  const middle = percentile(blank, 50);
  const noise = 1.4826 * percentile(blank.map((v) => Math.abs(v - middle)), 50);
  const inked = (strength.length - blank.length) / strength.length;
  return level < Math.max(CONTRAST, CONTRAST_TO_NOISE * noise) || inked > 0.9 ? null : [level, noise];
}

/** The paper, corrected by the mean of what lies around and is no ink. */
function refined(colour, paper, ink) {
  const { width, height } = ink;
  const spread = 0.05 * Math.max(width, height);
  const blank = raster(width, height);
  for (let i = 0; i < blank.data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    let clear = 1;
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2 + Math.abs(dy); dx <= 2 - Math.abs(dy); dx++) {
        const [u, v] = [x + dx, y + dy];
        if (u >= 0 && v >= 0 && u < width && v < height && ink.data[v * width + u]) clear = 0;
      }
    }
    blank.data[i] = clear;
  }
  const near = blurred(blank, spread);
  return paper.map((plane, c) => {
    const rest = raster(width, height, plane.data.map((v, i) => (colour[c].data[i] - v) * blank.data[i]));
    const mean = blurred(rest, spread);
    return raster(width, height, plane.data.map((v, i) => v + mean.data[i] / (near.data[i] + 0.02)));
  });
}

/** The level of the ink around each pixel; far from all ink it is the picture's. */
function levelNearby(strength, level, noise, size) {
  const ink = strength.data.map((v) => (v > Math.max(0.35 * level, 4 * noise) ? 1 : 0));
  const plane = (data) => resized(raster(strength.width, strength.height, data), ...size);
  const spread = 0.08 * Math.max(...size);
  const weight = blurred(plane(ink), spread);
  const amount = blurred(plane(ink.map((v, i) => v * strength.data[i])), spread);
  const nearby = raster(...size, amount.data.map((v, i) => (v + 1e-3 * level) / (weight.data[i] + 1e-3)));
  return resized(nearby, strength.width, strength.height);
}
