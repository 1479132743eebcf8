/** What a page that holds an <allograph-pad> may do with its events. */

const pad = document.querySelector("allograph-pad");
const said = document.getElementById("said");
pad.addEventListener("drawings", ({ detail }) => (said.textContent = `${detail.outlines.length} drawings`));
pad.addEventListener("clear", () => (said.textContent = "Draw; then click a drawing."));
pad.addEventListener("problem", ({ detail }) => (said.textContent = detail.message));
pad.addEventListener("choose", ({ detail: { number, png } }) => {
  said.textContent = `Drawing ${number}`;
  const image = document.createElement("img");
  image.alt = `Drawing ${number}`;
  image.width = image.height = 96;
  image.src = URL.createObjectURL(png);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  document.getElementById("chosen").replaceChildren(image);
});
