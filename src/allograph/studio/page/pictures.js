/** Picture files that the user drops, pastes or opens. */

import { UserError } from "./dom.js";

const LARGEST = 1024; // pixels of the longer side
const MOST_BYTES = 40 * 2 ** 20;

/** Decodes a picture file and scales it down to what the model needs. */
export async function load(file) {
  const name = file.name || "The pasted file";
  if (file.size > MOST_BYTES) throw new UserError(`${name} is larger than 40 MB. Scale it down.`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new UserError(`${name} is not a picture that this browser can open. Use a PNG, JPEG, WebP or GIF file.`);
  }
  const scale = LARGEST / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const size = { resizeWidth: Math.max(1, Math.round(bitmap.width * scale)), resizeQuality: "high" };
  return createImageBitmap(bitmap, { ...size, resizeHeight: Math.max(1, Math.round(bitmap.height * scale)) });
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

/** Calls back with each file that is dropped on the page or pasted. */
export function onFile(sheet, callback) {
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
