/** Which backend draws: WebAssembly, unless there is a GPU with which WebGPU makes the same drawings sooner. */

import { Engine } from "./engine.js";
import { NotFetched } from "./files.js";

const ROUNDS = 3;
const BOUND = 1e-3; // of the probability of ink
const PATIENCE = 300_000; // milliseconds in which nothing is heard of WebGPU
const PLACE = `allograph backend ${new URL("../", import.meta.url).pathname}`;

/**
 * Has both make the same drawings, unless the outcome is known from an earlier visit: { engine, why }, an engine that
 * draws by WebGPU or null, and the reason, a line. A GPU that the processor emulates takes part only if `emulated`.
 */
export async function race(wasm, emulated = false) {
  if (navigator.connection?.saveData) return { engine: null, why: "the browser is told to save data" };
  const { refused, name, key } = await wasm.ask("adapter", [emulated]);
  if (refused) return { engine: null, why: refused };
  const known = recall(key);
  if (known?.backend === "wasm") return { engine: null, why: known.why };
  let heard;
  const late = new Promise((_, reject) => {
    let timer;
    heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
    };
  });
  const engine = new Engine("webgpu", heard);
  heard();
  try {
    const { faster, why } = await Promise.race([compare(wasm, engine, known ? 1 : ROUNDS), late]);
    const chosen = known ?? { backend: faster ? "webgpu" : "wasm", why: `${why} (${name})` };
    remember(key, chosen);
    if (chosen.backend === "webgpu") return { engine, why: chosen.why, refuse: (reason) => refuse(key, reason) };
    engine.close();
    return { engine: null, why: chosen.why };
  } catch (error) {
    engine.close();
    const why = `WebGPU failed: ${error.message}`;
    if (error.name !== NotFetched.name) refuse(key, why);
    return { engine: null, why };
  }
}

/** The quicker of the two, where both draw the same: { faster, apart, why }, whether WebGPU is, and how far apart they are. */
export async function compare(wasm, gpu, rounds) {
  await gpu.ask("models"); // draws once, to warm up
  const [ours, theirs] = [await probed(wasm, rounds), await probed(gpu, rounds)];
  const apart = difference(ours.logits, theirs.logits);
  if (!(apart < BOUND)) throw new Error(`its drawings differ by ${apart.toPrecision(2)}`);
  const seconds = ({ took }) => `${(took / 1000).toFixed(2)} s`;
  const why = `WebGPU draws in ${seconds(theirs)}, WebAssembly in ${seconds(ours)}`;
  return { faster: theirs.took < ours.took, apart, why };
}

/** The quickest of some rounds, each asked for by itself, so that nobody's stroke waits for more than one. */
async function probed(engine, rounds) {
  let quickest = { took: Infinity };
  for (let round = 0; round < rounds; round++) {
    const probe = await engine.ask("probe");
    if (probe.took < quickest.took) quickest = probe;
  }
  return quickest;
}

/** The largest difference of probabilities of ink; not a number where there is none. */
export function difference(ours, theirs) {
  const ink = (logit) => 1 / (1 + Math.exp(-logit));
  return ours.reduce((most, logit, i) => Math.max(most, Math.abs(ink(logit) - ink(theirs[i]))), 0);
}

/** What an earlier visit found with this GPU and these files: { backend, why }. */
function recall(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE));
    return kept?.key === key ? kept : null;
  } catch {
    return null; // a frame on another site's page may have no storage
  }
}

function remember(key, { backend, why }) {
  try {
    localStorage.setItem(PLACE, JSON.stringify({ key, backend, why }));
  } catch {
    // then the next visit tries again
  }
}

const refuse = (key, why) => remember(key, { backend: "wasm", why });
