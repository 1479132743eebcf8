/** The studio: what happens on the page, from a stroke's end to the drawings. */

import * as api from "./server.js";
import { Collection } from "./collection.js";
import { $, make, onAppearance } from "./dom.js";
import { Exemplars } from "./exemplars.js";
import { Grid, paintLooks } from "./grid.js";
import { Growth } from "./drawings.js";
import { Numbers } from "./energy.js";
import { Pad } from "./pad.js";
import { listen, load, whiten } from "./pictures.js";
import { Player } from "./player.js";
import { Result } from "./result.js";
import { Settings } from "./settings.js";

const EXAMPLES = [
  ["thai-ko-kai", "Thai ko kai"],
  ["tamil-ka", "Tamil ka, chalk on a board"],
  ["telugu-ra", "Telugu ra"],
  ["linear-b-ka", "Linear B ka, photographed"],
  ["lao-tho", "Lao tho tam"],
  ["bopomofo-k", "Bopomofo k, pencil"],
  ["coptic-shai", "Coptic shai, red marker"],
  ["lao-nyo", "Lao nyo, white on brown"],
];
const SAVED = 1024; // pixels
const COLLECTED = { size: 256 };
const TRACED_AT_ONCE = 4;
const TRACE_AFTER = 450; // milliseconds: no drawing is traced while the next stroke follows

let asked = new AbortController();
let shownOrder = null;

const say = (text) => ($("status").textContent = text);
function wrong(error) {
  if (error.name === "AbortError") return;
  if (!(error instanceof api.Refused)) console.error(error);
  $("alert").textContent = error instanceof api.Refused ? error.message : "Something went wrong; reload the page.";
  $("alert").hidden = false;
}
const fine = () => ($("alert").hidden = true);

const pad = new Pad($("pad"), () => exemplars.take());
const exemplars = new Exemplars(pad, () => {
  describePad();
  draw();
  if (!numbers.pad.empty) numbers.refresh();
});
const grid = new Grid((index) => result.open(grid.growth, index, settings.model.conditional));
const player = new Player((time, crisp) => {
  const windows = $("windows").checked;
  grid.paint(time, crisp, windows);
  paintLooks($("looks"), windows ? grid.growth : null, exemplars.shown, time);
});
const settings = new Settings(() => {
  draw();
  if (!numbers.pad.empty) numbers.refresh();
});
const collection = new Collection(say, wrong);
const numbers = new Numbers(() => ({ ...settings.order, exemplars: given() }), wrong);
const picture = (index, rest) => api.picture(shownOrder, index + 1, rest);
const onPaper = async (index, rest) => (grid.growth.own ? whiten(await picture(index, rest)) : picture(index, rest));
const bitmap = async (index) => ({ bitmap: await createImageBitmap(await picture(index)), own: grid.growth.own });
const result = new Result({
  png: (index) => onPaper(index, { format: "png", size: SAVED }),
  svg: (index) => picture(index, { format: "svg", size: SAVED }),
  wrong,
  exemplar: async (index) => {
    const chosen = await bitmap(index);
    if (exemplars.list.length > 1) exemplars.clear();
    exemplars.replace(chosen, true);
  },
  add: async (index) => exemplars.add(await bitmap(index)),
  collect: async (index) => collection.add(exemplars.concept, [await onPaper(index, COLLECTED)]),
  judge: async (index) => numbers.judge(await bitmap(index)),
});

/** The exemplars that the model takes: none, for one that takes none. */
const given = () => (settings.model.conditional ? exemplars.list : []);

/** Asks for drawings, and shows them: first as they grow, then traced. */
async function draw() {
  asked.abort();
  fine();
  if (!settings.model) return;
  if (settings.model.conditional && !exemplars.list.length) {
    shownOrder = null;
    grid.clear();
    player.stop();
    player.refresh();
    say("");
    return;
  }
  asked = new AbortController();
  const { signal } = asked;
  const order = { ...settings.order, exemplars: given() };
  const started = performance.now();
  grid.working();
  const slow = setTimeout(() => say("Drawing …"), 250);
  try {
    const answer = await api.write(order, settings.n, signal);
    const growth = new Growth(answer, !order.exemplars.length || exemplars.own);
    shownOrder = order;
    clearTimeout(slow);
    grid.show(growth);
    player.start(growth.steps);
    const milliseconds = Math.round(performance.now() - started);
    say(`${growth.n} new drawings in ${milliseconds} ms`);
    document.documentElement.dataset.latency = milliseconds;
    if (growth.inked) await trace(growth, order, signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    grid.settled();
    say("");
    wrong(error);
  } finally {
    clearTimeout(slow);
  }
}

/** Has the finished drawings traced, a few at a time. */
async function trace(growth, order, signal) {
  await new Promise((resolve) => setTimeout(resolve, TRACE_AFTER));
  for (let first = 1; first <= growth.n && !signal.aborted; first += TRACED_AT_ONCE) {
    const last = Math.min(growth.n, first + TRACED_AT_ONCE - 1);
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    growth.finish(await api.outlines(order, numbers, signal));
    player.refresh();
    result.refresh();
  }
}

async function take(file) {
  try {
    fine();
    exemplars.replace({ bitmap: await load(file), own: false });
  } catch (error) {
    wrong(error);
  }
}

function describePad() {
  $("hint").hidden = !pad.empty;
  $("undo").disabled = pad.empty;
  $("clear").disabled = pad.empty;
  const what = pad.empty ? "empty" : pad.picture ? "with a picture" : `${pad.strokes.length} strokes`;
  $("pad").setAttribute("aria-label", `Drawing area, ${what}`);
}

for (const [file, name] of EXAMPLES) {
  const image = make("img", { src: `/examples/${file}.webp`, alt: "", width: 44, height: 44 });
  const button = make("button", { type: "button", className: "thumb", "aria-label": name, title: name }, image);
  button.addEventListener("click", async () => {
    const answer = await fetch(image.src);
    take(new File([await answer.blob()], `${file}.webp`));
  });
  $("examples").append(make("li", {}, button));
}

$("undo").addEventListener("click", () => pad.undo());
$("clear").addEventListener("click", () => pad.clear());
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) take(file);
});
$("windows").addEventListener("change", () => {
  if ($("windows").checked && player.time >= player.steps && grid.growth) player.play(1);
  else player.refresh();
});
$("pad").addEventListener("pointerdown", () => ($("hint").hidden = true));
$("second").addEventListener("pointerdown", () => ($("second-hint").hidden = true));
$("collect-all").addEventListener("click", async () => {
  try {
    const all = Array.from({ length: grid.growth.n }, (_, index) => onPaper(index, COLLECTED));
    await collection.add(exemplars.concept, await Promise.all(all));
  } catch (error) {
    wrong(error);
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing && !pad.empty) {
    event.preventDefault();
    pad.undo();
  }
});
listen($("sheet"), take);
onAppearance(() => {
  pad.paint();
  numbers.pad.paint();
  player.refresh();
  result.refresh();
});

grid.clear();
pad.paint();
numbers.pad.paint();
describePad();
try {
  settings.offer(await api.models());
  document.documentElement.dataset.ready = "yes";
  draw();
} catch (error) {
  wrong(error);
}
