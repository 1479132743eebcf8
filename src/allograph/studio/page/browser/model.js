/**
 * A model's two passes, run by onnxruntime-web with the backend that the worker is named after; the noise of drawings is
 * the server's.
 */

import { load } from "./files.js";
import { growth } from "./growth.js";
import { hex, normal, sha256 } from "./noise.js";
import { mask } from "./raster.js";
import { partsAndHoles } from "./topology.js";

const GPU = self.name === "webgpu";
const MODULE = GPU ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
/** Its file of WebAssembly; of WebGPU's, which the service worker does not fetch, what belongs to it is kept with it. */
const RUNTIME = GPU
  ? ["runtime/ort-wasm-simd-threaded.asyncify.wasm", "runtime/ort-wasm-simd-threaded.asyncify.mjs", `runtime/${MODULE}`]
  : ["runtime/ort-wasm-simd-threaded.wasm"];
const MOST_THREADS = 4;
const SAMPLES = 16;
const AT_ONCE = 8; // drawings that a pass makes at most where it makes several attempts of each at once
const options = (backend) => ({ executionProviders: [backend], graphOptimizationLevel: "all", logSeverityLevel: 3 });

const module = import(`../runtime/${MODULE}`);
module.catch(() => {}); // heard of where it is awaited
let ort = null;

export class Model {
  #drawing;
  #judging = null;

  constructor(about, drawing) {
    this.about = about;
    this.#drawing = drawing;
  }

  static async load(site, about, progress) {
    const [sampling, runtime] = await load(site, [about.sampling, ...(ort ? [] : RUNTIME)], progress);
    if (runtime) {
      ort = await module;
      ort.env.wasm.wasmBinary = runtime;
      ort.env.wasm.wasmPaths = new URL("../runtime/", import.meta.url).href;
      ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
      ort.env.logLevel = "error";
    }
    return new Model(about, await ort.InferenceSession.create(sampling, options(GPU ? "webgpu" : "wasm")));
  }

  /** Settles when the GPU is lost, with the reason; never without one. */
  static async lost() {
    return (await ort.env.webgpu.device)?.lost ?? new Promise(() => {});
  }

