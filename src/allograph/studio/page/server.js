/**
 * The studio's server, and the only module that uses the network. The page needs these methods and nothing else, so
 * another source of drawings can take the server's place:
 *
 * - models(): the models to choose from, the default first, [{ name, conditional, temperature, ... }]
 * - inspect({ model, image, ink }, signal): what is found in a picture, { polarity, ink, paper, width, height, box, page,
 *   stroke_width, parts, symbols, rules, confidence, notes, marked, size, seen }: lengths in its pixels, null for what
 *   cannot be said; `marked` a Blob, `seen` the model's size x size bytes; or { refused }, a line, where no ink is found
 * - write(recipe, n, signal): n new drawings, { n, steps, size, growth, ..., set }
 * - outlines(set, numbers, signal): traced outlines as SVG path data, [{ number, path }]
 * - picture(set, number, { format, size }): a drawing as a PNG or SVG file, a Blob
 * - energy({ model, exemplars, seed, drawing }, signal): { given, without, samples }, in nats
 * - collection([{ name, images }]): a ZIP file, a Blob
 *
 * A recipe is { model, exemplars: [{ image, ink }], seed, temperature }; images are files in base64. A set stands for
 * the drawings of a recipe and is only passed back; drawings are numbered from 1. The methods throw UserError, or
 * OutdatedSet when the model has changed since the set was written, or an AbortError after signal.abort().
 */

import { sentence, UserError } from "./dom.js";

const ATTEMPTS = 4;

export class OutdatedSet extends Error {}

/** The server answers that it does not hold a drawing set. */
class SetNotHeld extends Error {}

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export class Server {
  async models() {
    return (await this.#json("models")).models;
  }

  async inspect(picture, signal) {
    try {
      const found = await this.#json("inspect", picture, signal);
      return { ...found, marked: new Blob([bytes(found.marked)]), seen: bytes(found.seen) };
    } catch (error) {
      if (error.status === 422) return { refused: error.message };
      throw error;
    }
  }

  async write(recipe, n, signal) {
    const answer = await this.#json("write", { ...recipe, n }, signal);
    return { ...answer, growth: bytes(answer.growth), set: { id: answer.drawing_set, recipe } };
  }

  async outlines(set, numbers, signal) {
    return (await (await this.#postForSet("outlines", set, { numbers }, signal)).json()).drawings;
  }

  async picture(set, number, { format = "png", size = null } = {}) {
    return (await this.#postForSet("picture", set, { number, format, size })).blob();
  }

  energy(request, signal) {
    return this.#json("energy", request, signal);
  }

  async collection(classes) {
    return (await this.#send("collection", { classes })).blob();
  }

  /** Names a set by its id; sends its recipe only if the server no longer holds it, after a restart for example. */
  async #postForSet(name, { id, recipe }, body, signal) {
    try {
      return await this.#send(name, { drawing_set: id, ...body }, signal);
    } catch (error) {
      if (!(error instanceof SetNotHeld)) throw error;
    }
    try {
      return await this.#send(name, { drawing_set: id, ...recipe, ...body }, signal);
    } catch (error) {
      throw error instanceof SetNotHeld ? new OutdatedSet() : error;
    }
  }

  async #json(name, body, signal) {
    return (await this.#send(name, body, signal)).json();
  }

  /** Posts a body, or gets without one; tries again when the server is busy. */
  async #send(name, body, signal) {
    const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    for (let attempt = 1; ; attempt++) {
      let answer;
      try {
        answer = await fetch(`./api/${name}`, { ...(body && post), signal });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new UserError("The studio does not answer. Is it still running?");
      }
      if (answer.ok) return answer;
      if (answer.status === 503 && attempt < ATTEMPTS) {
        await pause(1000 * Number(answer.headers.get("Retry-After") || 1), signal);
        continue;
      }
      if (answer.status === 410) throw new SetNotHeld();
      const { error = `the server answered ${answer.status}` } = await answer.json().catch(() => ({}));
      throw Object.assign(new UserError(sentence(error)), { status: answer.status });
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}
