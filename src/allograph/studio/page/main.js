/** The studio's page: connects the pad, the settings, the source of drawings and the results. */

import { Collection } from "./collection.js";
import { $, make, onAppearance, UserError } from "./dom.js";
import { Drawings } from "./drawings.js";
import { EnergyPanel } from "./energy.js";
import { Exemplars } from "./exemplars.js";
import { Found } from "./found.js";
import { Grid, paintReadWindows } from "./grid.js";
import { Pad } from "./pad.js";
import { load, onFiles, whiten } from "./pictures.js";
import { Player } from "./player.js";
import { Result } from "./result.js";
import { OutdatedSet } from "./server.js";
import { Settings } from "./settings.js";
import { Source } from "./source.js";

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
const OUTLINES_AT_ONCE = 4;
const OUTLINES_AFTER = 450; // milliseconds: the user may draw the next stroke

const server = new Source(
  (text) => setStatus(text),
  (text) => {
    $("backend").textContent = text;
    $("backend").hidden = false;
  },
);
let pending = new AbortController();

const setStatus = (text) => ($("status").textContent = text);
const hideError = () => ($("alert").hidden = true);
function showError(error) {
  if (error.name === "AbortError") return;
  if (error instanceof OutdatedSet) {
    draw();
    return;
  }
  if (!(error instanceof UserError)) console.error(error);
  $("alert").textContent = error instanceof UserError ? error.message : "Something went wrong. Reload the page.";
  $("alert").hidden = false;
}

const pad = new Pad($("pad"), () => exemplars.update());
const exemplars = new Exemplars(pad, draw, () => {
  describePad();
  found.show(exemplars.found);
});
const found = new Found(pad, showError);
const grid = new Grid((index) => result.open(grid.drawings, index, settings.model.conditional));
const player = new Player((time, crisp, moving) => {
  const windows = $("windows").checked;
  grid.paint(time, crisp, windows, moving);
  paintReadWindows($("read-windows"), windows ? grid.drawings : null, exemplars.shownIndex, time);
});
const settings = new Settings(draw);
const collection = new Collection(server, setStatus, showError);
/** What the next drawings are generated from; a model that takes no exemplars gets none. */
const recipe = () => ({ ...settings.recipe, exemplars: settings.model.conditional ? exemplars.list : [] });
const energy = new EnergyPanel(server, recipe, showError);
const picture = (index, options) => {
  hideError();
  return server.picture(grid.drawings.set, index + 1, options);
};
const onPaper = async (index, options) =>
  grid.drawings.own ? whiten(await picture(index, options)) : picture(index, options);
const bitmap = async (index) => ({
  bitmap: await createImageBitmap(await picture(index)),
  own: grid.drawings.own,
  ink: "auto",
});
const result = new Result(
  {
    png: (index) => onPaper(index, { format: "png", size: SAVED }),
    svg: (index) => picture(index, { format: "svg", size: SAVED }),
    exemplar: async (index) => {
      const chosen = await bitmap(index);
      if (exemplars.list.length > 1) exemplars.clear();
      exemplars.replace(chosen, true);
    },
    add: async (index) => exemplars.add(await bitmap(index)),
    collect: async (index) => collection.add(exemplars.concept, [await onPaper(index, COLLECTED)]),
    measure: async (index) => energy.measure(await bitmap(index)),
  },
  showError,
);

