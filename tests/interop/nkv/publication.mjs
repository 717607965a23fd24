import { NkvError } from "./error.mjs";
import { path } from "./path.mjs";

const MARK = Symbol("the restart counter"); // stands among the keys

/**
 * The writing end of a table (section 7). It holds what its owner wants the table
 * to be, and makes the table become that: under a new fence after every break.
 */
export class Publication {
  #connection;
  #table;
  #options;
  #wanted = new Map(); // key to value, or null: it shall be gone
  #acknowledged = new Map(); // key to value, under this fence
  #unsent = new Set(); // keys whose wanted value is not acknowledged
  #waiting = new Map(); // key to those who wait for it
  #wake = () => {};
  #closed = false;
  #running;
  #found = false; // it was open once
  /** Resolves when the table is open for the first time; rejects when it can't be owned. */
  opened;
  /** The fence; 0: the table is not open now. */
  fence = 0;

  /** @param {{durable?: boolean, fingerprint?: string}} options */
  constructor(connection, table, options = {}) {
    this.#connection = connection;
    this.#table = table;
    this.#options = options;
    this.opened = new Promise((resolve, reject) => { this.#running = this.#run(resolve, reject); });
    this.opened.catch(() => {}); // whoever waits hears of it
  }

  /** Says whether the table is as wanted. */
  get settled() { return this.fence > 0 && this.#unsent.size === 0; }

  /** Yields what is wanted: key and value. */
  *entries() {
    for (const [key, value] of this.#wanted) if (key !== MARK && value !== null) yield [key, value];
  }

  /**
   * Wants a key to have a value, and returns when that, or a later wish, is
   * acknowledged. With the reason "no-answer" it stays wanted; with "invalid" and
   * "too-large" nothing was changed.
   * @param {string|Uint8Array} value
   */
  async put(key, value) {
    const bytes = Buffer.from(value);
    path(this.#table, key); // it throws when that is no key
    if (bytes.length > this.#connection.maxValue) {
      throw new NkvError("too-large", `${path(this.#table, key)} was not sent: ${bytes.length} bytes; the limit is ${this.#connection.maxValue}`);
    }
    await this.#want(key, bytes);
  }

  /** Wants a key to be gone. */
  async delete(key) { await this.#want(key, null); }

  /** Sets the restart counter, after all that was wanted before. */
  async restarted(counter) { await this.#want(MARK, counter); }

  /** Gives the table up; its keys stay. */
  async close() {
    this.#end();
    await this.#running;
    if (this.fence && this.#connection.connected) await this.#connection.release(this.#table, this.fence);
  }

  /** The connection is gone: the table must be opened again. */
  broke() { this.fence = 0; }

  /** The connection is there again. */
  returned() { this.#wake(); }

  #end() {
    this.#closed = true;
    this.#connection.forget(this);
    this.#wake();
    for (const key of this.#waiting.keys()) this.#answer(key, new NkvError("closed", "the publication is closed"));
  }

  #want(key, value) {
    if (this.#closed) throw new NkvError("closed", "the publication is closed");
    if (this.fence && !this.#unsent.has(key) && same(this.#acknowledged.get(key) ?? null, value)) return undefined;
    this.#wanted.set(key, value);
    this.#unsent.add(key); // it keeps its place, so that a restart mark stays behind what was wanted before it
    this.#wake();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(waiter);
        reject(new NkvError("no-answer", `${this.#table}: not acknowledged in time; it stays wanted`));
      }, this.#connection.timeout);
      const waiter = { resolve, reject, timer };
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting.add(waiter));
    });
  }

  /** Makes the table what is wanted, one change at a time. */
  async #run(opened, refused) {
    while (!this.#closed) {
      const idle = new Promise((resolve) => { this.#wake = resolve; });
      try {
        if (!this.fence) {
          await this.#open();
          this.#found = true;
          opened();
        }
        const [key] = this.#unsent;
        await (key === undefined ? idle : this.#send(key));
      } catch (err) {
        this.fence = 0; // whatever it was, a new fence and a look at the table settle it
        if (!this.#found && cantBeOwned(err)) {
          this.#end();
          refused(err);
        } else {
          await (this.#connection.connected ? pause(err) : idle);
        }
      }
    }
  }

  /** Opens the table and compares it with what is wanted. */
  async #open() {
    const { breaks } = this.#connection;
    const { fence, table } = await this.#connection.open(this.#table, this.#options);
    const { entries } = await this.#connection.snapshot(this.#table);
    if (breaks !== this.#connection.breaks) throw new NkvError("disconnected", `${this.#table}: the connection broke while it was opened`);
    this.#acknowledged = new Map([[MARK, table.restart]]);
    for (const [key, { value }] of entries) {
      this.#acknowledged.set(key, value);
      if (!this.#wanted.has(key)) this.#wanted.set(key, value); // adopted
    }
    for (const [key, value] of this.#wanted) {
      if (same(this.#acknowledged.get(key) ?? null, value)) this.#settle(key);
      else this.#unsent.add(key);
    }
    if (this.#unsent.delete(MARK)) this.#unsent.add(MARK); // behind all others
    this.fence = fence;
  }

  async #send(key) {
    const value = this.#wanted.get(key);
    const under = { fence: this.fence };
    try {
      if (key === MARK) await this.#connection.mark(this.#table, value, under);
      else if (value === null) await this.#connection.delete(this.#table, key, under);
      else await this.#connection.put(this.#table, key, value, under);
    } catch (err) {
      if (err.reason === "invalid" || err.reason === "too-large") return this.#drop(key, value, err);
      if (err.reason !== "not-found") throw err; // that would be a deletion of what is gone already
    }
    if (under.fence !== this.fence) return; // a new opening looks for itself
    if (value === null) this.#acknowledged.delete(key);
    else this.#acknowledged.set(key, value);
    if (this.#wanted.get(key) === value) this.#settle(key);
  }

  /** What is wanted of a key is acknowledged. */
  #settle(key) {
    this.#unsent.delete(key);
    if (this.#wanted.get(key) === null) this.#wanted.delete(key);
    this.#answer(key);
  }

  /** The server does not take a value: what it has stays wanted. */
  #drop(key, value, err) {
    if (this.#wanted.get(key) !== value) return;
    this.#wanted.set(key, this.#acknowledged.get(key) ?? null);
    this.#answer(key, err);
    this.#settle(key);
  }

  /** Tells those who wait for a key that it is acknowledged, or why not. */
  #answer(key, err) {
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const { resolve, reject, timer } of waiting) {
      clearTimeout(timer);
      if (err) reject(err);
      else resolve();
    }
  }
}

/** Says whether a first opening is refused for good: the table is another's. */
function cantBeOwned({ reason, retryAfter }) {
  return reason === "not-owner" || reason === "invalid" || reason === "owned" && !retryAfter;
}

/** How long to wait before the next try: as the server says, or not long. */
function pause({ reason, retryAfter }) {
  const ms = retryAfter || (reason === "no-answer" || reason === "fence" ? 10 : 1000);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function same(a, b) {
  return a === b || a instanceof Buffer && b instanceof Buffer && a.equals(b);
}
