/**
 * Keeps the site for when there is no network, and isolates its pages, so that the model runs in several threads. The
 * names VERSION and FILES stand above when the site has been written.
 */

/* global VERSION, FILES */
const SCOPE = new URL("./", self.location);
const PREFIX = `allograph ${SCOPE.pathname} `;
const NAME = PREFIX + VERSION;
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== NAME) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(SCOPE.href)) return;
  event.respondWith(answer(event.request, url));
});

/** What the page has loaded is there already. */
async function keep() {
  const cache = await caches.open(NAME);
  for (const file of FILES) {
    const url = new URL(file, SCOPE);
    if (await cache.match(url)) continue;
    const fetched = await fetch(url, { cache: "no-cache" });
    if (!fetched.ok) throw new Error(`${file}: ${fetched.status}`);
    await cache.put(url, fetched);
  }
}

async function answer(request, url) {
  const cache = await caches.open(NAME);
  const file = url.pathname.endsWith("/") ? new URL("index.html", url) : url;
  const kept = (await cache.match(file, { ignoreSearch: true })) ?? (await fetch(request));
  if (kept.type === "opaqueredirect" || kept.status === 304 || kept.redirected) return kept;
  const headers = new Headers(kept.headers);
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(kept.body, { status: kept.status, statusText: kept.statusText, headers });
}
