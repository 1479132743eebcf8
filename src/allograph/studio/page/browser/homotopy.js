/** Shapes that keep their topology: as allograph.imaging.homotopy does it. */

import { signedDistance } from "./distances.js";
import { labelled, mask, where } from "./raster.js";

export const SPECK = 1 / 8; // squares of the pen's width: smaller parts are specks, smaller holes are pinholes

/** For each set of ink among eight neighbours, the first as the highest bit: whether turning the pixel changes nothing. */
const SIMPLE = Array.from({ length: 256 }, (_, code) => {
  const paper = Array.from({ length: 8 }, (_, k) => 1 - ((code >> (7 - k)) & 1));
  return [0, 2, 4, 6].reduce((sum, k) => sum + paper[k] - paper[k] * paper[k + 1] * paper[(k + 2) % 8], 0) === 1;
});

/** A mask with a rim of one pixel of this value. */
export function padded({ width, height, data }, value) {
  const result = mask(width + 2, height + 2);
  result.data.fill(value);
  for (let y = 0; y < height; y++) {
    result.data.set(data.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
  }
  return result;
}

export const turned = (shape) => where(shape, (v) => !v);

/** The parts of the ink, also over corners of pixels, and of the paper around and in it. */
function counts(shape) {
  return [labelled(shape).count, labelled(padded(turned(shape), 1), false).count];
}

/** Ink without its parts and its holes of less than `least` pixels. */
function withoutSpecks(shape, least) {
  const { width, height } = shape;
  const result = mask(width, height, shape.data.slice());
  for (const ink of [1, 0]) {
    const { labels, count } = labelled(padded(ink ? result : turned(result), 1 - ink), Boolean(ink));
    const areas = new Uint32Array(count + 1);
    labels.forEach((label) => areas[label]++);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const label = labels[(y + 1) * (width + 2) + x + 1];
        if (label && areas[label] < least) result.data[y * width + x] = 1 - ink;
      }
    }
  }
  return result;
}

/** The pixels in which the shape nearest to `target` that has the topology of `shape` differs from it. */
function residue(shape, target, depth) {
  const width = shape.width + 2;
  const around = [1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1];
  const ink = padded(shape, 0).data;
  const differing = [];
  shape.data.forEach((v, i) => v !== target[i] && differing.push(i));
  differing.sort((a, b) => Math.abs(depth.data[a]) - Math.abs(depth.data[b]));
  let waiting = differing.map((i) => (Math.floor(i / shape.width) + 1) * width + (i % shape.width) + 1);
  for (let before = -1; before !== waiting.length; ) {
    before = waiting.length;
    waiting = waiting.filter((here) => {
      const code = around.reduce((sum, step) => 2 * sum + ink[here + step], 0);
      if (SIMPLE[code]) ink[here] = 1 - ink[here];
      return !SIMPLE[code];
    });
  }
  return waiting.map((here) => (Math.floor(here / width) - 1) * shape.width + (here % width) - 1);
}

/**
 * `result`, values 0 and 1 of `size` x `size` pixels, with those turned in which it joins, parts, opens or closes what the
 * finer ink does not; parts and holes of less than `least` of the finer pixels do not count.
 */
export function asConnected(finer, result, size, least) {
  const shape = withoutSpecks(finer, least);
  const wanted = counts(shape);
  const off = (values) => {
    const found = counts(mask(size, size, Uint8Array.from(values)));
    return Math.abs(found[0] - wanted[0]) + Math.abs(found[1] - wanted[1]);
  };
  const before = off(result);
  if (!before) return result;
  const fine = shape.width / size;
  const cell = (i) => Math.floor(i / shape.width / fine) * size + Math.floor((i % shape.width) / fine);
  const target = Uint8Array.from(shape.data, (_, i) => result[cell(i)]);
  const other = result.slice();
  for (const at of new Set(residue(shape, target, signedDistance(shape)).map(cell))) other[at] = 1 - other[at];
  return off(other) < before ? other : result;
}
