/**
 * What went wrong. `reason` is for programs: the server's word of section 3, or
 * one of this side: "disconnected" (it was not sent), "no-answer" (a change
 * happened entirely or not at all), "closed".
 */
export class NkvError extends Error {
  /**
   * @param {string} reason
   * @param {string} message what happened and what to do, for people
   * @param {{status?: number, revision?: number, retryAfter?: number}} more as the server said it
   */
  constructor(reason, message, more = {}) {
    super(message);
    Object.assign(this, { name: "NkvError", reason, status: 0, ...more });
  }
}
