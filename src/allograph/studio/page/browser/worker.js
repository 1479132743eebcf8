/** Draws, off the page's thread: takes { id, method, given } and answers { id, result } or { id, error, kind }. */

import { UserError } from "../dom.js";
import { Model } from "./model.js";
import { load, siteOf } from "./files.js";
import { inspected } from "./inspection.js";
import { plain, takeIn } from "./intake.js";
import { outline, place, sized, strokeField, within } from "./outline.js";

const KEPT = 6; // sets of drawings
const MOST = 8; // exemplars
const BLOCK = 16;
const GPU = self.name === "webgpu";
const WARM_UPS = GPU ? 1 : 4; // until the browser has compiled all of the runtime for speed

let site;
const models = new Map(); // of promises, by name
const sets = new Map(); // { model, exemplars, seed, temperature, finished } by key
const exemplars = new Map();
const forgotten = new Set();
let waiting = 0;
let turn = Promise.resolve();

self.addEventListener("message", ({ data: { id, method, given } }) => {
  if (method === "forget") {
    forgotten.add(id);
    return;
  }
  waiting++;
  turn = turn.then(async () => {
    waiting--;
    await new Promise((resolve) => setTimeout(resolve)); // what came in meanwhile may say that nobody waits any more
    if (forgotten.delete(id)) return;
    try {
      self.postMessage({ id, result: await METHODS[method](...given) });
    } catch (error) {
      if (!(error instanceof UserError)) console.error(error);
      self.postMessage({ id, error: String(error.message ?? error), kind: error instanceof UserError ? "UserError" : error.name });
    }
    forgotten.delete(id);
  });
});

const METHODS = {
  async models() {
    const model = await modelOf();
    await rehearse(model, 1);
    rehearsals(model, WARM_UPS - 1);
    if (GPU) Model.lost().then(({ message }) => self.postMessage({ lost: message || "the GPU is gone" }));
    return site.models;
  },

  /** The GPU that WebGPU draws with here, { name, key }, or { refused }. */
  async adapter(emulated) {
    const found = await navigator.gpu?.requestAdapter().catch(() => null);
    if (!found) return { refused: "the browser offers no GPU" };
    const { vendor, architecture, device, description, isFallbackAdapter } = found.info ?? {};
    if ((isFallbackAdapter ?? found.isFallbackAdapter) && !emulated) return { refused: "the processor emulates the GPU" };
    const names = [vendor, architecture, device, description];
    return { name: names.filter(Boolean).join(" ") || "GPU", key: [site.version, ...names].join(" ") };
  },

  /** The same drawings with every backend: { logits, took }, milliseconds. */
  async probe() {
    const model = await modelOf();
    const started = performance.now();
    const finished = await rehearse(model, 1);
    const logits = new Float32Array(finished.length * finished[0].length);
    finished.forEach((drawing, k) => logits.set(drawing, k * drawing.length));
    return { logits, took: performance.now() - started };
  },

  async inspect({ model, ...given }) {
    const { about } = await modelOf(model);
    try {
      return await inspected(await exemplarOf(given, about), await pixelsOf(given.image), about.size);
    } catch (error) {
      if (error instanceof UserError) return { refused: error.message };
      throw error;
    }
  },

  async write(recipe, n) {
    const set = await setOf(recipe);
    const parts = [];
    for (let start = 0; start < n; start += BLOCK) parts.push(await block(set, start, Math.min(BLOCK, n - start)));
    const { size, steps } = set.model.about;
    const growth = new Uint8Array(n * parts[0].steps * size * size);
    let at = 0;
    for (const part of parts) {
      growth.set(part.growth, at);
      at += part.growth.length;
    }
    const { ink, paper } = set.appearance;
    const frames = Array.from({ length: n }, (_, k) => within(set.finished.get(k).appearance, set.appearance));
    return {
      set: { recipe },
      model: recipe.model,
      n,
      steps: parts[0].steps ?? steps,
      channels: 1,
      size,
      inked: true,
      ink: colour(ink),
      paper: colour(paper[3] ? paper : ground(ink)),
      growth,
      frames,
      write_windows: parts.flatMap((part) => part.writes),
      read_windows: parts.flatMap((part) => part.reads),
      exemplars: set.exemplars.map(({ appearance: { width, height, frame } }) => ({ width, height, frame })),
    };
  },

  async outlines({ recipe }, numbers) {
    const set = await setOf(recipe);
    const traced = [];
    for (const number of numbers) {
      const { logits, appearance } = await finished(set, number);
      const { size } = set.model.about;
      traced.push({ number, path: outline(strokeField(logits, size, appearance), within(appearance, set.appearance), size) });
    }
    return traced;
  },

  async picture({ recipe }, number, format, size) {
    const set = await setOf(recipe);
    const { logits, appearance } = await finished(set, number);
    const zoom = (size ?? Math.min(1024, Math.max(appearance.width, appearance.height))) / Math.max(appearance.width, appearance.height);
    const sides = [appearance.width, appearance.height].map((side) => Math.max(1, Math.round(side * zoom)));
    const field = strokeField(logits, set.model.about.size, appearance);
    const [left, top, scale] = place(field, set.model.about.size, appearance, zoom, sides);
    const path = outline(field);
    const fill = ([r, g, b, a]) => [colour([r, g, b]), a / 255];
    const [[ink, inkAlpha], [paper, paperAlpha]] = [fill(appearance.ink), fill(appearance.paper)];
    if (format === "svg") {
      const [width, height] = sides;
      const opacity = (alpha) => (alpha === 1 ? "" : ` fill-opacity='${alpha.toFixed(3)}'`);
      const sheet = paperAlpha ? `<rect width='${width}' height='${height}' fill='${paper}'${opacity(paperAlpha)}/>` : "";
      const text =
        `<svg xmlns='http://www.w3.org/2000/svg' width='${width}' height='${height}' viewBox='0 0 ${width} ${height}'>` +
        `${sheet}<path transform='matrix(${scale} 0 0 ${scale} ${left.toFixed(3)} ${top.toFixed(3)})' ` +
        `fill-rule='evenodd' fill='${ink}'${opacity(inkAlpha)} d='${path}'/></svg>\n`;
      return new Blob([text], { type: "image/svg+xml" });
    }
    const canvas = new OffscreenCanvas(...sides);
    const context = canvas.getContext("2d");
    if (paperAlpha) {
      context.fillStyle = paper;
      context.fillRect(0, 0, ...sides);
    }
    context.setTransform(scale, 0, 0, scale, left, top);
    context.globalAlpha = inkAlpha;
    context.fillStyle = ink;
    context.fill(new Path2D(path), "evenodd");
    return canvas.convertToBlob({ type: "image/png" });
  },

  async energy({ model, exemplars, seed, drawing }) {
    const chosen = await modelOf(model);
    const [measured, ...given] = await Promise.all([drawing, ...exemplars].map((one) => exemplarOf(one, chosen.about)));
    return chosen.energies(given, measured, seed, () => load(site, [chosen.about.likelihood]));
  },
};

