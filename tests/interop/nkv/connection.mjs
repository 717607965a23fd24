import { randomBytes } from "node:crypto";
import { connect as connectNats, ErrorCode, Events, headers as natsHeaders } from "nats";
import { NkvError } from "./error.mjs";
import { decode, path } from "./path.mjs";
import { Publication } from "./publication.mjs";
import { Subscription } from "./subscription.mjs";

/** What a message may hold besides the value, in bytes. */
const HEADER_SPACE = 65536;

/**
 * Connects, and connects again for ever.
 * @param {{url: string, agent: string, timeout?: number, headCheck?: number}} options
 *   timeout: how long to wait for an answer; headCheck: pause between head checks; milliseconds
 * @returns {Promise<Connection>}
 */
export async function connect({ url, agent, timeout = 5000, headCheck = 5000 }) {
  const instance = randomBytes(16).toString("hex");
  const nats = await connectNats({
    servers: url,
    token: instance,
    name: agent,
    inboxPrefix: `_INBOX.${instance}`,
    pingInterval: 5000,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: 50,
    timeout: 2000, // for one try
  });
  return new Connection(nats, instance, { agent, timeout, headCheck });
}

/** A connection to the server (sections 1 and 3), and what hangs on it. */
class Connection {
  #nats;
  #instance;
  #options;
  #up = true;
  #inFlight = new Set(); // one rejecter for each request that waits
  #users = new Set(); // publications and subscriptions
  #nextCheck;
  /** How often the connection broke. What spans a break is begun again. */
  breaks = 0;
  /** What the tests count. */
  counts = { requests: 0, snapshots: 0, pages: 0 };

