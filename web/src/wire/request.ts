/** Calls to the hub, each carrying the tab's session, each surviving a dead session. */

import { routeAddress } from "./address";
import type { SessionAnswer } from "./shapes";
import { refusalIn, Refused, Unreachable } from "./trouble";

export type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export interface Surroundings {
  page: string;
  fetch: Fetch;
  sleep: (ms: number) => Promise<void>;
  /** Told of each new session, so that it can be kept. */
  onSession: (session: SessionAnswer) => void;
  /** Told of each refusal that names a permission: what the page believes of the person may be old. */
  onForbidden?: () => void;
}

const TRIES = 4;
const SPACING_MS = 1000;

/** The hub as seen from one tab. */
export class Hub {
  #session: SessionAnswer | null;
  #asking: Promise<SessionAnswer> | null = null;

  constructor(
    private readonly around: Surroundings,
    kept: SessionAnswer | null = null,
  ) {
    this.#session = kept;
  }

  /** The session in use, or null before the first call. */
  get current(): SessionAnswer | null {
    return this.#session;
  }

  /** The session in use; taken from the hub when there is none. */
  async session(): Promise<SessionAnswer> {
    return this.#session ?? this.renew(null);
  }

  /**
   * A new session in place of the dead one. Callers that met the same dead session at the same time share one new
   * session instead of each taking their own.
   */
  async renew(dead: string | null): Promise<SessionAnswer> {
    if (this.#session !== null && this.#session.session_id !== dead) return this.#session;
    this.#session = null; // a dead session must not be used again should the hub give no new one
    this.#asking ??= this.#take().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #take(): Promise<SessionAnswer> {
    const answer = (await this.#post("GetNewSession", {})) as unknown as SessionAnswer;
    this.#session = answer;
    this.around.onSession(answer);
    return answer;
  }

  /**
   * Calls a route. A dead session is replaced and the call repeated, at most four times, a second apart after the
   * first. Raises `Refused` with the hub's sentence, or `Unreachable`.
   */
  async call<Answer>(route: string, given: Record<string, unknown> = {}): Promise<Answer> {
    return this.#alive((session_id) => this.#post(route, { ...given, session_id })) as Promise<Answer>;
  }

  async #alive(ask: (session_id: string) => Promise<Record<string, unknown>>): Promise<Record<string, unknown>> {
    for (let attempt = 0; ; attempt += 1) {
      const { session_id } = await this.session();
      try {
        return await ask(session_id);
      } catch (trouble) {
        const dead = trouble instanceof Refused && trouble.errorId === "invalid_session_id";
        if (!dead || attempt >= TRIES) throw trouble;
        if (attempt > 0) await this.around.sleep(SPACING_MS);
        await this.renew(session_id);
      }
    }
  }

  /** Reads a route that changes nothing, as `call` does. */
  async read<Answer>(route: string, given: Record<string, string | number> = {}): Promise<Answer> {
    const query = new URLSearchParams(Object.entries(given).map(([name, value]) => [name, String(value)])).toString();
    return this.#alive((session_id) => this.#send(query === "" ? route : `${route}?${query}`, { headers: { "X-Session-ID": session_id } })) as Promise<Answer>;
  }

  /** Proves who is there; the hub answers with a cookie. Raises `Refused`. */
  async signIn(username: string, password: string): Promise<void> {
    await this.#post("Login", { username, password: await prehashed(username, password) });
    this.#session = null;
  }

  /** Changes one's own password; every other way of being signed in ends. Raises `Refused`. */
  async changePassword(username: string, old: string, fresh: string): Promise<void> {
    const given = { oldPassword: await prehashed(username, old), newPassword: await prehashed(username, fresh) };
    await this.call("ChangePassword", given);
  }

  /** Deletes one's own account with everything in it. Raises `Refused`. */
  async deleteAccount(username: string, password: string): Promise<void> {
    await this.call("hub/v1/account/delete", { password: password === "" ? "" : await prehashed(username, password) });
  }

  async #post(route: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.#send(route, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  async #send(route: string, init: RequestInit): Promise<Record<string, unknown>> {
    let answer: unknown;
    try {
      const response = await this.around.fetch(routeAddress(this.around.page, route), { ...init, cache: "no-store" });
      answer = await response.json();
    } catch (cause) {
      throw new Unreachable(cause instanceof Error ? cause.message : String(cause));
    }
    if (answer === null || typeof answer !== "object") throw new Unreachable(`${route}: no JSON object`);
    const refusal = refusalIn(answer);
    if (refusal?.permission) this.around.onForbidden?.();
    if (refusal !== null) throw refusal;
    return answer as Record<string, unknown>;
  }
}

/** What stands for a password on the wire: a digest where the browser can make one (only on safe origins). */
async function prehashed(username: string, password: string): Promise<string> {
  const text = `swarmclientpw:${username}:${password}`;
  if (globalThis.crypto?.subtle === undefined) return `__swarmdoprehash:${text}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
