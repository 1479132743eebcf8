/** Small helpers for the document. */

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** A new element with properties and children; properties with a dash are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Makes a canvas as fine as the screen shows it; returns its side in device pixels. */
export function fit(canvas) {
  const side = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  return side;
}

/** A colour of the style sheet, such as "ink" for --ink. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Hands a file to the person. */
export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Calls back when light becomes dark, or a canvas may have another size. */
export function onAppearance(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
  let timer;
  window.addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(callback, 100);
  });
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
