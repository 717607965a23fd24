import { Pending } from "./pending.mjs";

/** How long an event may be behind an answer that knows of it, in milliseconds. */
const MOMENT = 200;
/** How many events are held at most; when older ones are dropped, step 4 of section 6 notices. */
const MAX_HELD = 10_000;
/** A table that never was. */
const NOTHING = { fence: 0, open: false, restart: 0, opened: false };

/**
 * One table as a subscription follows it (section 6): what the server told, up
 * to the head, without a gap. What it finds goes into `pending`.
 */
export class TableView {
  #connection;
  #table;
  #only; // the one key that is wanted; undefined: all
  #signal; // tells that something is pending
  #revisions = new Map(); // of each key
  #description = NOTHING;
  #doubtful = true;
  #doubts = 0; // how often; a snapshot that was asked for before the last is not good enough
  #pulling = false;
  #held = [];
  #closed = false;
  store = "";
  head = 0;
  synchronized = false;
  pending = new Pending();
  /** What the handlers were told: key to value and revision. */
  handled = new Map();
  handledRevision = 0;
  /** A handler runs. */
  busy = false;

  constructor(connection, table, only, signal) {
    this.#connection = connection;
    this.#table = table;
    this.#only = only;
    this.#signal = signal;
  }

  get current() { return !this.#doubtful; }

  /** Takes an event of the table. */
  receive(event) {
    if (event.previous === event.revision) return this.doubt(); // the server found its state changed on disk
    if (this.#doubtful) return this.#hold(event);
    const known = event.store === this.store;
    if (known && event.revision <= this.head) return; // it came twice
    if (known && event.previous === this.head) return this.#apply(event);
    this.doubt();
    this.#hold(event);
  }

  /** Something is missing: pulls the table again. */
  doubt() {
    this.suspend();
    this.#pull();
  }

  /** Something may be missing, but nothing can be asked now. */
  suspend() {
    this.#doubtful = true;
    this.#doubts++;
    this.#held = [];
  }

  /** Compares with the head that the server has; before is the one known when it was asked. */
  compare(store, head, before) {
    if (this.#doubtful) {
      if (this.#pulling) return;
      if (store === this.store && head === this.head && this.#connects(store, head)) this.#release();
      else this.#pull();
    } else if (store !== this.store || head < before) {
      this.doubt();
    } else if (head > this.head) {
      setTimeout(() => { if (!this.#doubtful && this.head < head) this.doubt(); }, MOMENT).unref();
    }
  }

  close() { this.#closed = true; }

  #hold(event) {
    const last = this.#held.at(-1);
    if (last && (event.previous !== last.revision || event.store !== last.store) || this.#held.length >= MAX_HELD) this.#held = [];
    this.#held.push(event);
  }

  async #pull() {
    if (this.#pulling) return;
    this.#pulling = true;
    while (this.#doubtful && this.#connection.connected && !this.#closed) {
      const doubts = this.#doubts;
      try {
        const snapshot = await this.#connection.snapshot(this.#table, this.#only && `${this.#table}.${this.#only}`);
        if (doubts !== this.#doubts || !this.#connects(snapshot.store, snapshot.head)) continue;
        this.#difference(snapshot);
        this.#release();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50)); // no answer, or the snapshot is not kept any more
      }
    }
    this.#pulling = false;
  }

  /** Says whether what is held goes on from this head, with nothing missing in between. */
  #connects(store, head) {
    const next = this.#held.find((event) => event.store !== store || event.revision > head);
    return !next || next.store === store && next.previous <= head;
  }

  /** Applies a snapshot as a difference: what changed, what is gone, then what was marked. */
  #difference({ store, head, description, entries }) {
    for (const [key, { revision, value }] of entries) {
      if (store !== this.store || this.#revisions.get(key) !== revision) this.#file(key, revision, value);
    }
    for (const key of this.#revisions.keys()) {
      if (!entries.has(key)) this.#file(key, head, undefined);
    }
    this.store = store;
    this.head = head;
    this.#describe(description);
  }

  /** Applies what was held and is newer than the head: the table is not in doubt any more. */
  #release() {
    const held = this.#held;
    this.#held = [];
    this.#doubtful = false;
    for (const event of held) {
      if (event.revision > this.head) this.#apply(event);
    }
  }

  #apply(event) {
    this.head = event.revision;
    if (event.op === "mark") this.#describe(event.description);
    else if (!this.#only || event.token === this.#only) this.#file(event.key, event.revision, event.value);
  }

  #file(key, revision, value) {
    if (value === undefined) this.#revisions.delete(key);
    else this.#revisions.set(key, revision);
    this.pending.change(key, { key, revision, value });
    this.#signal();
  }

  #describe(description) {
    const { open, fence, restart } = this.#description;
    this.#description = description;
    const kinds = [];
    if (description.open && description.fence !== fence) kinds.push("opened");
    if (!description.open && open) kinds.push("closed");
    if (description.restart !== restart) kinds.push("restart");
    if (description.opened && !this.synchronized) {
      this.synchronized = true;
      kinds.unshift("synchronized");
    }
    for (const kind of kinds) this.pending.mark({ kind, revision: this.head, description });
    this.#signal();
  }
}
