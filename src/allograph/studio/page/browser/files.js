/** The site's large files: read once, with progress, and kept for the service worker. */

const BASE = new URL("../", import.meta.url);

/** A file did not arrive; it may another time. */
export class NotFetched extends Error {
  name = "NotFetched";
}

/** What the site holds: { version, models, files }, files with their sizes in bytes. */
export async function siteOf() {
  const answer = await fetch(new URL("site.json", BASE));
  if (!answer.ok) throw new Error(`site.json: ${answer.status}`);
  return answer.json();
}

/** The bytes of some files, [ArrayBuffer]; `progress` is called with bytes done and bytes in all. */
export async function load(site, names, progress = () => {}) {
  const total = names.reduce((sum, name) => sum + site.files[name], 0);
  let done = 0;
  const count = (bytes) => progress((done += bytes), total);
  return Promise.all(names.map((name) => one(site, name, count)));
}

async function one(site, name, count) {
  const url = new URL(name, BASE);
  const cache = await globalThis.caches?.open(`allograph ${BASE.pathname} ${site.version}`).catch(() => undefined);
  const kept = await cache?.match(url);
  if (kept) {
    count(site.files[name]);
    return kept.arrayBuffer();
  }
  const answer = await fetch(url).catch((error) => {
    throw new NotFetched(`${name}: ${error.message}`);
  });
  if (!answer.ok) throw new NotFetched(`${name}: ${answer.status}`);
  const content = new Uint8Array(site.files[name]);
  let length = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    content.set(value, length);
    length += value.length;
    count(value.length);
  }
  const type = answer.headers.get("Content-Type") ?? "application/octet-stream";
  await cache?.put(url, new Response(content, { headers: { "Content-Type": type } })).catch(() => {});
  return content.buffer;
}
