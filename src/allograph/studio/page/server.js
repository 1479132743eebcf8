/** The server's API. */

const TRIES = 4;

/** What the server, or the way to it, objects to: a message for the person. */
export class Refused extends Error {}

/** Posts a request; a busy server is asked again when it says so. */
async function post(name, body, signal) {
  for (let attempt = 1; ; attempt++) {
    let answer;
    try {
      answer = await fetch(`/api/${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused("The studio does not answer; is it still running?");
    }
    if (answer.ok) return answer;
    if (answer.status === 503 && attempt < TRIES) {
      await pause(1000 * Number(answer.headers.get("Retry-After") || 1), signal);
      continue;
    }
    const { error = `the server answered ${answer.status}` } = await answer.json().catch(() => ({}));
    throw new Refused(error.charAt(0).toUpperCase() + error.slice(1));
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}

export const write = async (order, n, signal) => (await post("write", { ...order, n }, signal)).json();
export const outlines = async (order, numbers, signal) =>
  (await (await post("outlines", { ...order, numbers }, signal)).json()).drawings;
export const picture = async (order, number, rest = {}) =>
  (await post("picture", { ...order, number, ...rest })).blob();
export const energy = async (body, signal) => (await post("energy", body, signal)).json();
export const collection = async (classes) => (await post("collection", { classes })).blob();

export async function models() {
  const answer = await fetch("/api/models").catch(() => null);
  if (!answer?.ok) throw new Refused("The studio does not answer; is it still running?");
  return (await answer.json()).models;
}
