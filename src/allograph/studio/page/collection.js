/** The collected drawings, by class, until the user downloads them as a ZIP file. */

import { $, make, save } from "./dom.js";

const MOST = 2000;

export class Collection {
  #classes = new Map();
  #named = 0;
  #server;
  #setStatus;

  constructor(server, setStatus, showError) {
    this.#server = server;
    this.#setStatus = setStatus;
    $("download").addEventListener("click", () => this.#download().catch(showError));
  }

  get size() {
    return [...this.#classes.values()].reduce((sum, { images }) => sum + images.length, 0);
  }

  /** Adds PNG files to the class of a symbol, each only once. */
  async add(concept, blobs) {
    const images = await Promise.all(blobs.map(base64));
    if (!this.#classes.has(concept)) this.#classes.set(concept, { name: `symbol ${++this.#named}`, images: [] });
    const own = this.#classes.get(concept);
    const fresh = images.filter((image) => !own.images.includes(image)).slice(0, MOST - this.size);
    own.images.push(...fresh);
    this.#render();
    this.#setStatus(`${fresh.length} added to ${own.name}`);
  }

  async #download() {
    const button = $("download");
    button.disabled = true;
    try {
      save(await this.#server.collection([...this.#classes.values()]), "collection.zip");
    } finally {
      button.disabled = !this.size;
    }
  }

  #render() {
    $("download").disabled = !this.size;
    $("collection-help").hidden = this.size > 0;
    $("classes").replaceChildren(...[...this.#classes].map(([concept, one]) => this.#row(concept, one)));
  }

  #row(concept, one) {
    const name = make("input", { value: one.name, maxLength: 60, spellcheck: false, "aria-label": "Name of the class" });
    name.addEventListener("change", () => {
      one.name = name.value.trim() || one.name;
      name.value = one.name;
    });
    const items = one.images.map((image, index) => {
      const picture = make("img", { src: `data:image/png;base64,${image}`, alt: "" });
      const label = `Remove drawing ${index + 1} of ${one.name}`;
      const button = make("button", { type: "button", className: "thumb", "aria-label": label, title: "Remove" }, picture);
      button.addEventListener("click", () => {
        one.images.splice(index, 1);
        if (!one.images.length) this.#classes.delete(concept);
        this.#render();
      });
      return make("li", {}, button);
    });
    const count = make("span", { className: "count" }, String(one.images.length));
    return make(
      "div",
      { className: "class" },
      make("div", { className: "class-name" }, name, count),
      make("ul", { className: "strip" }, ...items),
    );
  }
}

async function base64(blob) {
  const data = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
  return btoa(text);
}
