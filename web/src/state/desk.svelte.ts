/** Everything of one tab put together; the parts of the page find it through Svelte's context. */

import { getContext, setContext } from "svelte";
import { pictureAddress, socketAddress } from "../wire/address";
import type { Socket } from "../wire/generation";
import { Hub } from "../wire/request";
import { forgetKept, readKept, writeKept } from "../wire/session";
import type { Frame, SessionAnswer } from "../wire/shapes";
import { Refused, Unreachable } from "../wire/trouble";
import { t } from "../words.svelte";
import { EMPTY, INTERRUPTED, type Request } from "./batch";
import { Catalog } from "./catalog.svelte";
import { Draft } from "./draft.svelte";
import { Generation, type Connection } from "./generation.svelte";
import { History } from "./history.svelte";
import { Language } from "./language.svelte";
import { Notices } from "./notices.svelte";
import { keepOpen, takeOpen } from "./open";
import { Place } from "./place.svelte";
import { reattach } from "./reattach";
import { Rights } from "./rights";
import { explain } from "./explain";
import { around, firstFault, requestOf } from "./shaping";
import { Tabs } from "./tabs";

const NAME = "desk";

export class Desk {
  readonly hub: Hub;
  readonly notices = new Notices();
  readonly place = new Place();
  readonly draft = new Draft();
  readonly catalog: Catalog;
  readonly history: History;
  readonly language: Language;
  readonly generation: Generation;
  session = $state.raw<SessionAnswer | null>(null);
  /** The hub wants to know who is there before it gives a session. */
  signedOut = $state(false);
  /** Why nothing can be shown yet, when the start failed. */
  trouble = $state("");
  /** The hub was updated while this page was open. */
  outdated = $state(false);
  #tabs = new Tabs();
  #rights: Rights;

  constructor() {
    const kept = readKept(sessionStorage);
    this.session = kept;
    this.hub = new Hub(
      {
        page: location.href,
        fetch: (address, init) => fetch(address, init),
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        onSession: (session) => this.#took(session),
        onForbidden: () => this.#rights.refused(),
      },
      kept,
    );
    this.#rights = new Rights(this.hub, () => this.session?.permissions ?? [], (now) => this.#granted(now));
    this.catalog = new Catalog(this.hub);
    this.history = new History(this.hub);
    this.language = new Language(this.hub);
    const connect = (): Socket =>
      new WebSocket(socketAddress(location.href, "API/GenerateText2ImageWS")) as unknown as Socket;
    const ears = {
      frame: (frame: Frame) => this.#heard(frame),
      refused: (request: Request) => this.#refused(request),
      connection: (now: Connection) => this.#connection(now),
    };
    this.generation = new Generation(this.hub, connect, ears, (requests, tell) =>
      reattach({ hub: this.hub, page: location.href, requests, tell, changed: () => this.history.soon() }),
    );
  }