/** Inspects the pictures, asks for new drawings, plays them, then adds their outlines. */
async function draw() {
  pending.abort();
  hideError();
  if (!settings.model) return;
  pending = new AbortController();
  const { signal } = pending;
  const started = performance.now();
  grid.startWork();
  const slow = setTimeout(() => setStatus("Drawing …"), 250);
  try {
    await look(signal);
    if (!energy.pad.empty) energy.refresh();
    const { conditional } = settings.model;
    if (conditional && !exemplars.list.length) {
      grid.clear();
      player.refresh();
      player.stop();
      setStatus("");
      return;
    }
    const own = !conditional || exemplars.own;
    const drawings = new Drawings(await server.write(recipe(), settings.n, signal), own);
    clearTimeout(slow);
    grid.show(drawings);
    player.start(drawings.steps);
    const milliseconds = Math.round(performance.now() - started);
    setStatus(`${drawings.n} new drawings in ${milliseconds} ms`);
    document.documentElement.dataset.latency = milliseconds;
    if (drawings.inked) await addOutlines(drawings, signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    grid.endWork();
    setStatus("");
    showError(error);
  } finally {
    clearTimeout(slow);
  }
}

/** Inspects the pictures if the model takes symbols. */
async function look(signal) {
  const { name, conditional, images } = settings.model;
  const looks = conditional && ["symbols", "digits"].includes(images);
  await exemplars.inspect(looks ? (one) => server.inspect({ model: name, ...one }, signal) : null, name);
  const out = exemplars.refused;
  if (out.length && exemplars.list.length) {
    const said = $("alert").hidden ? "" : `${$("alert").textContent} `;
    showError(new UserError(`${said}Not used: exemplar ${out.join(", ")}. Choose it to see why.`));
  }
}

/** Asks for the outlines of the finished drawings, a few at a time. */
async function addOutlines(drawings, signal) {
  await new Promise((resolve) => setTimeout(resolve, OUTLINES_AFTER));
  for (let first = 1; first <= drawings.n && !signal.aborted; first += OUTLINES_AT_ONCE) {
    const last = Math.min(drawings.n, first + OUTLINES_AT_ONCE - 1);
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    drawings.addOutlines(await server.outlines(drawings.set, numbers, signal));
    player.refresh();
    result.refresh();
  }
}

/** Shows the pictures in files, all of one symbol; reports files that are no pictures, and pictures that are too many. */
async function open(files) {
  const loaded = await Promise.allSettled(files.map(load));
  const pictures = loaded.flatMap(({ value }) => value ?? []);
  const problems = loaded.flatMap(({ reason }) => reason?.message ?? []);
  const { room } = exemplars;
  if (pictures.length > room) problems.push(`There is room for ${room} of these ${pictures.length} pictures.`);
  if (pictures.length) exemplars.open(pictures.slice(0, room));
  else hideError();
  if (problems.length) showError(new UserError(problems.join(" ")));
}

function describePad() {
  $("hint").hidden = !pad.empty;
  $("undo").disabled = pad.empty;
  $("clear").disabled = pad.empty;
  const what = pad.empty ? "empty" : pad.picture ? "with a picture" : `${pad.strokes.length} strokes`;
  $("pad").setAttribute("aria-label", `Drawing area, ${what}`);
}

for (const [file, name] of EXAMPLES) {
  const image = make("img", { src: `./examples/${file}.webp`, alt: "", width: 44, height: 44 });
  const button = make("button", { type: "button", className: "thumb", "aria-label": name, title: name }, image);
  button.addEventListener("click", async () => {
    await image.decode();
    exemplars.replace({ bitmap: await createImageBitmap(image), own: false, ink: "auto" });
  });
  $("examples").append(make("li", {}, button));
}

$("undo").addEventListener("click", () => pad.undo());
$("clear").addEventListener("click", () => pad.clear());
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  if (files.length) open(files);
});
$("windows").addEventListener("change", () => {
  if ($("windows").checked && player.time >= player.steps && grid.drawings) player.play(1);
  else player.refresh();
});
$("pad").addEventListener("pointerdown", () => ($("hint").hidden = true));
$("second").addEventListener("pointerdown", () => ($("second-hint").hidden = true));
$("collect-all").addEventListener("click", async () => {
  try {
    const all = Array.from({ length: grid.drawings.n }, (_, index) => onPaper(index, COLLECTED));
    await collection.add(exemplars.concept, await Promise.all(all));
  } catch (error) {
    showError(error);
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing && !pad.empty) {
    event.preventDefault();
    pad.undo();
  }
});
onFiles($("sheet"), open);
onAppearance(() => {
  pad.paint();
  energy.pad.paint();
  player.refresh();
  result.refresh();
});

grid.clear();
pad.paint();
energy.pad.paint();
describePad();
try {
  settings.offer(await server.models());
  setStatus("");
  document.documentElement.dataset.ready = "yes";
  draw();
} catch (error) {
  showError(error);
}
