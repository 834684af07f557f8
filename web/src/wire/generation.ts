/** The generation socket: several requests on one line, a new line when the hub has said it will close. */

import type { Frame } from "./shapes";

/** The part of a WebSocket this needs; tests bring their own. */
export interface Socket {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
}

export interface Listener {
  /** A frame came on socket number `socket`. */
  frame(socket: number, frame: Frame): void;
  /** The socket is gone though the hub had not announced it; `opened` tells whether it ever stood. */
  lost(socket: number, opened: boolean): void;
  /** The socket is closed as the hub had announced. */
  closed(socket: number): void;
}

interface Line {
  number: number;
  socket: Socket;
  promised: number;
  opened: boolean;
  leaving: boolean;
  unsent: string[];
}

/** Hands requests to the hub and its frames to one listener. */
export class GenerationLine {
  #line: Line | null = null;
  #count = 0;

  constructor(
    private readonly connect: () => Socket,
    private readonly listener: Listener,
  ) {}

  /** Sends `body`, which promises `images` images; answers where its frames will be found. */
  submit(body: Record<string, unknown>, images: number): { socket: number; offset: number } {
    const line = this.#line ?? this.#open();
    const offset = line.promised;
    line.promised += images;
    const text = JSON.stringify(body);
    if (line.opened) line.socket.send(text);
    else line.unsent.push(text);
    return { socket: line.number, offset };
  }

  /** The hub refused a request on socket number `socket`: its `images` indices are counted for later ones. */
  refused(socket: number, images: number): void {
    if (this.#line?.number === socket) this.#line.promised -= images;
  }

  /** Leaves the present socket to itself: the next request gets a new one (its session is fixed at connect). */
  leave(): void {
    this.#line = null;
  }

  #open(): Line {
    this.#count += 1;
    const line: Line = {
      number: this.#count, socket: this.connect(), promised: 0, opened: false, leaving: false, unsent: [],
    };
    line.socket.onopen = () => {
      line.opened = true;
      for (const text of line.unsent.splice(0)) line.socket.send(text);
    };
    line.socket.onmessage = (event) => this.#hear(line, String(event.data));
    line.socket.onclose = () => this.#closed(line);
    line.socket.onerror = () => undefined; // the close that follows says all there is to know
    this.#line = line;
    return line;
  }

  #hear(line: Line, text: string): void {
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      frame = { error: "The hub sent a frame that cannot be read." };
    }
    if (frame.socket_intention === "close" || frame.error_id === "invalid_session_id") {
      line.leaving = true;
      if (this.#line === line) this.#line = null;
    }
    this.listener.frame(line.number, frame);
  }

  #closed(line: Line): void {
    if (this.#line === line) this.#line = null;
    if (line.leaving) this.listener.closed(line.number);
    else this.listener.lost(line.number, line.opened);
  }
}
