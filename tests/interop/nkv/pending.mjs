/**
 * What a handler has not taken yet (section 6, slow handlers): the latest change
 * of each key, in order of arrival. A mark closes a segment, and changes never
 * move across it, so a mark is taken after all that was changed before it.
 */
export class Pending {
  #segments = [{ changes: new Map(), mark: undefined }]; // the last one is open

  /** Files a change; it replaces one of the same key that nobody took. */
  change(key, change) {
    const { changes } = this.#segments.at(-1);
    changes.delete(key); // a key that changes again moves to the end
    changes.set(key, change);
  }

  /** Files a mark; it replaces an older one of its kind, whose segment joins the next. */
  mark(mark) {
    const older = this.#segments.findIndex((s) => s.mark?.kind === mark.kind);
    if (older >= 0) {
      const next = this.#segments[older + 1];
      const newer = next.changes;
      next.changes = this.#segments[older].changes;
      for (const [key, change] of newer) {
        next.changes.delete(key);
        next.changes.set(key, change);
      }
      this.#segments.splice(older, 1);
    }
    this.#segments.at(-1).mark = mark;
    this.#segments.push({ changes: new Map(), mark: undefined });
  }

  /** Takes the oldest change or mark; undefined: there is none. */
  take() {
    const { changes, mark } = this.#segments[0];
    for (const [key, change] of changes) {
      changes.delete(key);
      return { change };
    }
    if (mark) this.#segments.shift();
    return mark && { mark };
  }

  get size() {
    return this.#segments.reduce((n, s) => n + s.changes.size + (s.mark ? 1 : 0), 0);
  }
}
