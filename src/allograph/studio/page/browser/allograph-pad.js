/**
 * <allograph-pad>: draw a symbol, get new drawings of it, on any page.
 *
 *     <script src="https://SITE/allograph-pad.js" defer></script>
 *     <allograph-pad n="8" seed="0" label="Draw a letter"></allograph-pad>
 *
 * Attributes: `n`, how many drawings (8); `seed` (0); `label`, its name for screen readers.
 * Events, each with a `detail`: `ready`; `drawings` { size, seed, outlines: [{ number, path }] }, SVG path data in a square
 * of `size`, by the even-odd rule; `choose` { number, size, path, png }, a drawing was clicked, `png` a Blob; `clear`;
 * `problem` { message }. Method: `clear()`.
 */

(() => {
  // No module: other sites' pages may load a plain script from a host that says nothing of them.
  const PAGE = new URL("./pad.html", document.currentScript.src);

  const STYLE = new CSSStyleSheet();
  STYLE.replaceSync(`
    :host { display: block; height: 360px }
    iframe { border: 0; width: 100%; height: 100% }
  `);

  class AllographPad extends HTMLElement {
    static observedAttributes = ["n", "seed", "label"];
    #frame = document.createElement("iframe");

    constructor() {
      super();
      this.attachShadow({ mode: "open" }).append(this.#frame);
      this.shadowRoot.adoptedStyleSheets = [STYLE]; // a page's policy may refuse <style>
      this.hear = (event) => {
        if (event.source !== this.#frame.contentWindow || event.data?.source !== "allograph-pad") return;
        this.dispatchEvent(new CustomEvent(event.data.type, { detail: event.data.detail, bubbles: true }));
      };
    }

    connectedCallback() {
      addEventListener("message", this.hear);
      this.#load();
    }

    disconnectedCallback() {
      removeEventListener("message", this.hear);
    }

    attributeChangedCallback(name, before, after) {
      if (this.isConnected && before !== after) this.#load();
    }

    /** Empties the pad. */
    clear() {
      this.#frame.contentWindow?.postMessage({ target: "allograph-pad", type: "clear" }, PAGE.origin);
    }

    #load() {
      const page = new URL(PAGE);
      for (const name of ["n", "seed"]) if (this.hasAttribute(name)) page.searchParams.set(name, this.getAttribute(name));
      this.#frame.title = this.getAttribute("label") ?? "Draw a symbol";
      if (this.#frame.src !== page.href) this.#frame.src = page.href;
    }
  }

  if (!customElements.get("allograph-pad")) customElements.define("allograph-pad", AllographPad);
})();
