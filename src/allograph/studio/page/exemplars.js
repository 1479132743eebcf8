/** The exemplars of one symbol; one of them is on the pad. */

import { $, make } from "./dom.js";

export class Exemplars {
  #pad;
  #changed;
  #all = [{ state: undefined, data: null }];
  #active = 0;
  #concept = 0;

  /** `changed` is called when the exemplars change. The pad calls `update` when its drawing changes. */
  constructor(pad, changed) {
    this.#pad = pad;
    this.#changed = changed;
  }

  /** The number of the current symbol; an empty pad starts the next one. */
  get concept() {
    return this.#concept;
  }

  /** The exemplars as requests carry them. */
  get list() {
    return this.#filled.map(({ data, own }) => ({ image: data, ink: own ? "dark" : "auto" }));
  }

  /** The index in `list` of the exemplar on the pad, or -1. */
  get shownIndex() {
    return this.#filled.indexOf(this.#all[this.#active]);
  }

  /** Whether all are strokes in the page's ink colour, without a picture's colours. */
  get own() {
    return this.#filled.every(({ own }) => own);
  }

  get #filled() {
    return this.#all.filter(({ data }) => data);
  }

  /** Takes over what is on the pad. */
  update() {
    const own = this.#all[this.#active];
    own.state = this.#pad.state;
    own.data = this.#pad.empty ? null : this.#pad.encode();
    own.own = this.#pad.own;
    if (!this.#filled.length) this.#concept++;
    this.#render();
    this.#changed();
  }

  /** Puts a picture on the pad; of the same symbol, so that its drawings are collected in the same class, or of another. */
  replace(picture, sameSymbol = false) {
    if (!sameSymbol && this.#all.length === 1) this.#concept++;
    this.#pad.show({ strokes: [], picture });
    this.update();
  }

  /** Adds an exemplar: a picture, or an empty pad to draw on. */
  add(picture = null) {
    const empty = this.#all.findIndex(({ data }) => !data);
    if (empty >= 0) this.#active = empty;
    else this.#active = this.#all.push({ state: undefined, data: null }) - 1;
    this.#pad.show(picture ? { strokes: [], picture } : undefined);
    if (picture) this.update();
    else this.#render();
  }

  /** Removes all exemplars. */
  clear() {
    this.#all = [{ state: undefined, data: null }];
    this.#active = 0;
    this.#pad.show();
    this.update();
  }

  #choose(index) {
    this.#active = index;
    this.#pad.show(this.#all[index].state);
    this.#render();
  }

  #remove(index) {
    this.#all.splice(index, 1);
    if (!this.#all.length) this.#all.push({ state: undefined, data: null });
    if (this.#active >= index) this.#active = Math.max(0, this.#active - 1);
    this.#pad.show(this.#all[this.#active].state);
    this.#render();
    this.#changed();
  }

  #render() {
    const strip = $("exemplars");
    $("context").hidden = !this.#filled.length && this.#all.length === 1;
    const items = this.#all.map(({ data }, index) => {
      const inside = data
        ? make("img", { src: `data:image/png;base64,${data}`, alt: "" })
        : make("span", { className: "blank" });
      const chosen = index === this.#active;
      const label = `Exemplar ${index + 1}${data ? "" : ", empty"}`;
      const pick = make("button", { type: "button", className: "thumb", "aria-label": label }, inside);
      pick.setAttribute("aria-pressed", String(chosen));
      pick.addEventListener("click", () => this.#choose(index));
      const item = make("li", {}, pick);
      if (this.#all.length > 1) {
        const drop = make("button", { type: "button", className: "drop", "aria-label": `Remove ${label}` }, "×");
        drop.addEventListener("click", () => this.#remove(index));
        item.append(drop);
      }
      return item;
    });
    const more = make("button", { type: "button", className: "thumb more", "aria-label": "Draw another exemplar" }, "+");
    more.addEventListener("click", () => {
      this.add();
      $("pad").focus();
    });
    const full = this.#all.some(({ data }) => !data) || this.#all.length >= 8;
    strip.replaceChildren(...items, ...(full ? [] : [make("li", {}, more)]));
  }
}
