/** Random work on a table of one's own and on one that everybody writes. */

/** What may go wrong while connections are cut and the server is killed. */
const EXPECTED = new Set(["disconnected", "no-answer", "unavailable", "unknown", "revision", "not-found", "snapshot"]);

/** Returns a generator of numbers from 0 to 1 that a seed decides (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Does a number of random operations.
 * @param {(done: number) => void} progress is called now and then
 * @returns {Promise<{operations: number, unanswered: number, wrong: string[]}>}
 *   unanswered: operations that failed as they may; wrong: what must not be
 */
export async function work(nkv, publication, own, shared, keys, { seed, operations }, progress) {
  const next = random(seed);
  const below = (n) => Math.floor(next() * n);
  const key = () => keys[below(keys.length)];
  const value = () => Buffer.alloc(next() < 0.01 ? 40_000 : below(300), `${below(1000)} ü;`);
  const result = { operations: 0, unanswered: 0, wrong: [] };
  let restarts = 0;
  for (; result.operations < operations; result.operations++) {
    if (result.operations % 50 === 0) progress(result.operations);
    try {
      await operation();
    } catch (err) {
      result.unanswered++;
      if (!EXPECTED.has(err.reason)) result.wrong.push(`operation ${result.operations}: ${err.reason} ${err.stack}`);
    }
  }
  return result;

  async function operation() {
    const choice = below(1000);
    if (choice < 450) return publication.put(key(), value());
    if (choice < 600) return publication.delete(key());
    if (choice < 620) return Promise.all(Array.from({ length: 10 }, () => publication.put(key(), value())));
    if (choice < 720) return nkv.put(shared, key(), value());
    if (choice < 760) return nkv.put(shared, key(), value(), { expect: (await nkv.get(shared, key()))?.revision ?? 0 });
    if (choice < 810) return nkv.delete(shared, key());
    if (choice < 840) return publication.restarted(++restarts);
    if (choice < 842) return nkv.clear(shared, `${shared}.>`);
    if (choice < 846) return nkv.snapshot(choice % 2 ? own : shared);
    if (choice < 920) return nkv.get(shared, key());
    return acknowledgedIsVisible();
  }

  /** Nobody else writes the own table: what was acknowledged is what comes. */
  async function acknowledgedIsVisible() {
    const k = key();
    const wanted = value();
    await publication.put(k, wanted);
    const got = await nkv.get(own, k);
    if (!got?.value.equals(wanted)) result.wrong.push(`operation ${result.operations}: ${own} ${k} is not what was acknowledged`);
  }
}
