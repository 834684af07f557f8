/** One session for each tab: kept over a reload, never shared with a duplicated tab. */

import type { SessionAnswer } from "./shapes";

const KEY = "hub.session";
const ASK_MS = 150;

export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The part of a BroadcastChannel this needs; tests bring their own. */
export interface Wire {
  postMessage(message: unknown): void;
  addEventListener(kind: "message", listener: (event: { data: unknown }) => void): void;
  removeEventListener(kind: "message", listener: (event: { data: unknown }) => void): void;
}

interface Ask {
  ask?: string;
  mine?: string;
}

/** Reads the kept session, or null when there is none or it cannot be read. */
export function readKept(keep: Keep): SessionAnswer | null {
  try {
    const kept: unknown = JSON.parse(keep.getItem(KEY) ?? "null");
    if (kept !== null && typeof kept === "object" && "session_id" in kept) return kept as SessionAnswer;
  } catch {
    keep.removeItem(KEY);
  }
  return null;
}

export function writeKept(keep: Keep, session: SessionAnswer): void {
  keep.setItem(KEY, JSON.stringify(session));
}

export function forgetKept(keep: Keep): void {
  keep.removeItem(KEY);
}

/**
 * Whether another open tab already lives on this session. Browsers copy `sessionStorage` when a tab is duplicated,
 * so that both would stop each other's work; the tab that was first answers and keeps it.
 */
export async function heldElsewhere(sessionId: string, wire: Wire, waitMs = ASK_MS): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (held: boolean): void => {
      wire.removeEventListener("message", hear);
      clearTimeout(timer);
      resolve(held);
    };
    const hear = (event: { data: unknown }): void => {
      if ((event.data as Ask).mine === sessionId) done(true);
    };
    const timer = setTimeout(() => done(false), waitMs);
    wire.addEventListener("message", hear);
    wire.postMessage({ ask: sessionId } satisfies Ask);
  });
}

/** Answers other tabs that ask for the session this tab holds at that moment. */
export function answerAsks(held: () => string | null, wire: Wire): void {
  wire.addEventListener("message", (event) => {
    const asked = (event.data as Ask).ask;
    if (asked !== undefined && asked === held()) wire.postMessage({ mine: asked } satisfies Ask);
  });
}
