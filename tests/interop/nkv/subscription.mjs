import { decode } from "./path.mjs";
import { TableView } from "./tableview.mjs";

/**
 * Follows a table ("agent.topic"), one of its keys ("agent.topic.key"), or several
 * tables ("agent.>", "*.topic", ">"). Handlers are called one at a time, each is
 * waited for, and only for what differs from what they were told before.
 */
export class Subscription {
  #connection;
  #handlers;
  #listening;
  #views = new Map(); // by encoded table
  #key; // encoded; undefined: all
  #wake = () => {};
  #closed = false;

  /**
   * @param {{change?: function, mark?: function}} handlers
   *   change({table, key, value, old, revision}): value undefined: it is gone; old undefined: it is new
   *   mark({table, kind, description}): kind "synchronized", "opened", "closed" or "restart"
   */
  constructor(connection, pattern, handlers) {
    const [agent, topic = ">", key = ">"] = pattern.split(".");
    const wild = (token) => token === "*" || token === ">";
    this.#connection = connection;
    this.#handlers = handlers;
    this.#key = wild(key) ? undefined : key;
    this.pattern = pattern;
    this.spans = wild(agent) || wild(topic);
    /** What to ask the heads of. */
    this.tables = agent === ">" ? ">" : `${agent}.${topic}`;
    this.#listening = connection.listen(eventSubject(agent, topic), (message) => this.#receive(message));
    if (!this.spans) this.#view(this.tables);
    this.#run();
  }

  /** Yields what the handlers were told: table, key, value, revision. */
  *entries() {
    for (const [table, view] of this.#views) {
      for (const [key, { value, revision }] of view.handled) yield { table, key, value, revision };
    }
  }

  /** Says whether nothing is missing that the server told. */
  get current() { return [...this.#views.values()].every((view) => view.current); }

  /** How far it is, as a probe's answer tells it (section 7). */
  state() {
    const state = { pattern: this.pattern, heads: {}, handled: {}, pending: 0, synchronized: this.#views.size > 0, errors: 0 };
    for (const [table, view] of this.#views) {
      state.heads[table] = view.head;
      state.handled[table] = view.handledRevision;
      state.pending += view.pending.size + (view.busy ? 1 : 0);
      state.synchronized &&= view.synchronized;
    }
    return state;
  }

  /** Compares with the heads that the server has; before holds those known when it was asked. */
  compare({ store, heads }, before) {
    for (const table of Object.keys(heads)) {
      if (this.spans && matches(this.tables, table)) this.#view(table);
    }
    for (const [table, view] of this.#views) view.compare(store, heads[table] ?? 0, before[table] ?? 0);
  }

  /** The connection is gone: all tables are in doubt until the heads say otherwise. */
  broke() { for (const view of this.#views.values()) view.suspend(); }

  /** The connection is there again; the heads are asked for. */
  returned() {}

  async close() {
    this.#closed = true;
    this.#listening.unsubscribe();
    for (const view of this.#views.values()) view.close();
    this.#connection.forget(this);
    this.#wake();
  }

  #view(table) {
    if (!this.#views.has(table)) {
      this.#views.set(table, new TableView(this.#connection, table, this.#key, () => this.#wake()));
      this.#views.get(table).doubt();
    }
    return this.#views.get(table);
  }

  /** Files an event. No handler runs here: they may be slow. */
  #receive(message) {
    const [, , , agent, topic, token] = message.subject.split(".");
    const table = `${agent}.${topic}`;
    const number = (name) => Number(message.headers.get(name));
    const event = {
      op: message.headers.get("Nkv-Op"), store: message.headers.get("Nkv-Store"),
      revision: number("Nkv-Revision"), previous: number("Nkv-Previous"), token,
    };
    if (event.op === "mark") event.description = JSON.parse(message.string());
    else event.key = decode(token);
    if (event.op === "put") event.value = Buffer.from(message.data);
    this.#view(table).receive(event);
  }

  /** Calls the handlers, as long as the subscription is open. */
  async #run() {
    while (!this.#closed) {
      const idle = new Promise((resolve) => { this.#wake = resolve; });
      for (const [table, view] of this.#views) {
        for (let item; !this.#closed && (item = view.pending.take()); ) await this.#handle(table, view, item);
      }
      await idle;
    }
  }

  async #handle(table, view, { change, mark }) {
    view.busy = true;
    try {
      if (mark) return await this.#handlers.mark?.({ table, ...mark });
      const { key, value, revision } = change;
      const old = view.handled.get(key)?.value;
      if (value === undefined) view.handled.delete(key);
      else view.handled.set(key, { value, revision });
      const same = value === undefined || old === undefined ? value === old : value.equals(old);
      if (!same) await this.#handlers.change?.({ table, key, value, old, revision });
    } catch (err) {
      console.error(`a handler of ${table} failed:`, err);
    } finally {
      view.busy = false;
      view.handledRevision = Math.max(view.handledRevision, (change ?? mark).revision);
    }
  }
}

/** The subject that brings the events and marks of all tables that a pattern selects in. */
function eventSubject(agent, topic) {
  if (agent === ">") return "nkv.v1.event.>";
  return `nkv.v1.event.${agent}.${topic === ">" ? "*" : topic}.*`;
}

function matches(tables, table) {
  const wanted = tables.split(".");
  const tokens = table.split(".");
  return wanted[0] === ">" || wanted.every((token, i) => token === "*" || token === ">" || token === tokens[i]);
}
