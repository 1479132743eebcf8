/** Picture files that a person drops, pastes or opens. */

import { Refused } from "./server.js";

const LARGEST = 1024; // pixels of the longer side that are handed on
const MOST_BYTES = 40 * 2 ** 20;

/** Decodes a file in the browser, scaled down to what the server needs. */
export async function load(file) {
  const name = file.name || "What you pasted";
  if (file.size > MOST_BYTES) throw new Refused(`${name} is larger than 40 MB; scale it down.`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Refused(`${name} is not a picture that can be read here. PNG, JPEG, WebP and GIF files can.`);
  }
  const scale = LARGEST / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const size = { resizeWidth: Math.max(1, Math.round(bitmap.width * scale)), resizeQuality: "high" };
  return createImageBitmap(bitmap, { ...size, resizeHeight: Math.max(1, Math.round(bitmap.height * scale)) });
}

/** A PNG file of ink on a transparent sheet as one of ink on white. */
export async function whiten(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** Calls back with every file that is dropped on or pasted into the page. */
export function listen(sheet, callback) {
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
    const [file] = event.dataTransfer.files;
    if (file) callback(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    callback(file);
  });
}