  constructor(nats, instance, options) {
    this.#nats = nats;
    this.#instance = instance;
    this.#options = options;
    this.maxValue = nats.info.max_payload - HEADER_SPACE;
    nats.subscribe(`_INBOX.${instance}.probe`, { callback: (_, message) => this.#answerProbe(message) });
    this.#follow();
    this.#nextCheck = setTimeout(() => this.#checkHeads(), options.headCheck);
  }

  get agent() { return this.#options.agent; }
  get timeout() { return this.#options.timeout; }

  /** No request may wait in a buffer for the next connection, so none is sent without one. */
  get connected() { return this.#up && this.#nats.info !== undefined && !this.#nats.isClosed(); }

  /** Follows a table, one of its keys, or several tables. */
  subscribe(pattern, handlers) {
    const subscription = new Subscription(this, pattern, handlers);
    this.#users.add(subscription);
    if (subscription.spans) this.#checkHeads();
    return subscription;
  }

  /** Owns a table, as long as the publication is open. */
  publish(table, options) {
    const publication = new Publication(this, table, options);
    this.#users.add(publication);
    return publication;
  }

  forget(user) { this.#users.delete(user); }

  listen(subject, callback) { return this.#nats.subscribe(subject, { callback: (_, message) => callback(message) }); }

  /** Gives all tables up, as far as the server can be told: else they are free after a grace. */
  async close() {
    clearTimeout(this.#nextCheck);
    await Promise.allSettled([...this.#users].map((user) => user.close()));
    await this.#nats.close();
  }

  /**
   * Sends one request and returns its answer when it worked.
   * @returns {Promise<{body: Buffer, header: (name: string) => string, revision: number, store: string}>}
   */
  async request(verb, target, { headers = {}, body = "" } = {}) {
    const subject = `nkv.v1.${verb}${target ? "." + target : ""}`;
    if (!this.connected) throw new NkvError("disconnected", `${subject} was not sent: no connection to the server`);
    if (Buffer.byteLength(body) > this.maxValue) {
      throw new NkvError("too-large", `${subject} was not sent: ${Buffer.byteLength(body)} bytes; the limit is ${this.maxValue}`);
    }
    const sent = natsHeaders();
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) sent.set(name, String(value));
    }
    this.counts.requests++;
    let lost;
    const broken = new Promise((_, reject) => { lost = reject; });
    this.#inFlight.add(lost);
    try {
      return read(await Promise.race([this.#nats.request(subject, body, { headers: sent, timeout: this.timeout }), broken]));
    } catch (err) {
      if (err instanceof NkvError) throw err;
      if (err.code === ErrorCode.NoResponders) throw new NkvError("unavailable", "no nkv server is ready", { status: 503 });
      throw new NkvError("no-answer", `${subject} was not answered: ${err.message}`);
    } finally {
      this.#inFlight.delete(lost);
    }
  }

  /** Returns a key's value and revision; undefined when there is none. */
  async get(table, key) {
    try {
      const { body, revision } = await this.request("get", path(table, key));
      return { value: body, revision };
    } catch (err) {
      if (err.reason === "not-found") return undefined;
      throw err;
    }
  }

  /** Sets a key's value, under a fence or in a table that nobody owns; returns its revision. */
  async put(table, key, value, { fence, expect, durable } = {}) {
    const headers = { "Nkv-Fence": fence, "Nkv-Expect": expect, "Nkv-Durable": durable };
    return (await this.request("put", path(table, key), { headers, body: value })).revision;
  }

  /** Removes a key; returns the revision of that. */
  async delete(table, key, { fence, expect } = {}) {
    return (await this.request("delete", path(table, key), { headers: { "Nkv-Fence": fence, "Nkv-Expect": expect } })).revision;
  }

  /** Removes the keys that a pattern within the table selects, as one batch; returns how many. */
  async clear(table, pattern, { fence } = {}) {
    const { header } = await this.request("delete", table, { headers: { "Nkv-Fence": fence, "Nkv-Pattern": pattern } });
    return Number(header("Nkv-Count"));
  }

  /** Makes this instance the table's owner; returns the fence and the table's description. */
  async open(table, { durable = false, fingerprint = "", force } = {}) {
    const body = JSON.stringify({ durable, fingerprint });
    return JSON.parse((await this.request("open", table, { headers: { "Nkv-Force": force }, body })).body);
  }

  /** Gives the table up; its keys stay. */
  async release(table, fence) { await this.request("close", table, { headers: { "Nkv-Fence": fence } }); }

  /** Sets the table's restart counter. */
  async mark(table, restart, { fence } = {}) {
    await this.request("mark", table, { headers: { "Nkv-Fence": fence }, body: JSON.stringify({ restart }) });
  }

  /** Returns the heads of the tables that exist, by table, and the store id. */
  async heads(tables) {
    const { body, store } = await this.request("heads", "", { body: JSON.stringify({ tables }) });
    return { heads: JSON.parse(body).heads, store };
  }

  /**
   * Pulls a table, page by page (section 5).
   * @param {string} [pattern] for some of its keys
   * @returns {Promise<{head: number, store: string, description: object, entries: Map<string, {revision: number, value: Buffer}>}>}
   */
  async snapshot(table, pattern) {
    const entries = new Map();
    let first;
    for (let next; next !== ""; ) {
      const headers = { "Nkv-Pattern": pattern, "Nkv-Snapshot": next };
      const page = await this.request("snapshot", table, { headers });
      first ??= page;
      for (const [key, entry] of records(page.body)) entries.set(key, entry);
      next = page.header("Nkv-Next");
      this.counts.pages++;
    }
    this.counts.snapshots++;
    return { head: first.revision, store: first.store, description: JSON.parse(first.header("Nkv-Table")), entries };
  }

  async #follow() {
    for await (const { type } of this.#nats.status()) {
      if (type === Events.Disconnect) this.#broke();
      if (type === Events.Reconnect) this.#returned();
    }
  }

  #broke() {
    this.#up = false;
    this.breaks++;
    for (const lost of this.#inFlight) lost(new Error("the connection broke"));
    for (const user of this.#users) user.broke();
  }

  #returned() {
    this.#up = true;
    this.maxValue = this.#nats.info.max_payload - HEADER_SPACE;
    for (const user of this.#users) user.returned();
    this.#checkHeads();
  }

  /** Asks for the heads of all tables, in one request, and lets the subscriptions compare. */
  async #checkHeads() {
    clearTimeout(this.#nextCheck);
    const { breaks } = this;
    const subscriptions = [...this.#users].filter((user) => user instanceof Subscription);
    const before = subscriptions.map((s) => s.state().heads);
    let pause = this.#options.headCheck;
    try {
      const answer = subscriptions.length && await this.heads([...new Set(subscriptions.map((s) => s.tables))]);
      if (breaks === this.breaks) subscriptions.forEach((s, i) => s.compare(answer, before[i]));
    } catch {
      pause = Math.min(pause, 100); // again soon; without a connection it costs nothing
    }
    clearTimeout(this.#nextCheck);
    if (!this.#nats.isClosed()) this.#nextCheck = setTimeout(() => this.#checkHeads(), pause);
  }

  #answerProbe(message) {
    if (!message.reply) return;
    const subscriptions = [...this.#users].filter((user) => user instanceof Subscription).map((s) => s.state());
    this.#nats.publish(message.reply, JSON.stringify({ agent: this.agent, subscriptions }), { reply: `_INBOX.${this.#instance}.none` });
  }
}

/** Reads an answer; one that says that it did not work is thrown. */
function read(message) {
  const header = (name) => message.headers?.get(name) ?? "";
  const status = Number(header("Nkv-Status"));
  const revision = Number(header("Nkv-Revision"));
  if (status !== 200) {
    throw new NkvError(header("Nkv-Reason"), header("Nkv-Message"), { status, revision, retryAfter: Number(header("Nkv-Retry-After")) });
  }
  return { body: Buffer.from(message.data), header, revision, store: header("Nkv-Store") };
}

/** Yields the records of a snapshot's page. */
function* records(page) {
  for (let at = 0; at < page.length; ) {
    const end = page.indexOf("\n", at);
    const [revision, key, size] = page.toString("utf8", at, end).split(" ");
    const value = page.subarray(end + 1, end + 1 + Number(size));
    yield [decode(key), { revision: Number(revision), value }];
    at = end + 1 + Number(size) + 1;
  }
}
