/** The queue as one sees it, kept up to date: read when something happens, and now and then for the times. */

import type { Hub } from "../../wire/request";
import { socketAddress } from "../../wire/address";
import { Reading } from "../../state/reading.svelte";

export interface ImageLine {
  index: number;
  state: string;
  image?: string | null;
  error?: string | null;
}

/** One job as `hub/v1/jobs` tells it; times in unix seconds, `begins_in` and `ends_in` in seconds. */
export interface JobLine {
  job: string;
  request_id: string;
  session: string;
  state: string;
  images: ImageLine[];
  prompt: string;
  model: string;
  created: number;
  finished: number | null;
  ahead: number | null;
  error: string;
  begins_in: number | null;
  ends_in: number | null;
  priority: number;
  user: string;
  mine: boolean;
  held_up?: string[];
}

export interface EngineLine {
  engine: number;
  seconds_an_image: number | null;
}

export interface Figures {
  paused: boolean;
  waiting: number;
  drawn: number;
  jobs: number;
  users: number;
  seconds_an_image: number | null;
}

export interface Step {
  step: number;
  steps: number;
}

const SOON_MS = 250;
const NOW_AND_THEN_MS = 4000;
const BACK_MS = 2000;
const OPEN = new Set(["waiting", "running"]);

export const isOpen = (job: JobLine): boolean => OPEN.has(job.state);

/** How many of a job's images are over, and how many there are. */
export function done(job: JobLine): [number, number] {
  return [job.images.filter((image) => !OPEN.has(image.state)).length, job.images.length];
}

export class Line {
  /** Jobs of everybody or one's own. */
  everyone = $state(false);
  jobs: Reading<{ jobs: JobLine[]; paused: boolean }>;
  figures: Reading<Figures>;
  /** The newest step of every image being drawn, by job and index. */
  steps = $state<Record<string, Step>>({});
  #soon: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly hub: Hub) {
    this.jobs = new Reading(() => hub.call("hub/v1/jobs", { everyone: this.everyone, limit: 200 }));
    this.figures = new Reading(() => hub.call<Figures>("hub/v1/queue"));
  }

  /** Follows the queue until the function it gives is called. */
  follow(): () => void {
    let over = false;
    let socket: WebSocket | null = null;
    const listen = async (): Promise<void> => {
      const { session_id } = await this.hub.session();
      if (over) return;
      socket = new WebSocket(socketAddress(location.href, "hub/v1/events"));
      socket.onopen = () => socket?.send(JSON.stringify({ session_id, previews: "none" }));
      socket.onmessage = (message: MessageEvent<string>) => this.#hear(JSON.parse(message.data) as Told);
      socket.onclose = () => {
        if (!over) setTimeout(() => void listen().catch(() => undefined), BACK_MS);
      };
    };
    void listen().catch(() => undefined); // the lists below tell why the hub does not answer
    const stop = [this.jobs.every(NOW_AND_THEN_MS), this.figures.every(NOW_AND_THEN_MS)];
    return () => {
      over = true;
      socket?.close();
      for (const end of stop) end();
    };
  }

  /** Reads everything anew, at once. */
  async read(): Promise<void> {
    await Promise.all([this.jobs.load(), this.figures.load()]);
  }

  #hear(told: Told): void {
    if (told.event === "progressed" && told.job !== undefined) {
      this.steps[`${told.job}:${told.index}`] = { step: told.step ?? 0, steps: told.steps ?? 0 };
      return;
    }
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      void this.read();
    }, SOON_MS);
  }
}

interface Told {
  event?: string;
  job?: string;
  index?: number;
  step?: number;
  steps?: number;
}