  /**
   * n drawings from number `start` (counted from 0) on of a set: how they grow, their windows, finished logits and how
   * many times as large as the model made them they are shown (allograph.generation.sizes). Those with other numbers of
   * parts or holes than the exemplars are made again, as allograph.generation.rejection does it.
   */
  async draw({ exemplars, seed, temperature }, start, n, attempts = this.about.attempts) {
    const { size, steps, latent, guidance } = this.about;
    const [mean, deviation] = this.about.size_variation ?? [0, 0];
    const sorted = named(exemplars);
    const about = sorted.length ? ["write", seed, ...sorted.map(({ name }) => name)] : ["invent", seed];
    const noise = new Float32Array(n * steps * latent);
    for (let k = 0; k < n; k++) {
      const place = noise.subarray(k * steps * latent, (k + 1) * steps * latent);
      normal([...about, start + k].join("\n"), steps * latent, place);
    }
    const given = {
      temperature: tensor([temperature], []),
      ...(this.about.conditional && { exemplars: this.#exemplars(sorted) }),
      ...(guidance !== null && { guidance: tensor([sorted.length ? guidance : 1], []) }),
    };
    const result = await this.#pass(given, noise);
    result.sizes = Array.from({ length: n }, (_, k) => {
      if (!sorted.length) return 1;
      return Math.exp(mean + temperature * deviation * normal(["size", ...about, start + k].join("\n"), 1)[0]);
    });
    if (!sorted.length || attempts === 1) return result;
    const inked = (values, least) => mask(size, size, Uint8Array.from(values, (v) => (v > least ? 1 : 0)));
    const counts = sorted.map(({ drawing }) => partsAndHoles(inked(drawing, 0.5)));
    const difference = (logits) => {
      const [parts, holes] = partsAndHoles(inked(logits, 0));
      return Math.min(...counts.map(([p, h]) => Math.abs(parts - p) + Math.abs(holes - h)));
    };
    const differences = result.finished.map(difference);
    const frames = result.steps * size * size;
    for (let attempt = 1, most = Math.min(attempts, steps); attempt < most; ) {
      const wrong = [...differences.keys()].filter((k) => differences[k] > 0);
      if (!wrong.length) break;
      const several = Math.min(most - attempt, Math.max(1, Math.floor(AT_ONCE / wrong.length))); // attempts at once
      const all = Array.from({ length: several }, (_, i) => wrong.map((k) => [k, attempt + i])).flat();
      // What a GPU runs is compiled for each number of drawings.
      const moved = new Float32Array((GPU ? Math.max(n, all.length) : all.length) * steps * latent);
      all.forEach(([k, by], i) => {
        const own = noise.subarray(k * steps * latent, (k + 1) * steps * latent);
        moved.set(own.subarray((steps - by) * latent), i * steps * latent);
        moved.set(own.subarray(0, (steps - by) * latent), (i * steps + by) * latent);
      });
      const again = await this.#pass(given, moved);
      all.forEach(([k], i) => {
        const now = difference(again.finished[i]);
        if (now >= differences[k]) return;
        differences[k] = now;
        for (const part of ["finished", "writes", "reads"]) result[part][k] = again[part][i];
        result.growth.set(again.growth.subarray(i * frames, (i + 1) * frames), k * frames);
      });
      attempt += several;
    }
    return result;
  }

  /** One pass of the graph: the drawings of this noise. */
  async #pass(given, noise) {
    const { size, steps, latent } = this.about;
    const n = noise.length / (steps * latent);
    const made = await this.#drawing.run({ ...given, noise: tensor(noise, [1, n, steps, latent]) });
    const frames = made.canvases.dims[2];
    const result = {
      steps: frames,
      growth: growth(made.canvases.data, n * frames, size),
      finished: Array.from({ length: n }, (_, k) => made.parameters.data.slice(k * size * size, (k + 1) * size * size)),
      writes: windows(made.write_windows, n),
      reads: windows(made.read_windows, n),
    };
    for (const output of Object.values(made)) output.dispose();
    return result;
  }

  /** Free energies in nats of a drawing, given exemplars and without them, as the server's `energy` answers. */
  async energies(exemplars, measured, seed, fetchPass) {
    if (!this.#judging) {
      const [content] = await fetchPass();
      this.#judging = await ort.InferenceSession.create(content, options("wasm")); // on which alone it is tested
    }
    const { steps, latent, size } = this.about;
    const noise = new Float32Array(SAMPLES * steps * latent);
    for (let k = 0; k < SAMPLES; k++) {
      const place = noise.subarray(k * steps * latent, (k + 1) * steps * latent);
      normal(["energy", seed, k].join("\n"), steps * latent, place);
    }
    const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const finite = (value) => (Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null);
    const result = { samples: SAMPLES };
    for (const [name, shown] of [["without", []], ...(exemplars.length ? [["given", exemplars]] : [])]) {
      const made = await this.#judging.run({
        images: tensor(measured.drawing, [1, 1, size, size]),
        noise: tensor(noise, [1, SAMPLES, steps, latent]),
        ...(this.about.conditional && { exemplars: this.#exemplars(shown) }),
      });
      const distortion = -mean(Array.from(made.log_likelihood.data));
      const kl = Array.from({ length: steps }, (_, t) =>
        mean(Array.from({ length: SAMPLES }, (_, k) => made.kl.data[k * steps + t])),
      );
      const total = distortion + kl.reduce((sum, v) => sum + v, 0);
      result[name] = { free_energy: finite(total), distortion: finite(distortion), kl: kl.map(finite) };
      for (const output of Object.values(made)) output.dispose();
    }
    return result;
  }

  /** One blank exemplar where there are none. */
  #exemplars(shown) {
    const area = this.about.size ** 2;
    const count = Math.max(1, shown.length);
    const values = new Float32Array(count * area);
    shown.forEach(({ drawing }, i) => values.set(drawing, i * area));
    return tensor(values, [1, count, 1, this.about.size, this.about.size]);
  }
}

const tensor = (values, shape) => new ort.Tensor("float32", Float32Array.from(values), shape);

/** Exemplars with a hash of their pixels, in its order: in which they are shown does not matter. */
function named(exemplars) {
  const all = exemplars.map((one) => ({ ...one, name: hex(sha256(new Uint8Array(one.drawing.buffer))) }));
  return all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Windows as 2 x 3 maps, by drawing and step. */
function windows(output, n) {
  if (!output) return Array.from({ length: n }, () => []);
  const steps = output.dims[2];
  const number = (i) => Math.round(output.data[i] * 1e4) / 1e4;
  const row = (i) => [number(i), number(i + 1), number(i + 2)];
  const one = (i) => [row(i), row(i + 3)];
  return Array.from({ length: n }, (_, k) => Array.from({ length: steps }, (_, t) => one(6 * (k * steps + t))));
}