  /** Takes or keeps the session, then reads all the page draws from. */
  async start(): Promise<void> {
    const kept = this.hub.current;
    if (kept !== null && (await this.#tabs.hold(kept.session_id))) {
      keepOpen(EMPTY); // the copied work belongs to the other tab
      await this.hub.renew(kept.session_id).catch(() => undefined); // `read` meets the same trouble and shows it
    } else {
      this.generation.restore(takeOpen());
    }
    this.#tabs.listen(
      () => this.hub.current?.session_id ?? null,
      (finished) => this.history.add(finished.image, finished.metadata),
    );
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || this.generation.connection.state !== "up") return;
      this.history.soon();
      this.#ask();
    });
    await this.read();
    if (kept !== null) this.#ask(); // roles may have changed since the session was kept
    void this.#watch();
  }

  /** Reads parameters, models and history; shows why when that fails, and tries again when the hub is back. */
  async read(): Promise<void> {
    try {
      await Promise.all([this.catalog.load(), this.catalog.poll()]);
      this.draft.groups = this.catalog.groups;
      this.draft.settleModel(this.catalog.models);
      this.trouble = "";
      await this.history.load();
      if (this.may("read_user_settings")) await this.attempt(() => this.language.load());
      this.signedOut = false;
    } catch (cause) {
      this.trouble = explain(cause);
      this.signedOut = cause instanceof Refused && this.hub.current === null;
      if (cause instanceof Unreachable) this.generation.unreachable();
    }
  }

  get model() {
    return this.catalog.model(this.draft.values["model"]);
  }

  /** Whether the chosen model is the small one that comes with the hub. */
  get isDemonstration(): boolean {
    return /starter/i.test(`${this.model?.architecture ?? ""} ${this.model?.class ?? ""}`);
  }

  /** Where to see a picture that goes along with a request: a file of this device, or one of the person's own. */
  sentPicture(value: unknown): string | null {
    if (typeof value !== "string" || value === "") return null;
    if (value.startsWith("data:")) return value;
    const home = this.session?.output_append_user === false ? "Output" : `View/${this.session?.user_id ?? ""}`;
    return /^(inputs|raw|Starred)\//.test(value) ? pictureAddress(`${home}/${value}`) : null;
  }

  may(flag: string): boolean {
    const flags = this.session?.permissions ?? [];
    return flags.includes(flag) || flags.includes("*");
  }

  /** Checks and sends the draft; the first wrong field is named and gets the focus, and nothing is sent. */
  generate(): void {
    const { list, groups, features } = this.catalog;
    const view = { list, groups, features, choice: this.draft.choice, model: this.model };
    const wrong = firstFault(view);
    if (wrong) return this.#point(wrong.id, t(wrong.key, wrong.named));
    this.generation.submit(requestOf(view), Number(this.draft.images));
    this.notices.say(
      this.generation.connection.state === "up" ? t("Sent to the hub.") : t("Will be sent when the hub is back."),
    );
  }

  /** Looks for models added since. */
  async refresh(): Promise<void> {
    await this.catalog.refresh();
    this.draft.settleModel(this.catalog.models);
    this.notices.say(t("{n} models found.", { n: this.catalog.models.length }));
  }

  /** Signs in and reads everything; raises what the hub refused. */
  async signIn(username: string, password: string): Promise<void> {
    await this.hub.signIn(username, password);
    await this.read();
  }

  /** Ends the session; the page asks who is there. The draft stays. */
  async signOut(): Promise<void> {
    await this.hub.call("Logout");
    forgetKept(sessionStorage);
    location.reload();
  }

  /** Runs something a person asked for; its failure is shown, never swallowed. */
  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.notices.alarm(explain(cause));
      this.signedOut ||= cause instanceof Refused && this.hub.current === null;
      if (cause instanceof Unreachable) this.generation.unreachable();
    }
  }

  #took(session: SessionAnswer): void {
    if (this.session !== null && this.session.version !== session.version) this.outdated = true;
    this.session = session;
    writeKept(sessionStorage, session);
    this.generation.sessionChanged();
  }

  /** Looks up what this person may do; the next poll meets the same trouble and shows it. */
  #ask(): void {
    this.#rights.read().catch(() => undefined);
  }

  /** A role was changed: what may no longer be used goes, what may be comes, and lists are read anew. */
  #granted(permissions: string[]): void {
    if (this.session === null) return;
    this.session = { ...this.session, permissions };
    writeKept(sessionStorage, this.session);
    this.notices.say(t("Your permissions have changed."));
    void this.read();
  }

  #heard(frame: Frame): void {
    this.catalog.hear(frame);
    if (typeof frame.image === "string") {
      const finished = { image: frame.image, metadata: frame.metadata ?? null };
      this.history.add(finished.image, finished.metadata);
      this.#tabs.tell(finished);
      const cells = this.generation.batch.requests.filter((one) => one.state !== "ended").flatMap((one) => one.cells);
      const done = cells.filter((cell) => cell.state === "done").length;
      this.notices.say(t("Image {done} of {all} done.", { done, all: cells.length }));
    }
    if (frame.error !== undefined && frame.error !== INTERRUPTED) this.notices.urgent = frame.error;
    for (const warning of frame.warnings ?? []) this.notices.alarm(warning, "warn");
  }

  #refused(request: Request): void {
    const { refusal } = request;
    if (refusal === null) return;
    const { message, field, permission } = refusal;
    if (permission !== null) this.#rights.refused();
    const text = explain(new Refused(message, null, field, refusal.limit, permission));
    if (field !== null && this.catalog.param(field)) this.#point(field, text);
    else this.notices.alarm(text);
    this.generation.forget(request.id);
  }

  #connection(now: Connection): void {
    if (now.state === "lost") {
      if (now.attempt === 1) this.notices.say(t("Connection lost. Reconnecting."));
      return;
    }
    this.notices.say(t("Reconnected."));
    this.#ask();
    void this.read();
  }

  /** Puts a message under its field and moves the focus there. */
  #point(id: string, text: string): void {
    this.draft.faults[id] = text;
    this.notices.urgent = text;
    const param = this.catalog.param(id);
    const groups = around(param?.group ?? null, this.catalog.groups);
    for (const group of groups) this.draft.open[group.id] = true;
    if (param?.visible && (param.advanced || groups.some((group) => group.advanced))) this.draft.advanced = true;
    this.draft.filter = "";
    setTimeout(() => document.getElementById(`field-${id}`)?.focus(), 50);
  }

  async #watch(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, this.catalog.pollMs));
      if (document.hidden || this.generation.connection.state !== "up") continue;
      try {
        await Promise.all([this.catalog.poll(), this.#rights.read()]);
      } catch (cause) {
        if (cause instanceof Unreachable) this.generation.unreachable();
        else this.notices.alarm(explain(cause));
      }
    }
  }
}

export const provideDesk = (desk: Desk): Desk => setContext(NAME, desk);
export const useDesk = (): Desk => getContext<Desk>(NAME);
