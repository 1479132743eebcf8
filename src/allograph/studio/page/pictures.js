/** Picture files that the user drops, pastes or opens. */

import { UserError } from "./dom.js";

const LARGEST = 1024; // pixels of the longer side
const MOST_BYTES = 40 * 2 ** 20;

/**
 * A picture file as { bitmap, own, ink, file }: scaled down to what the model needs; `own`: whether its ink has the page's
 * colour on a transparent ground; `ink`: which tone is ink, auto, dark or light. A part of it also has `whole` and `box`.
 */
export async function load(file) {
  const name = file.name || "The pasted file";
  if (file.size > MOST_BYTES) throw new UserError(`${name} is larger than 40 MB. Scale it down.`);
  try {
    return { bitmap: await scaled(await createImageBitmap(file)), own: false, ink: "auto", file };
  } catch {
    throw new UserError(`${name} is not a picture that this browser can open. Use a PNG, JPEG, WebP or GIF file.`);
  }
}

/** The part of a whole picture in a box, [left, top, right, bottom] in pixels of its bitmap, as fine as its file is. */
export async function cut(whole, box) {
  const source = whole.file ? await createImageBitmap(whole.file) : whole.bitmap;
  const [left, top, right, bottom] = box.map((place) => Math.round((place * source.width) / whole.bitmap.width));
  const bitmap = await scaled(await createImageBitmap(source, left, top, right - left, bottom - top));
  return { bitmap, own: whole.own, ink: whole.ink, whole, box };
}

async function scaled(bitmap) {
  const scale = LARGEST / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const [resizeWidth, resizeHeight] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

/** Puts the ink of a transparent PNG file on white. */
export async function whiten(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** Calls back with the files that are dropped on the page or pasted. */
export function onFiles(sheet, callback) {
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    sheet.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) sheet.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    sheet.classList.remove("over");
    if (!carries(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) callback([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    callback(files);
  });
}
