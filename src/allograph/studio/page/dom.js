/** Small helpers for the page. */

/** An error whose message is for the user. */
export class UserError extends Error {}

/** A line of text that begins with a capital letter. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

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

/** Gives a square canvas, so many CSS pixels wide, the resolution of the screen; returns its side in device pixels. */
export function fit(canvas, width = canvas.clientWidth) {
  const side = Math.max(1, Math.round(width * (window.devicePixelRatio || 1)));
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  return side;
}

/** A colour of the style sheet: "ink" for --ink. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Downloads a file. */
export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Calls back when the colour scheme or the size of the window changes. */
export function onAppearance(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
  let timer;
  window.addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(callback, 100);
  });
}

export const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
