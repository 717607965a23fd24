/**
 * What the tests run: a program that does what lines of JSON on its standard
 * input say, and answers each with a line. It ends with its input.
 */
import { createInterface } from "node:readline";
import { connect, decode, encode } from "./nkv.mjs";
import { work } from "./work.mjs";

let nkv;
const publications = new Map(); // by table
const subscriptions = new Map(); // by name
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => Buffer.from(text ?? "", "base64");

const commands = {
  async connect({ url, agent, timeout, headCheck }) { nkv = await connect({ url, agent, timeout, headCheck }); },
  async publish({ table, durable }) {
    const publication = nkv.publish(table, { durable });
    publications.set(table, publication);
    await publication.opened;
    return { fence: publication.fence };
  },
  async publishPut({ table, key, value }) { await publications.get(table).put(key, bytes(value)); },
  async publishDelete({ table, key }) { await publications.get(table).delete(key); },
  async publishRestarted({ table, restart }) { await publications.get(table).restarted(restart); },
  async wanted({ table }) {
    const publication = publications.get(table);
    const entries = Object.fromEntries([...publication.entries()].map(([key, value]) => [key, base64(value)]));
    return { settled: publication.settled, fence: publication.fence, entries };
  },
  async put({ table, key, value, fence, expect }) { return { revision: await nkv.put(table, key, bytes(value), { fence, expect }) }; },
  async delete({ table, key, fence, expect }) { return { revision: await nkv.delete(table, key, { fence, expect }) }; },
  async get({ table, key }) {
    const entry = await nkv.get(table, key);
    return entry ? { found: true, value: base64(entry.value), revision: entry.revision } : { found: false };
  },
  async open({ table, force }) { return { fence: (await nkv.open(table, { force })).fence }; },
  async mark({ table, restart, fence }) { await nkv.mark(table, restart, { fence }); },
  async snapshot({ table }) {
    const { head, entries } = await nkv.snapshot(table);
    return { revision: head, entries: Object.fromEntries([...entries].map(([key, { value }]) => [key, base64(value)])) };
  },
  /** With held, handlers wait until resume is called. */
  async subscribe({ name, pattern, held }) {
    const log = [];
    let resume = () => {};
    let gate = held ? new Promise((resolve) => { resume = resolve; }) : undefined;
    const subscription = nkv.subscribe(pattern, {
      async change({ table, key, value, old }) {
        await gate;
        log.push({ table, key, value: value && base64(value), created: !old, deleted: !value });
      },
      async mark({ table, kind, description }) {
        await gate;
        log.push({ table, mark: kind, restart: description.restart, entries: view(subscription)[table] });
      },
    });
    subscriptions.set(name, { subscription, log, resume: () => { gate = undefined; resume(); } });
  },
  async resume({ name }) { subscriptions.get(name).resume(); },
  async view({ name }) {
    const { subscription } = subscriptions.get(name);
    return { tables: view(subscription), current: subscription.current && subscription.state().pending === 0, synchronized: subscription.state().synchronized };
  },
  async log({ name }) { return { log: subscriptions.get(name).log }; },
  async close() { await nkv.close(); },
  async encode({ names }) { return { names: names.map((name) => [encode(name), decode(encode(name))]) }; },
  async counts() { return { counts: { ...nkv.counts, breaks: nkv.breaks } }; },
  async work({ id, table, shared, names, seed, operations }) {
    return work(nkv, publications.get(table), table, shared, names, { seed, operations }, (done) => say({ id, progress: done }));
  },
};

function view(subscription) {
  const tables = {};
  for (const { table, key, value, revision } of subscription.entries()) {
    (tables[table] ??= Object.create(null))[key] = { value: base64(value), revision }; // any text is a key
  }
  return tables;
}

function say(line) { process.stdout.write(JSON.stringify(line) + "\n"); }

async function answer(line) {
  const { do: command, ...args } = JSON.parse(line);
  try {
    say({ id: args.id, done: true, ...await commands[command](args) });
  } catch (err) {
    const { reason = "bug", status = 0, revision = 0 } = err;
    say({ id: args.id, done: true, error: { reason, status, revision, message: reason === "bug" ? err.stack : err.message } });
  }
}

for await (const line of createInterface({ input: process.stdin })) answer(line);
process.exit(0);
