/** How improbable the model finds a second drawing, given the exemplars and without them. */

import * as api from "./server.js";
import { $, make } from "./dom.js";
import { Pad } from "./pad.js";

export class Numbers {
  #order;
  #wrong;
  #asked = null;
  pad;

  /** `order` gives the model, the seed and the exemplars. */
  constructor(order, wrong) {
    this.#order = order;
    this.#wrong = wrong;
    this.pad = new Pad($("second"), () => this.refresh());
    $("second-clear").addEventListener("click", () => this.pad.clear());
  }

  /** Measures a picture. */
  judge(picture) {
    this.pad.show({ strokes: [], picture });
    this.refresh();
    $("numbers").scrollIntoView({ block: "nearest" });
  }

  /** Measures again: the second drawing, or the exemplars, have changed. */
  async refresh() {
    this.#asked?.abort();
    const { empty } = this.pad;
    $("second-hint").hidden = !empty;
    $("second-clear").disabled = empty;
    $("second").setAttribute("aria-label", `Drawing area for a second drawing${empty ? ", empty" : ""}`);
    if (empty) {
      this.#clear();
      return;
    }
    const { model, seed, exemplars } = this.#order();
    const drawing = { image: this.pad.encode(), ink: this.pad.own ? "dark" : "auto" };
    this.#asked = new AbortController();
    try {
      this.#show(await api.energy({ model, seed, exemplars, drawing }, this.#asked.signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#clear();
      this.#wrong(error);
    }
  }

  #show({ given, without, samples }) {
    const main = given ?? without;
    const nats = (value) => (value === null ? "∞" : value.toFixed(1));
    const figures = [[nats(without.free_energy), given ? "without it" : "nats"]];
    if (given) {
      figures.unshift([nats(given.free_energy), "nats, exemplar given"]);
      const gain = without.free_energy - given.free_energy;
      figures.push([`${gain >= 0 ? "−" : "+"}${nats(Math.abs(gain))}`, gain >= 0 ? "saved by it" : "more with it"]);
    }
    const list = make(
      "dl",
      { className: "big" },
      ...figures.map(([value, label]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))),
    );
    // The help leaves when the figures come: the page never gets shorter under the drawing hand.
    $("numbers-help").hidden = true;
    $("energy").replaceChildren(list);
    $("steps").replaceChildren(bars(main.kl), detail(main, samples));
  }

  #clear() {
    $("numbers-help").hidden = false;
    $("energy").replaceChildren();
    $("steps").replaceChildren();
  }
}

/** Nats of each step as bars. */
function bars(kl) {
  const most = Math.max(...kl, 1e-9);
  const columns = kl.map((value, index) => {
    const bar = make("span", { className: "bar" });
    bar.style.height = `${Math.max(1, (100 * value) / most)}%`;
    const label = make("span", { className: "unseen" }, `Step ${index + 1}: ${value.toFixed(1)} nats`);
    return make("li", { title: `Step ${index + 1}: ${value.toFixed(1)} nats` }, bar, label);
  });
  return make("ol", { className: "bars", "aria-label": "Nats of each step" }, ...columns);
}

function detail({ kl, distortion }, samples) {
  const sum = kl.reduce((total, value) => total + value, 0);
  const text = `Bars: what each of ${kl.length} steps has to be told, ${sum.toFixed(1)} nats in all; what is left for the
    pixels: ${distortion === null ? "∞" : distortion.toFixed(1)}. Means of ${samples} draws.`;
  return make("p", { className: "quiet" }, text.replace(/\s+/g, " "));
}
