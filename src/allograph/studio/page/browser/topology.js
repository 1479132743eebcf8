/** How many parts and holes a drawing has: as allograph.imaging.topology counts them. */

import { SPECK, padded, turned } from "./homotopy.js";
import { labelled } from "./raster.js";
import { depthWidth } from "./widths.js";

/** The numbers of parts and holes of ink, without specks and pinholes. */
export function partsAndHoles(shape) {
  if (!shape.data.includes(1)) return [0, 0];
  const framed = padded(shape, 0);
  const least = SPECK * depthWidth(framed) ** 2;
  const pieces = (one, diagonal, first) => {
    const { labels, count } = labelled(one, diagonal);
    const areas = new Uint32Array(count + 1);
    labels.forEach((label) => areas[label]++);
    return areas.subarray(first).filter((area) => area >= least).length;
  };
  return [pieces(framed, true, 1), pieces(turned(framed), false, 2)]; // the first piece of paper, around the ink, is no hole
}
