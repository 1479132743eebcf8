/** The page inside an <allograph-pad>: a pad, new drawings of what is on it, and messages to the page around it. */

import { $, make, onAppearance } from "../dom.js";
import { Pad } from "../pad.js";
import { Browser } from "./client.js";

const asked = new URLSearchParams(location.search);
const n = Math.min(64, Math.max(1, Number(asked.get("n")) || 8));
const seed = Math.max(0, Math.floor(Number(asked.get("seed")) || 0));
const SIZE = 256;

const tell = (type, detail = {}) => parent.postMessage({ source: "allograph-pad", type, detail }, "*");
const status = (text) => ($("status").textContent = text);
const source = new Browser(status);
let pending = new AbortController();

const pad = new Pad($("pad"), () => draw());

async function draw() {
  pending.abort();
  pending = new AbortController();
  const { signal } = pending;
  $("clear").disabled = pad.empty;
  $("pad").setAttribute("aria-label", `Drawing area, ${pad.empty ? "empty" : `${pad.strokes.length} strokes`}`);
  if (pad.empty) {
    $("grid").replaceChildren();
    tell("clear");
    return;
  }
  try {
    const recipe = { model, exemplars: [{ image: pad.encode(), ink: "dark" }], seed, temperature };
    const { set, size } = await source.write(recipe, n, signal);
    const numbers = Array.from({ length: n }, (_, i) => i + 1);
    const outlines = await source.outlines(set, numbers, signal);
    $("grid").replaceChildren(...outlines.map((one) => cell(set, size, one)));
    tell("drawings", { size, seed, outlines });
  } catch (error) {
    if (error.name === "AbortError") return;
    status(error.message);
    tell("problem", { message: error.message });
  }
}

function cell(set, size, { number, path }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill-rule", "evenodd");
  svg.append(shape);
  const button = make("button", { type: "button", "aria-label": `Drawing ${number}` }, svg);
  button.addEventListener("click", async () => {
    tell("choose", { number, size, path, png: await source.picture(set, number, { size: SIZE }) });
  });
  return make("li", {}, button);
}

$("clear").addEventListener("click", () => pad.clear());
addEventListener("message", ({ data }) => data?.target === "allograph-pad" && data.type === "clear" && pad.clear());
onAppearance(() => pad.paint());
pad.paint();
const [{ name: model, temperature }] = await source.models();
status("");
document.documentElement.dataset.ready = "yes";
tell("ready");
if (!pad.empty) draw();