/** A model, without a name the first one, and its runtime, loaded once. */
async function modelOf(name) {
  site ??= await siteOf();
  const about = site.models.find((one) => one.name === name) ?? site.models[0];
  if (!models.has(about.name)) {
    const progress = (done, total) => self.postMessage({ progress: [done, total] });
    models.set(about.name, Model.load(site, about, progress));
    models.get(about.name).catch(() => models.delete(about.name)); // so that it is tried again
  }
  return models.get(about.name);
}

/** Does everything once, so that the first stroke's drawings come as fast as later ones; returns their logits. */
async function rehearse(model, attempts = undefined) {
  const canvas = new OffscreenCanvas(320, 320);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.lineWidth = 11;
  context.stroke(new Path2D("M90 70L100 240L220 220M200 60L110 110"));
  const { drawing, appearance } = takeIn(context.getImageData(0, 0, 320, 320), model.about.size, "dark");
  const { finished } = await model.draw({ exemplars: [{ drawing }], seed: 0, temperature: 1 }, 0, BLOCK, attempts);
  outline(strokeField(finished[0], model.about.size, appearance));
  return finished;
}

/** Again, for as long as nobody waits for anything. */
function rehearsals(model, rounds) {
  if (!rounds) return;
  turn = turn.then(async () => {
    await new Promise((resolve) => setTimeout(resolve));
    if (!waiting) await rehearse(model).catch(console.error);
    rehearsals(model, rounds - 1);
  });
}

/** What a recipe asks for; the last ones are kept. */
async function setOf(recipe) {
  const key = JSON.stringify(recipe);
  const kept = sets.get(key);
  sets.delete(key);
  const set = kept ?? (await freshSet(recipe));
  sets.set(key, set);
  if (sets.size > KEPT) sets.delete(sets.keys().next().value);
  return set;
}

async function freshSet({ model: name, exemplars: given, seed, temperature }) {
  const model = await modelOf(name);
  const exemplars = await Promise.all((given ?? []).map((one) => exemplarOf(one, model.about)));
  const appearance = exemplars[0]?.appearance ?? plain(model.about.size);
  return { model, exemplars, appearance, seed: seed ?? 0, temperature: temperature ?? model.about.temperature, finished: new Map() };
}

/** A picture taken in; the last ones are kept. */
async function exemplarOf({ image, ink }, { size }) {
  const key = `${size} ${ink} ${image}`;
  const exemplar = exemplars.get(key) ?? takeIn(await pixelsOf(image), size, ink);
  exemplars.delete(key);
  exemplars.set(key, exemplar);
  if (exemplars.size > MOST) exemplars.delete(exemplars.keys().next().value);
  return exemplar;
}

async function pixelsOf(image) {
  const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes]), options);
  } catch {
    throw new UserError("The image cannot be read. Use a PNG, JPEG, WebP or GIF file.");
  }
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Drawings of a set, whose logits and appearance it keeps. */
async function block(set, start, n) {
  const made = await set.model.draw(set, start, n);
  made.finished.forEach((logits, k) => {
    const appearance = sized(set.appearance, logits, set.model.about.size, made.sizes[k]);
    set.finished.set(start + k, { logits, appearance });
  });
  return made;
}

/** The logits and the appearance of a finished drawing, made again if they are no longer kept. */
async function finished(set, number) {
  if (!set.finished.has(number - 1)) await block(set, Math.floor((number - 1) / BLOCK) * BLOCK, BLOCK);
  return set.finished.get(number - 1);
}

const colour = ([red, green, blue]) => `#${[red, green, blue].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

/** What a transparent sheet is shown on. */
const ground = (ink) => (0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2] > 150 ? [34, 36, 40] : [255, 255, 255]);
