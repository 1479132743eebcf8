/** How far pixels are from a as allograph.imaging.shapes measures it. */

import { cropped, inkBox, raster, where } from "./raster.js";

/** The distance of each pixel's centre to the nearest pixel of a mask, no more than `reach` (Felzenszwalb, 2012). */
export function distanceTo(line, reach = Infinity, nearest = null) {
  const { width, height, data } = line;
  const box = reach < Infinity && !nearest && inkBox(line);
  if (box) {
    const margin = Math.ceil(reach);
    const near = cropped(line, [box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin]);
    if (near.data.length < data.length) return pasted(distanceTo(near, reach), near, filled(width, height, reach));
  }
  const far = width + height;
  const most = Math.min(reach, far);
  const column = new Int32Array(width * height); // how far the nearest pixel in the same column is
  for (let at = 0; at < width * height; at++) {
    if (!data[at]) column[at] = at < width ? far : Math.min(far, column[at - width] + 1);
  }
  for (let at = width * (height - 1) - 1; at >= 0; at--) {
    if (column[at + width] + 1 < column[at]) column[at] = column[at + width] + 1;
  }
  const owner = nearest && new Int32Array(width * height);
  const [sites, bounds, squared] = [new Int32Array(width), new Float64Array(width + 1), new Float64Array(width)];
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let count = -1;
    for (let x = 0; x < width; x++) {
      const down = column[row + x];
      if (down >= far) continue;
      const own = down * down;
      let meet = -Infinity;
      while (count >= 0) {
        const site = sites[count];
        meet = (own + x * x - squared[count] - site * site) / (2 * (x - site));
        if (meet > bounds[count]) break;
        count--;
      }
      count++;
      sites[count] = x;
      squared[count] = own;
      bounds[count] = count ? meet : -Infinity;
      bounds[count + 1] = Infinity;
    }
    for (let x = 0, k = 0; x < width; x++) {
      if (count < 0) {
        result[row + x] = most;
        continue;
      }
      while (bounds[k + 1] < x) k++;
      const site = sites[k];
      const distance = Math.sqrt((x - site) * (x - site) + squared[k]);
      result[row + x] = distance < most ? distance : most;
      if (owner) {
        const step = column[row + site] * width;
        owner[row + x] = data[row + site - step] ? row + site - step : row + site + step;
      }
    }
  }
  if (nearest) nearest.owner = owner;
  return raster(width, height, result);
}

/** The distance of each pixel's centre to the edge of a mask, positive inside; outside no more than `reach`. */
export function signedDistance(shape, reach = Infinity) {
  const { width, height, data } = shape;
  const box = inkBox(shape);
  if (!box || data.indexOf(0) < 0) return filled(width, height, Math.max(width, height) * (box ? 1 : -1));
  const result = distanceTo(shape, reach).data;
  const near = cropped(shape, [box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1]);
  const inside = distanceTo(where(near, (v) => !v)).data;
  for (let y = 0, i = 0; y < near.height; y++) {
    for (let x = 0, at = (y + near.top) * width + near.left; x < near.width; x++, i++, at++) {
      if (near.data[i]) result[at] = 1 - inside[i]; // so that the next line makes it inside - 1/2
    }
  }
  for (let i = 0; i < result.length; i++) result[i] = 0.5 - result[i];
  return raster(width, height, result);
}

/** A part, cut out as `cropped` does it, on top of a whole. */
function pasted({ width, height, data }, { top, left }, whole) {
  for (let y = 0; y < height; y++) {
    whole.data.set(data.subarray(y * width, (y + 1) * width), (y + top) * whole.width + left);
  }
  return whole;
}

function filled(width, height, value) {
  const result = raster(width, height);
  result.data.fill(value);
  return result;
}
