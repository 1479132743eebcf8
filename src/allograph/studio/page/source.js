/** Where drawings come from: here the server. `allograph studio --export` puts the browser itself in its place. */

export { Server as Source } from "./server.js";
