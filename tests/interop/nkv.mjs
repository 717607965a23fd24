/**
 * A client of nkv for Node, written from docs/protocol.md alone. It is the
 * example for clients in other languages: each module is one section of that
 * page.
 *
 *     import { connect, table } from "./nkv.mjs";
 *
 *     const nkv = await connect({ url: "nats://127.0.0.1:4222", agent: "lamp" });
 *     const lamps = nkv.publish(table("lamp", "State"));
 *     await lamps.put("hall, 1st floor", JSON.stringify({ On: true }));
 *     nkv.subscribe("lamp.>", {
 *       change: async ({ table, key, value, old }) => { ... }, // value undefined: it is gone
 *       mark: async ({ table, kind, description }) => { ... },
 *     });
 */
export { connect } from "./nkv/connection.mjs";
export { decode, encode, path, table } from "./nkv/path.mjs";
export { NkvError } from "./nkv/error.mjs";
