/** The dialog that shows one drawing, with actions for it. */

import { $, fit, save } from "./dom.js";

export class Result {
  #drawings = null;
  #index = 0;

  /**
   * `actions` take the index of a drawing: `png` and `svg` return its file, `exemplar`, `add`, `collect` and `measure`
   * use it. `showError` takes errors.
   */
  constructor(actions, showError) {
    const dialog = $("result");
    const bind = (id, action, close = true) =>
      $(id).addEventListener("click", async () => {
        try {
          if (close) dialog.close();
          await action(this.#index);
        } catch (error) {
          showError(error);
        }
      });
    bind("result-exemplar", actions.exemplar);
    bind("result-add", actions.add);
    bind("result-collect", actions.collect);
    bind("result-measure", actions.measure);
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
      if (move && this.#drawings) this.#turn((this.#index + move + this.#drawings.n) % this.#drawings.n);
    });
  }

  get #name() {
    return `drawing-${String(this.#index + 1).padStart(3, "0")}`;
  }

  open(drawings, index, conditional) {
    this.#drawings = drawings;
    $("result-svg").hidden = !drawings.inked;
    for (const id of ["result-exemplar", "result-add"]) $(id).hidden = !conditional;
    $("result").showModal();
    this.#turn(index);
  }

  refresh() {
    if ($("result").open) this.#turn(this.#index);
  }

  #turn(index) {
    this.#index = index;
    $("result-title").textContent = `Drawing ${index + 1} of ${this.#drawings.n}`;
    const canvas = $("result-canvas");
    const side = fit(canvas);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    this.#drawings.paint(context, [{ index, x: 0, y: 0, side }], this.#drawings.steps, 1);
  }
}
