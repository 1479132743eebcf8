/** The exemplars of one symbol; one of them is on the pad. Those in which no ink is found are kept, but not used. */

import { $, make } from "./dom.js";

const MOST = 8;

export class Exemplars {
  #pad;
  #changed;
  #shown;
  #all = [{ data: null }];
  #active = 0;
  #concept = 0;

  /**
   * `changed` is called when the exemplars change, `shown` when the pad shows another one, or more is known of it. The pad
   * calls `update` when its drawing changes.
   */
  constructor(pad, changed, shown) {
    this.#pad = pad;
    this.#changed = changed;
    this.#shown = shown;
  }

  /** The number of the current symbol; an empty pad starts the next one. */
  get concept() {
    return this.#concept;
  }

  /** The exemplars as requests carry them. */
  get list() {
    return this.#used.map(({ data, ink }) => ({ image: data, ink }));
  }

  /** The index in `list` of the exemplar on the pad, or -1. */
  get shownIndex() {
    return this.#used.indexOf(this.#all[this.#active]);
  }

  /** What was found in the picture on the pad, see server.js; nothing without a picture or an inspection. */
  get found() {
    return this.#all[this.#active].found;
  }

  /** The numbers of those that are not used. */
  get refused() {
    return this.#all.flatMap(({ found }, index) => (found?.refused ? [index + 1] : []));
  }

  /** How many more there may be, the one on the pad not counted. */
  get room() {
    return MOST - this.#filled.filter((one) => one !== this.#all[this.#active]).length;
  }

  /** Whether all are strokes in the page's ink colour, without a picture's colours. */
  get own() {
    return this.#used.every(({ own }) => own);
  }

  get #used() {
    return this.#filled.filter(({ found }) => !found?.refused);
  }

  get #filled() {
    return this.#all.filter(({ data }) => data);
  }

  /** Takes the content of the pad. */
  update() {
    this.#take();
    if (!this.#filled.length) this.#concept++;
    this.#render();
    this.#changed();
  }

  #take() {
    const { state, empty, own, picture } = this.#pad;
    const data = empty ? null : this.#pad.encode();
    this.#all[this.#active] = { state, data, own, ink: own ? "dark" : picture.ink };
  }

  /** Finds out what `model` sees in every picture: `look` takes { image, ink }; null for no inspection. */
  async inspect(look, model) {
    const pictures = this.#filled.filter((one) => !one.own && one.model !== model);
    await Promise.all(
      pictures.map(async (one) => {
        one.found = look && (await look({ image: one.data, ink: one.ink }));
        one.model = model;
      }),
    );
    if (pictures.length) this.#render();
  }

  /** Puts a picture on the pad; of the same symbol, so that its drawings are collected in the same class, or of another. */
  replace(picture, sameSymbol = false) {
    this.open([picture], sameSymbol);
  }

  /** Puts the first picture on the pad and adds the others, as many as there is room for. */
  open([first, ...others], sameSymbol = false) {
    if (!sameSymbol && this.#all.length === 1) this.#concept++;
    const shown = this.#active;
    for (const picture of [first, ...others]) {
      if (picture !== first) this.#makeRoom();
      this.#pad.show({ strokes: [], picture });
      this.#take();
    }
    this.#active = shown;
    this.#pad.show(this.#all[shown].state);
    this.#render();
    this.#changed();
  }

  #makeRoom() {
    const empty = this.#all.findIndex(({ data }) => !data);
    if (empty >= 0) this.#active = empty;
    else this.#active = this.#all.push({ data: null }) - 1;
  }

  /** Adds an exemplar: a picture, or an empty pad to draw on. */
  add(picture = null) {
    this.#makeRoom();
    this.#pad.show(picture ? { strokes: [], picture } : undefined);
    if (picture) this.update();
    else this.#render();
  }

  /** Removes all exemplars. */
  clear() {
    this.#all = [{ data: null }];
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
    if (!this.#all.length) this.#all.push({ data: null });
    if (this.#active >= index) this.#active = Math.max(0, this.#active - 1);
    this.#pad.show(this.#all[this.#active].state);
    this.#render();
    this.#changed();
  }

  #render() {
    const strip = $("exemplars");
    $("context").hidden = !this.#filled.length && this.#all.length === 1;
    const items = this.#all.map(({ data, found }, index) => {
      const inside = data
        ? make("img", { src: `data:image/png;base64,${data}`, alt: "" })
        : make("span", { className: "blank" });
      const chosen = index === this.#active;
      const label = `Exemplar ${index + 1}${!data ? ", empty" : found?.refused ? ", not used" : ""}`;
      const className = found?.refused ? "thumb refused" : "thumb";
      const pick = make("button", { type: "button", className, "aria-label": label }, inside);
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
    const full = this.#all.some(({ data }) => !data) || this.#all.length >= MOST;
    strip.replaceChildren(...items, ...(full ? [] : [make("li", {}, more)]));
    this.#shown();
  }
}
