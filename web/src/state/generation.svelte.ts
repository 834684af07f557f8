/** The generations of this tab: sends them, hears of them, stops them, finds them again after a lost socket. */

import { pause } from "../wire/backoff";
import { GenerationLine, type Socket } from "../wire/generation";
import type { Hub } from "../wire/request";
import type { Frame, Value } from "../wire/shapes";
import { Refused, Unreachable } from "../wire/trouble";
import { t } from "../words.svelte";
import { EMPTY, reduce, type Batch, type BatchEvent, type Request } from "./batch";
import type { Cell } from "./cell";
import { keepOpen } from "./open";
import { jobOf, type JobView } from "./watch";

const SESSION_TRIES = 4;
const FOLLOW_TRIES = 4;

export type Connection = { state: "up" } | { state: "lost"; attempt: number; retryAt: number };

export interface Ears {
  /** Every frame, after the batch has taken it. */
  frame(frame: Frame): void;
  /** A request was refused before anything was begun. */
  refused(request: Request): void;
  /** The connection was lost or is back. */
  connection(now: Connection): void;
}

/** Looks up what became of requests whose socket was lost, and tells the batch; rejects when it lost its way. */
export type Reattach = (requests: () => Request[], tell: (event: BatchEvent) => void) => Promise<void>;

export class Generation {
  batch = $state.raw<Batch>(EMPTY);
  connection = $state.raw<Connection>({ state: "up" });
  #line: GenerationLine;
  #count = 0;
  #tries = new Map<string, number>();
  #following = false;
  #strays = 0;
  #hurry: (() => void) | null = null;

