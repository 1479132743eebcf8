/** Drawings as they grow, as allograph.imaging.symbols shows them. */

const SPREAD = 0.5; // of the blur that takes the pixels' staircase off
const KERNEL = [-2, -1, 0, 1, 2].map((i) => Math.exp((-0.5 * i * i) / SPREAD ** 2));
const [FAR, NEAR, MIDDLE] = KERNEL.map((w) => w / KERNEL.reduce((sum, v) => sum + v, 0));

// Logits are looked up: 692,224 exponentials and a sort of each canvas would take longer than half of the model.
const BOUND = 16;
const STEPS = 128; // to a logit
const INK = Float32Array.from({ length: 2 * BOUND * STEPS + 2 }, (_, i) => 1 / (1 + Math.exp(BOUND - i / STEPS)));

/** The ink that canvases show, as bytes: what most of a canvas holds is its paper. */
export function growth(logits, count, size) {
  const area = size * size;
  const result = new Uint8Array(count * area);
  const ink = new Float32Array(area);
  const counts = new Uint16Array(INK.length);
  for (let k = 0, start = 0; k < count; k++, start += area) {
    counts.fill(0);
    for (let i = 0; i < area; i++) {
      const place = (Math.min(BOUND, Math.max(-BOUND, logits[start + i])) + BOUND) * STEPS;
      const below = place | 0;
      counts[below]++;
      ink[i] = INK[below] + (place - below) * (INK[below + 1] - INK[below]);
    }
    const paper = median(counts, area);
    const scale = 1 / (1 - paper + 1e-6);
    for (let i = 0; i < area; i++) ink[i] = Math.min(1, Math.max(0, (ink[i] - paper) * scale));
    for (let x = 0; x < size; x++) soften(ink, x, size, size);
    for (let y = 0; y < size; y++) soften(ink, y * size, 1, size);
    for (let i = 0; i < area; i++) result[start + i] = ink[i] * 255 + 0.5;
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

/** Of the ink of `total` pixels, so many at each step of a logit. */
function median(counts, total) {
  let step = 0;
  let below = 0;
  while (below + counts[step] <= total / 2) below += counts[step++];
  const part = (total / 2 - below) / counts[step];
  return INK[step] + part * (INK[step + 1] - INK[step]);
}
