/** Number of drawings, temperature, seed and model. */

import { $, make } from "./dom.js";

const NUMBERS = [4, 8, 16, 32, 64];
const MAX_SEED = 2 ** 32;

export class Settings {
  #models = [];
  #changed;

  /** `changed` is called after every choice. */
  constructor(changed) {
    this.#changed = changed;
    $("n").append(...NUMBERS.map((n) => make("option", { value: n, selected: n === 16 }, String(n))));
    $("settings").addEventListener("submit", (event) => event.preventDefault());
    for (const id of ["n", "seed"]) $(id).addEventListener("change", () => changed());
    $("temperature").addEventListener("input", () => this.#say());
    $("temperature").addEventListener("change", () => changed());
    $("model").addEventListener("change", () => {
      this.#fresh();
      changed();
    });
    $("again").addEventListener("click", () => changed());
    $("new-seed").addEventListener("click", () => {
      $("seed").value = Math.floor(Math.random() * MAX_SEED);
      changed();
    });
  }

  /** Shows the models to choose from. */
  offer(models) {
    this.#models = models;
    $("model").replaceChildren(...models.map(({ name }) => make("option", { value: name }, name)));
    this.#fresh();
  }

  get model() {
    return this.#models.find(({ name }) => name === $("model").value) ?? this.#models[0];
  }

  get n() {
    return Number($("n").value);
  }

  /** What every request says. */
  get order() {
    return { model: this.model.name, seed: this.#seed, temperature: Number($("temperature").value) };
  }

  get #seed() {
    const seed = Math.floor(Number($("seed").value));
    const fine = Number.isFinite(seed) && seed >= 0 && seed < MAX_SEED;
    if (!fine) $("seed").value = 0;
    return fine ? seed : 0;
  }

  #fresh() {
    if (this.model) $("temperature").value = this.model.temperature;
    this.#say();
  }

  #say() {
    $("temperature-value").textContent = Number($("temperature").value).toFixed(2);
  }
}
