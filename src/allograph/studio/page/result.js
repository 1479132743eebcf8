/** One of the new drawings, large, and what can be done with it. */

import { $, fit, save } from "./dom.js";

export class Result {
  #growth = null;
  #index = 0;

  /**
   * `actions` take the index of a drawing: `png` and `svg` give its file, `exemplar`, `add`, `collect` and `judge` use
   * it; `wrong` takes errors.
   */
  constructor(actions) {
    const dialog = $("result");
    const bind = (id, action, close = true) =>
      $(id).addEventListener("click", async () => {
        try {
          if (close) dialog.close();
          await action(this.#index);
        } catch (error) {
          actions.wrong(error);
        }
      });
    bind("result-exemplar", actions.exemplar);
    bind("result-add", actions.add);
    bind("result-collect", actions.collect);
    bind("result-judge", actions.judge);
    for (const format of ["png", "svg"]) {
      bind(
        `result-${format}`,
        async (index) => save(await actions[format](index), `${this.#name}.${format}`),
        false,
      );
    }
    $("result-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move && this.#growth) this.#turn((this.#index + move + this.#growth.n) % this.#growth.n);
    });
  }

  get #name() {
    return `drawing-${String(this.#index + 1).padStart(3, "0")}`;
  }

  open(growth, index, conditional) {
    this.#growth = growth;
    $("result-svg").hidden = !growth.inked;
    for (const id of ["result-exemplar", "result-add"]) $(id).hidden = !conditional;
    $("result").showModal();
    this.#turn(index);
  }

  refresh() {
    if ($("result").open) this.#turn(this.#index);
  }

  #turn(index) {
    this.#index = index;
    $("result-title").textContent = `Drawing ${index + 1} of ${this.#growth.n}`;
    const canvas = $("result-canvas");
    const side = fit(canvas);
    this.#growth.paint(canvas.getContext("2d"), side, index, this.#growth.steps, 1);
  }
}
