import { NkvError } from "./error.mjs";

/** Section 2: how agents, topics, scopes and keys are written. */
const MAX_NAME = 255;
const MAX_PATH = 1024;

/** Returns a name as one token: what does not stand for itself becomes %XX. */
export function encode(name) {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > MAX_NAME || !name.isWellFormed()) {
    throw new NkvError("invalid", `a name has ${bytes} bytes; it takes 1 to ${MAX_NAME} of UTF-8`);
  }
  return name.replace(/[^A-Za-z0-9_\-\u0080-\uffff]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"));
}

/** Returns the name that encode made a token of. Only ASCII is ever escaped. */
export function decode(token) {
  return decodeURIComponent(token);
}

/** Returns a table as it is written on the wire. */
export function table(agent, topic, scope = "") {
  return bounded(`${encode(agent)}.${encode(topic)}${scope ? "@" + encode(scope) : ""}`);
}

/** Returns the path of a key in an encoded table. */
export function path(table, key) {
  return bounded(`${table}.${encode(key)}`);
}

function bounded(encoded) {
  const bytes = Buffer.byteLength(encoded);
  if (bytes > MAX_PATH) {
    throw new NkvError("invalid", `a path has ${bytes} bytes when encoded; at most ${MAX_PATH}`);
  }
  return encoded;
}
