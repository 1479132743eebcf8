/** A worker that draws with one backend, "wasm" or "webgpu": `ask` it for what worker.js can do. */

import { UserError } from "../dom.js";

const MEGABYTE = 1e6;

export class Engine {
  /** Called with an error after which the worker is of no use. */
  onFailure = () => {};
  #worker;
  #asked = new Map();
  #count = 0;
  #retired = false;

  /** `tell` is called with a line of text while files are loaded. */
  constructor(backend, tell = () => {}) {
    this.backend = backend;
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: backend });
    this.#worker.addEventListener("message", ({ data: { id, result, error, kind, progress, lost } }) => {
      if (progress) {
        const [done, total] = progress.map((bytes) => (bytes / MEGABYTE).toFixed(1));
        tell(`Loading ${done} of ${total} MB`);
        return;
      }
      if (lost) {
        this.#fail(new Error(lost));
        return;
      }
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(kind === "UserError" ? new UserError(error) : Object.assign(new Error(error), { name: kind }));
      this.#rest();
    });
    const broken = "The model could not be loaded. Reload the page, in a newer browser if this one is old.";
    this.#worker.addEventListener("error", () => this.#fail(backend === "wasm" ? new UserError(broken) : new Error(broken)));
  }

  ask(method, given = [], signal = undefined) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new DOMException("aborted", "AbortError"));
        return;
      }
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, given });
      signal?.addEventListener("abort", () => {
        if (!this.#asked.delete(id)) return;
        this.#worker.postMessage({ id, method: "forget" });
        reject(new DOMException("aborted", "AbortError"));
        this.#rest();
      });
    });
  }

  /** Ends the worker once it has answered what it was asked. */
  retire() {
    this.#retired = true;
    this.#rest();
  }

  close() {
    this.#worker.terminate();
  }

  #rest() {
    if (this.#retired && !this.#asked.size) this.close();
  }

  #fail(error) {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
    this.onFailure(error);
  }
}
