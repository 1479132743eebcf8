/** The drawings of one symbol that the model is shown; one of them lies on the pad. */

import { $, make } from "./dom.js";

export class Exemplars {
  #pad;
  #changed;
  #all = [{ state: undefined, data: null }];
  #active = 0;
  #concept = 0;

  /** `changed` is called when there is another set of exemplars; pads call `take` when they changed. */
  constructor(pad, changed) {
    this.#pad = pad;
    this.#changed = changed;
  }

  /** Number of the symbol that is drawn: another one begins with an empty sheet. */
  get concept() {
    return this.#concept;
  }

  /** What requests say of them. */
  get list() {
    return this.#filled.map(({ data, own }) => ({ image: data, ink: own ? "dark" : "auto" }));
  }

  /** Which of `list` is on the pad; -1: none. */
  get shown() {
    return this.#filled.indexOf(this.#all[this.#active]);
  }

  /** Whether all are ink of the page's own, without colours that drawings should have. */
  get own() {
    return this.#filled.every(({ own }) => own);
  }

  get #filled() {
    return this.#all.filter(({ data }) => data);
  }

  /** The pad has changed. */
  take() {
    const own = this.#all[this.#active];
    own.state = this.#pad.state;
    own.data = this.#pad.empty ? null : this.#pad.encode();
    own.own = this.#pad.own;
    if (!this.#filled.length) this.#concept++;
    this.#render();
    this.#changed();
  }

  /** A picture takes the pad's place; `same`: it shows the same symbol, so what was collected before is of its class. */
  replace(picture, same = false) {
    if (!same && this.#all.length === 1) this.#concept++;
    this.#pad.show({ strokes: [], picture });
    this.take();
  }

  /** A further exemplar: a picture, or an empty sheet. */
  add(picture = null) {
    const vacant = this.#all.findIndex(({ data }) => !data);
    if (vacant >= 0) this.#active = vacant;
    else this.#active = this.#all.push({ state: undefined, data: null }) - 1;
    this.#pad.show(picture ? { strokes: [], picture } : undefined);
    if (picture) this.take();
    else this.#render();
  }

  /** Back to one empty sheet. */
  clear() {
    this.#all = [{ state: undefined, data: null }];
    this.#active = 0;
    this.#pad.show();
    this.take();
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
    const more = make("button", { type: "button", className: "thumb more", "aria-label": "Draw one more exemplar" }, "+");
    more.addEventListener("click", () => {
      this.add();
      $("pad").focus();
    });
    const full = this.#all.some(({ data }) => !data) || this.#all.length >= 8;
    strip.replaceChildren(...items, ...(full ? [] : [make("li", {}, more)]));
  }
}
