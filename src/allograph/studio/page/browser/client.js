/**
 * Takes the place of the studio's server (see server.js, which says what the methods do): a worker draws, in the browser,
 * and nothing is sent anywhere. `?backend=wasm` or `?backend=webgpu` in the page's address chooses how; `?backend=race`
 * lets a GPU that the processor emulates take part in the choice.
 */

import { UserError } from "../dom.js";
import { race } from "./backend.js";
import { Engine } from "./engine.js";
import { zipped } from "./zip.js";

const CALM = 3000; // milliseconds after the first drawings and their outlines

export class Browser {
  #engine;
  #tell;
  #describe;
  #forced = new URLSearchParams(location.search).get("backend");
  #refuse = () => {};
  #chosen = ["wasm", "webgpu"].includes(this.#forced);
  #calm = null;

  /** `tell` is called with a line of text while the models are loaded, `describe` with one that says what draws and why. */
  constructor(tell = () => {}, describe = () => {}) {
    this.#tell = tell;
    this.#describe = describe;
    const backend = this.#forced === "webgpu" ? "webgpu" : "wasm";
    this.#use(new Engine(backend, tell), this.#chosen ? "the page's address asks for it" : "it is ready at once");
  }

  async models() {
    const models = await this.#ask("models");
    this.#stay();
    return models;
  }

  inspect(picture, signal) {
    return this.#ask("inspect", [picture], signal);
  }

  async write(recipe, n, signal) {
    const drawings = await this.#ask("write", [recipe, n], signal);
    this.#chooseWhenCalm();
    return drawings;
  }

  async outlines(set, numbers, signal) {
    const traced = await this.#ask("outlines", [set, numbers], signal);
    this.#chooseWhenCalm();
    return traced;
  }

  picture(set, number, { format = "png", size = null } = {}) {
    return this.#ask("picture", [set, number, format, size]);
  }

  energy(request, signal) {
    return this.#ask("energy", [request], signal);
  }

  async collection(classes) {
    return zipped(classes);
  }

  close() {
    this.#engine.close();
  }

  /** Where WebGPU fails, WebAssembly answers. */
  async #ask(method, given = [], signal = undefined) {
    const engine = this.#engine;
    try {
      return await engine.ask(method, given, signal);
    } catch (error) {
      if (engine.backend === "wasm" || error.name === "AbortError" || error instanceof UserError) throw error;
      this.#giveUp(engine, error);
      return this.#ask(method, given, signal);
    }
  }

  #chooseWhenCalm() {
    clearTimeout(this.#calm);
    if (!this.#chosen) this.#calm = setTimeout(() => this.#choose(), CALM);
  }

  async #choose() {
    this.#chosen = true;
    const wasm = this.#engine;
    const { engine, why, refuse } = await race(wasm, this.#forced === "race");
    if (engine) {
      this.#refuse = refuse;
      wasm.retire();
    }
    this.#use(engine ?? wasm, why);
  }

  #use(engine, why) {
    this.#engine = engine;
    if (engine.backend === "webgpu") engine.onFailure = (error) => this.#giveUp(engine, error);
    const name = { wasm: "WebAssembly", webgpu: "WebGPU" }[engine.backend];
    this.#describe(`${name} makes the drawings: ${why}.`);
  }

  #giveUp(engine, { message }) {
    if (engine !== this.#engine) return;
    const why = `WebGPU failed: ${message}`;
    this.#refuse(why);
    engine.close();
    this.#use(new Engine("wasm", this.#tell), why);
  }

  /** Keeps the site for when there is no network. */
  #stay() {
    const script = new URL("../sw.js", import.meta.url);
    navigator.serviceWorker?.register(script).catch(() => {}); // the page works without, but not offline
  }
}
