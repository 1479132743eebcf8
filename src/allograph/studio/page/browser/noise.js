/**
 * The standard normal numbers of drawings, as allograph.generation.noise makes them: SHA-256 of a text is the key of
 * Philox 4x32-10, whose uniform numbers become normal ones by Box and Muller.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const STEPS = [0x9e3779b9, 0xbb67ae85];
const TWO_32 = 2 ** 32;

/** The high 32 bits of the product of two numbers of 32 bits. */
function high(a, b) {
  const [low, up] = [a & 0xffff, a >>> 16];
  const [other, upper] = [b & 0xffff, b >>> 16];
  const middle = up * other + ((low * other) >>> 16);
  const across = low * upper + (middle & 0xffff);
  return (up * upper + Math.floor(middle / 65536) + Math.floor(across / 65536)) >>> 0;
}

/** Philox 4x32-10 of a counter of four numbers and a key of two. */
export function philox(key, [a, b, c, d]) {
  let [first, second] = key;
  for (let round = 0; round < 10; round++) {
    const [highs, lows] = [
      [high(a, MULTIPLIERS[0]), high(c, MULTIPLIERS[1])],
      [Math.imul(a, MULTIPLIERS[0]) >>> 0, Math.imul(c, MULTIPLIERS[1]) >>> 0],
    ];
    [a, b, c, d] = [(highs[1] ^ b ^ first) >>> 0, lows[1], (highs[0] ^ d ^ second) >>> 0, lows[0]];
    first = (first + STEPS[0]) >>> 0;
    second = (second + STEPS[1]) >>> 0;
  }
  return [a, b, c, d];
}

/** So many standard normal numbers that follow from a text. */
export function normal(text, count, into = new Float32Array(count)) {
  const digest = new DataView(sha256(new TextEncoder().encode(text)).buffer);
  const key = [digest.getUint32(0, true), digest.getUint32(4, true)];
  for (let block = 0; 4 * block < count; block++) {
    const uniform = philox(key, [block, 0, 0, 0]).map((x) => (x + 0.5) / TWO_32);
    for (let pair = 0; pair < 2; pair++) {
      const radius = Math.sqrt(-2 * Math.log(uniform[2 * pair]));
      const angle = 2 * Math.PI * uniform[2 * pair + 1];
      const place = 4 * block + 2 * pair;
      if (place < count) into[place] = radius * Math.cos(angle);
      if (place + 1 < count) into[place + 1] = radius * Math.sin(angle);
    }
  }
  return into;
}

/** The first 32 bits of the fractional parts of roots of the first primes. */
const roots = (count, power) => {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    if (Array.from({ length: Math.floor(Math.sqrt(n)) - 1 }, (_, i) => i + 2).every((d) => n % d)) {
      found.push(Math.floor((n ** power % 1) * TWO_32));
    }
  }
  return found;
};
const ROUND = roots(64, 1 / 3);
const FIRST = roots(8, 1 / 2);

/** SHA-256 (FIPS 180-4): 32 bytes. The browser's own works on pages served over HTTPS alone. */
export function sha256(bytes) {
  const padded = new Uint8Array((bytes.length + 72) & ~63);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0);
  const state = Uint32Array.from(FIRST);
  const words = new Uint32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let start = 0; start < padded.length; start += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(start + 4 * i);
    for (let i = 16; i < 64; i++) {
      const [x, y] = [words[i - 15], words[i - 2]];
      const s0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
      const s1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
      words[i] = words[i - 16] + s0 + words[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] += value));
  }
  const digest = new Uint8Array(32);
  state.forEach((word, i) => new DataView(digest.buffer).setUint32(4 * i, word));
  return digest;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