  constructor(
    private readonly hub: Hub,
    connect: () => Socket,
    private readonly ears: Ears,
    private readonly reattach: Reattach,
  ) {
    this.#line = new GenerationLine(connect, {
      frame: (socket, frame) => this.#hear(socket, frame),
      lost: (socket, opened) => this.#lost(socket, opened),
      closed: (socket) => this.#tell({ kind: "closed", socket }),
    });
  }

  /** Asks for `images` pictures; without a connection the request waits for it. Answers its local id. */
  submit(given: Record<string, Value>, images: number): string {
    this.#count += 1;
    const id = `${Date.now().toString(36)}-${this.#count}`;
    const promised = images * Math.max(1, Number(given["batchsize"] ?? 1));
    this.#tell({ kind: "asked", id, promised, given: { ...given, images }, at: Date.now() });
    if (this.connection.state === "up") void this.#send(id);
    return id;
  }

  /** Stops this tab's work, or that of all tabs of this user. */
  async stop(everywhere: boolean): Promise<void> {
    this.#tell({ kind: "stopped" });
    await this.hub.call("InterruptAll", { other_sessions: everywhere });
  }

  /** Stops one image and leaves the rest of its request alone. */
  async stopImage(request: Request, cell: Cell): Promise<void> {
    const { jobs } = await this.hub.call<{ jobs: JobView[] }>("hub/v1/jobs");
    const job = request.job ?? jobOf(jobs, request, this.batch.requests)?.job;
    const index = cell.index - request.offset;
    if (job === undefined) throw new Refused(t("The hub no longer knows this request."));
    await this.hub.call("hub/v1/jobs/cancel", { job, index });
    this.#tell({ kind: "missing", id: request.id, index, state: "interrupted", reason: "" });
  }

  forget(id: string): void {
    this.#tell({ kind: "dropped", id });
  }

  /** A picture was deleted: its cell goes too. */
  removed(picture: string): void {
    this.#tell({ kind: "removed", picture });
  }

  clear(): void {
    this.#tell({ kind: "cleared" });
  }

  /** Takes back requests of this tab from before a reload. */
  restore(requests: Request[]): void {
    if (requests.length === 0) return;
    this.batch = { ...this.batch, requests: [...requests, ...this.batch.requests] };
    void this.#back();
  }

  /** The tab has a new session: later requests go on a socket that belongs to it. */
  sessionChanged(): void {
    this.#line.leave();
  }

  /** Tries a lost connection now instead of at the end of the pause. */
  retryNow(): void {
    this.#hurry?.();
  }

  /** Called when a call found the hub unreachable: the page goes into its lost state and comes back by itself. */
  unreachable(): void {
    if (this.connection.state === "up") void this.#recover();
  }

  #tell(event: BatchEvent): void {
    const open = (): string => this.batch.requests.map(({ id, state, job, requestId }) => [id, state, job, requestId]).join();
    const before = open();
    this.batch = reduce(this.batch, event);
    if (open() !== before) keepOpen(this.batch);
  }

  #request(id: string): Request | undefined {
    return this.batch.requests.find((request) => request.id === id);
  }

  async #send(id: string): Promise<void> {
    try {
      const { session_id } = await this.hub.session();
      const request = this.#request(id);
      if (request?.state !== "unsent") return;
      const { images, ...rest } = request.given;
      const where = this.#line.submit({ session_id, images, ...rest }, request.promised);
      this.#tell({ kind: "sent", id, session: session_id, ...where });
    } catch (trouble) {
      if (trouble instanceof Unreachable) this.unreachable();
      else this.#tell({ kind: "ended", id, reason: trouble instanceof Error ? trouble.message : String(trouble) });
    }
  }

  #hear(socket: number, frame: Frame): void {
    if (frame.error_id === "invalid_session_id") return void this.#again(socket);
    const before = new Set(this.batch.requests.filter((request) => request.refusal !== null));
    this.#tell({ kind: "frame", socket, frame });
    for (const request of this.batch.requests) {
      if (request.refusal === null || before.has(request)) continue;
      this.#line.refused(socket, request.promised);
      this.ears.refused(request);
    }
    this.ears.frame(frame);
  }

  /** The session died: everything on that socket was refused, so it is sent again under a new session. */
  async #again(socket: number): Promise<void> {
    const refused = this.batch.requests.filter((request) => request.socket === socket && request.state === "open");
    const dead = this.hub.current?.session_id ?? null;
    for (const { id } of refused) {
      const tries = (this.#tries.get(id) ?? 0) + 1;
      this.#tries.set(id, tries);
      this.#tell(
        tries > SESSION_TRIES
          ? { kind: "ended", id, reason: "The hub refuses every new session." }
          : { kind: "held", id },
      );
    }
    try {
      await this.hub.renew(dead);
    } catch (trouble) {
      if (trouble instanceof Unreachable) return this.unreachable();
      const reason = trouble instanceof Refused ? trouble.message : String(trouble);
      for (const { id } of refused) this.#tell({ kind: "ended", id, reason });
      return;
    }
    await this.#flush();
  }

  #lost(socket: number, opened: boolean): void {
    const here = this.batch.requests.filter((request) => request.socket === socket && request.state === "open");
    if (opened) this.#tell({ kind: "lost", socket });
    else for (const { id } of here) this.#tell({ kind: "held", id });
    if (here.length > 0) this.unreachable();
  }

  async #flush(): Promise<void> {
    for (const request of this.batch.requests) if (request.state === "unsent") await this.#send(request.id);
  }

  /** Knocks until the hub answers: 0.5, 1, 2, 4, 8, then every 15 seconds, each varied a little. */
  async #recover(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const wait = pause(attempt);
      this.connection = { state: "lost", attempt: attempt + 1, retryAt: Date.now() + wait };
      this.ears.connection(this.connection);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#hurry = () => (clearTimeout(timer), resolve());
      });
      try {
        await this.hub.call("GetCurrentStatus");
        break;
      } catch (trouble) {
        if (trouble instanceof Refused) break;
      }
    }
    this.#hurry = null;
    this.connection = { state: "up" };
    this.ears.connection(this.connection);
    await this.#back();
  }

  async #back(): Promise<void> {
    await this.#flush();
    const detached = (): Request[] => this.batch.requests.filter((request) => request.state === "detached");
    if (detached().length === 0 || this.#following) return;
    this.#following = true;
    try {
      await this.reattach(() => this.batch.requests, (event) => this.#tell(event));
      await this.#flush();
      this.#strays = 0;
    } catch {
      this.#strays += 1;
      if (this.#strays < FOLLOW_TRIES) return this.unreachable();
      const reason = "The connection was lost. If the picture was finished, it is in the history.";
      for (const { id } of detached()) this.#tell({ kind: "ended", id, reason });
    } finally {
      this.#following = false;
    }
  }
}
