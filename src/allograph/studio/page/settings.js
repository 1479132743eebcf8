/** The number of drawings, model, temperature and seed. */

import { $, make } from "./dom.js";

const NUMBERS = [4, 8, 16, 32, 64];
const MAX_SEED = 2 ** 32;

export class Settings {
  #models = [];
  #changed;

  /** `changed` is called whenever a setting changes. */
  constructor(changed) {
    this.#changed = changed;
    $("n").append(...NUMBERS.map((n) => make("option", { value: n, selected: n === 16 }, String(n))));
    $("settings").addEventListener("submit", (event) => event.preventDefault());
    for (const id of ["n", "seed"]) $(id).addEventListener("change", () => changed());
    $("temperature").addEventListener("input", () => this.#showTemperature());
    $("temperature").addEventListener("change", () => changed());
    $("model").addEventListener("change", () => {
      this.#modelChanged();
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
    this.#modelChanged();
  }

  get model() {
    return this.#models.find(({ name }) => name === $("model").value) ?? this.#models[0];
  }

  get n() {
    return Number($("n").value);
  }

  /** The part of a recipe that the settings decide. */
  get recipe() {
    return { model: this.model.name, seed: this.#seed, temperature: Number($("temperature").value) };
  }

  get #seed() {
    const seed = Math.floor(Number($("seed").value));
    const valid = Number.isFinite(seed) && seed >= 0 && seed < MAX_SEED;
    if (!valid) $("seed").value = 0;
    return valid ? seed : 0;
  }

  #modelChanged() {
    if (this.model) $("temperature").value = this.model.temperature;
    this.#showTemperature();
  }

  #showTemperature() {
    $("temperature-value").textContent = Number($("temperature").value).toFixed(2);
  }
}
