/**
 * Takes the place of the studio's server (see server.js, which says what the methods do): a worker draws, in the browser,
 * and nothing is sent anywhere.
 */

import { UserError } from "../dom.js";
import { zipped } from "./zip.js";

const MEGABYTE = 1e6;

export class Browser {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #asked = new Map();
  #count = 0;

  /** `tell` is called with a line of text while the models are loaded. */
  constructor(tell = () => {}) {
    this.#worker.addEventListener("message", ({ data: { id, result, error, user, progress } }) => {
      if (progress) {
        const [done, total] = progress.map((bytes) => (bytes / MEGABYTE).toFixed(1));
        tell(`Loading ${done} of ${total} MB`);
        return;
      }
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(user ? new UserError(error) : new Error(error));
    });
    this.#worker.addEventListener("error", () => {
      const error = new UserError("The model could not be loaded. Reload the page, in a newer browser if this one is old.");
      for (const { reject } of this.#asked.values()) reject(error);
      this.#asked.clear();
    });
  }

  async models() {
    const models = await this.#ask("models");
    this.#stay();
    return models;
  }

  inspect(picture, signal) {
    return this.#ask("inspect", [picture], signal);
  }

  write(recipe, n, signal) {
    return this.#ask("write", [recipe, n], signal);
  }

  outlines(set, numbers, signal) {
    return this.#ask("outlines", [set, numbers], signal);
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
    this.#worker.terminate();
  }

  #ask(method, given = [], signal = undefined) {
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
      });
    });
  }

  /** Keeps the site for when there is no network. */
  #stay() {
    const script = new URL("../sw.js", import.meta.url);
    navigator.serviceWorker?.register(script).catch(() => {}); // the page works without, but not offline
  }
}
