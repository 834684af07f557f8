import { describe, expect, it, vi } from "vitest";
import { baseOf, ownPath, pictureAddress, pictureIdentity, routeAddress, socketAddress } from "../src/wire/address";
import { pause } from "../src/wire/backoff";
import { GenerationLine, type Socket } from "../src/wire/generation";
import type { Frame } from "../src/wire/shapes";

describe("addresses", () => {
  it("lie beside the page, also below a path", () => {
    expect(baseOf("http://h:7801/")).toBe("http://h:7801/");
    expect(routeAddress("https://h/team/hub/Text2Image?x=1#y", "GetNewSession")).toBe("https://h/team/hub/API/GetNewSession");
    expect(socketAddress("https://h/hub/", "API/GenerateText2ImageWS")).toBe("wss://h/hub/API/GenerateText2ImageWS");
    expect(socketAddress("http://h:1/a/b", "hub/v1/jobs/watch")).toBe("ws://h:1/a/hub/v1/jobs/watch");
  });

  it("of pictures are escaped once", () => {
    expect(pictureAddress("View/local/raw/a red 100% #1.png")).toBe("View/local/raw/a%20red%20100%25%20%231.png");
    expect(pictureAddress("View/local/a%20b.png", true)).toBe("View/local/a%20b.png?preview=true");
    expect(pictureAddress("data:image/png;base64,AA==", true)).toBe("data:image/png;base64,AA==");
  });
});

describe("a picture's identity", () => {
  it("is the same for the original and its starred copy, escaped or not", () => {
    const id = "2026-11-20/a red-1.png";
    expect(pictureIdentity("View/local/raw/2026-11-20/a red-1.png")).toBe(id);
    expect(pictureIdentity("View/local/Starred/2026-11-20/a%20red-1.png")).toBe(id);
    expect(pictureIdentity("raw/2026-11-20/a red-1.png")).toBe(id);
  });
});

describe("a picture in a request", () => {
  it("is named by its path below the person's folder", () => {
    expect(ownPath("View/local/raw/2026-11-20/a%20red-1.png")).toBe("raw/2026-11-20/a red-1.png");
    expect(ownPath("Output/raw/a.png")).toBe("raw/a.png");
  });
});

describe("back-off", () => {
  it("doubles up to 15 seconds", () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((attempt) => pause(attempt, () => 0.5))).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000]);
  });

  it("varies by a fifth", () => {
    expect(pause(1, () => 0)).toBe(800);
    expect(pause(1, () => 1)).toBe(1200);
  });
});

class FakeSocket implements Socket {
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.onclose?.();
  }
  say(frame: Frame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

function line() {
  const sockets: FakeSocket[] = [];
  const heard = { frame: vi.fn(), lost: vi.fn(), closed: vi.fn() };
  const connect = (): Socket => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  };
  return { sockets, heard, line: new GenerationLine(connect, heard) };
}

describe("the generation socket", () => {
  it("carries several requests with counted indices and holds them until it is open", () => {
    const { sockets, line: to } = line();
    expect(to.submit({ a: 1 }, 2)).toEqual({ socket: 1, offset: 0 });
    expect(to.submit({ a: 2 }, 3)).toEqual({ socket: 1, offset: 2 });
    expect(sockets[0]?.sent).toEqual([]);
    sockets[0]?.onopen?.();
    to.submit({ a: 3 }, 1);
    expect(sockets[0]?.sent).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
    expect(sockets).toHaveLength(1);
  });

  it("is left when the hub will close it, and that close is no loss", () => {
    const { sockets, heard, line: to } = line();
    to.submit({}, 1);
    sockets[0]?.onopen?.();
    sockets[0]?.say({ socket_intention: "close" });
    expect(to.submit({}, 1)).toEqual({ socket: 2, offset: 0 });
    sockets[0]?.close();
    expect(heard.lost).not.toHaveBeenCalled();
    expect(heard.closed).toHaveBeenCalledWith(1);
  });

  it("tells a loss, and whether it ever stood", () => {
    const { sockets, heard, line: to } = line();
    to.submit({}, 1);
    sockets[0]?.close();
    expect(heard.lost).toHaveBeenLastCalledWith(1, false);
    to.submit({}, 1);
    sockets[1]?.onopen?.();
    sockets[1]?.close();
    expect(heard.lost).toHaveBeenLastCalledWith(2, true);
  });

  it("turns a frame that is no JSON into an error, never into silence", () => {
    const { sockets, heard, line: to } = line();
    to.submit({}, 1);
    sockets[0]?.onmessage?.({ data: "<html>" });
    expect(heard.frame.mock.calls[0]?.[1]).toHaveProperty("error");
  });
});
