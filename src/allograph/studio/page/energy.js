/** The free energy of a second drawing, given the exemplars and without them. */

import { $, make } from "./dom.js";
import { Pad } from "./pad.js";

export class EnergyPanel {
  #server;
  #recipe;
  #showError;
  #pending = null;
  pad;

  /** `recipe` returns the current recipe, see server.js. */
  constructor(server, recipe, showError) {
    this.#server = server;
    this.#recipe = recipe;
    this.#showError = showError;
    this.pad = new Pad($("second"), () => this.refresh());
    $("second-clear").addEventListener("click", () => this.pad.clear());
  }

  /** Measures a picture. */
  measure(picture) {
    this.pad.show({ strokes: [], picture });
    this.refresh();
    $("measure").scrollIntoView({ block: "nearest" });
  }

  /** Measures again after the second drawing, the exemplars or a setting changed. */
  async refresh() {
    this.#pending?.abort();
    const { empty } = this.pad;
    $("second-hint").hidden = !empty;
    $("second-clear").disabled = empty;
    $("second").setAttribute("aria-label", `Drawing area for a second drawing${empty ? ", empty" : ""}`);
    if (empty) {
      this.#clear();
      return;
    }
    const { model, seed, exemplars } = this.#recipe();
    const drawing = { image: this.pad.encode(), ink: this.pad.own ? "dark" : "auto" };
    this.#pending = new AbortController();
    try {
      this.#show(await this.#server.energy({ model, seed, exemplars, drawing }, this.#pending.signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#clear();
      this.#showError(error);
    }
  }

  #show({ given, without, samples }) {
    const main = given ?? without;
    const nats = (value) => (value === null ? "∞" : value.toFixed(1));
    const figures = [[nats(without.free_energy), given ? "nats without it" : "nats"]];
    if (given) {
      figures.unshift([nats(given.free_energy), "nats with exemplar"]);
      const difference = given.free_energy - without.free_energy;
      figures.push([`${difference < 0 ? "−" : "+"}${nats(Math.abs(difference))}`, "difference"]);
    }
    const list = make(
      "dl",
      { className: "big" },
      ...figures.map(([value, label]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))),
    );
    // The figures replace the help text, so that the page does not move while the user draws.
    $("energy-help").hidden = true;
    $("energy").replaceChildren(list);
    $("steps").replaceChildren(bars(main.kl), detail(main, samples));
  }

  #clear() {
    $("energy-help").hidden = false;
    $("energy").replaceChildren();
    $("steps").replaceChildren();
  }
}

/** The KL divergence of each step as a bar chart. */
function bars(kl) {
  const most = Math.max(...kl, 1e-9);
  const columns = kl.map((value, index) => {
    const bar = make("span", { className: "bar" });
    bar.style.height = `${Math.max(1, (100 * value) / most)}%`;
    const label = make("span", { className: "visually-hidden" }, `Step ${index + 1}: ${value.toFixed(1)} nats`);
    return make("li", { title: `Step ${index + 1}: ${value.toFixed(1)} nats` }, bar, label);
  });
  return make("ol", { className: "bars", "aria-label": "KL divergence of each step" }, ...columns);
}

function detail({ kl, distortion }, samples) {
  const sum = kl.reduce((total, value) => total + value, 0);
  const text = `The bars show the KL divergence of each of the ${kl.length} steps, ${sum.toFixed(1)} nats in total. The distortion is
    ${distortion === null ? "∞" : distortion.toFixed(1)} nats. All values are averages over ${samples} samples.`;
  return make("p", { className: "quiet" }, text.replace(/\s+/g, " "));
}
