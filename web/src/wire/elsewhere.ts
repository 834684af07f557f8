/** Signing in with an account elsewhere (OpenID Connect): the ways there are, and what a browser comes back with. */

import { baseOf, routeAddress } from "./address";
import type { Fetch } from "./request";
import { refusalIn, Unreachable } from "./trouble";

export interface Way {
  id: string;
  button: string;
  address: string;
}

/** What somebody comes back with who has no account here yet and may choose a name. */
export interface Ticket {
  register: string;
  type: string;
  email: string;
}

/** The issuers one may sign in with; none where the hub cannot be asked. */
export async function waysElsewhere(page: string, fetch: Fetch): Promise<Way[]> {
  try {
    const answer = await fetch(routeAddress(page, "hub/v1/sign_in"), { method: "GET", cache: "no-store" });
    const told = (await answer.json()) as { providers?: Way[] };
    return told.providers ?? [];
  } catch {
    return [];
  }
}

/** Where the browser goes to sign in that way, and afterwards comes back to this very place. */
export function wayAddress(page: string, way: Way): string {
  const base = baseOf(page);
  const place = readTicket(new URL(page).hash) === null ? page.slice(base.length) : "";
  return `${base}${way.address}?return=${encodeURIComponent(`/${place}`)}`;
}

/** The ticket behind the `#` of an address, or null. */
export function readTicket(hash: string): Ticket | null {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  const [register, type] = [told.get("register"), told.get("type")];
  return register && type ? { register, type, email: told.get("email") ?? "" } : null;
}

/** Makes an account under a name for whom the ticket is; it is signed in then. Raises `Refused`, `Unreachable`. */
export async function registerElsewhere(page: string, fetch: Fetch, username: string, ticket: Ticket): Promise<void> {
  const given = { username, oauth_tracker_key: ticket.register, oauth_type: ticket.type };
  let answer: unknown;
  try {
    const response = await fetch(routeAddress(page, "RegisterOAuth"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(given),
      cache: "no-store",
    });
    answer = await response.json();
  } catch (cause) {
    throw new Unreachable(cause instanceof Error ? cause.message : String(cause));
  }
  const refusal = refusalIn(answer as object);
  if (refusal !== null) throw refusal;
}
