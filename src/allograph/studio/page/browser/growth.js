/** Drawings as they grow, as allograph.imaging.symbols shows them. */

const SPREAD = 0.5; // of the blur that takes the pixels' staircase off
const KERNEL = [-2, -1, 0, 1, 2].map((i) => Math.exp((-0.5 * i * i) / SPREAD ** 2));
const [FAR, NEAR, MIDDLE] = KERNEL.map((w) => w / KERNEL.reduce((sum, v) => sum + v, 0));

/** The ink that canvases show, as bytes: what most of a canvas holds is its paper. */
export function growth(logits, count, size) {
  const area = size * size;
  const result = new Uint8Array(count * area);
  const [ink, order] = [new Float32Array(area), new Float32Array(area)];
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < area; i++) {
      ink[i] = 1 / (1 + Math.exp(-Math.min(30, Math.max(-30, logits[k * area + i]))));
    }
    order.set(ink);
    const paper = median(order);
    const scale = 1 / (1 - paper + 1e-6);
    for (let i = 0; i < area; i++) ink[i] = Math.min(1, Math.max(0, (ink[i] - paper) * scale));
    for (let x = 0; x < size; x++) soften(ink, x, size, size);
    for (let y = 0; y < size; y++) soften(ink, y * size, 1, size);
    for (let i = 0; i < area; i++) result[k * area + i] = Math.round(ink[i] * 255);
  }
  return result;
}

/** Blurs a line of `length` values, `step` apart, in place; what lies beyond its ends is mirrored. */
function soften(values, start, step, length) {
  const last = start + (length - 1) * step;
  let [a, b, c, d] = [values[start + step], values[start], values[start], values[start + step]];
  for (let at = start, i = 0; i < length; at += step, i++) {
    // In the middle c, before it b and a, after it d and e.
    const e = i + 2 < length ? values[at + 2 * step] : i + 2 === length ? values[last] : values[last - step];
    const blurred = MIDDLE * c + NEAR * (b + d) + FAR * (a + e);
    [a, b, c, d] = [b, c, d, e];
    values[at] = blurred;
  }
}

/** Of values whose order is lost: by Hoare's selection. */
function median(values) {
  const middle = values.length >> 1;
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const swapped = values[i];
        values[i++] = values[j];
        values[j--] = swapped;
      }
    }
    if (middle <= j) high = j;
    else if (middle >= i) low = i;
    else break;
  }
  if (values.length % 2) return values[middle];
  let below = -Infinity;
  for (let i = 0; i < middle; i++) if (values[i] > below) below = values[i];
  return (values[middle] + below) / 2;
}
