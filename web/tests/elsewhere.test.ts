import { describe, expect, it } from "vitest";

import { readTicket, registerElsewhere, wayAddress, waysElsewhere } from "../src/wire/elsewhere";
import { Refused, Unreachable } from "../src/wire/trouble";

const way = { id: "google", button: "Sign in with Google", address: "OpenID/google" };
const answering = (body: unknown) => (): Promise<Response> => Promise.resolve(new Response(JSON.stringify(body)));

describe("the way to an issuer", () => {
  it("comes back to the very place below the hub's own path", () => {
    expect(wayAddress("https://hub.example/paint/models?x=1#lora", way)).toBe(
      "https://hub.example/paint/OpenID/google?return=%2Fmodels%3Fx%3D1%23lora",
    );
  });

  it("never takes an old ticket along", () => {
    expect(wayAddress("https://hub.example/#register=abc&type=google", way)).toBe(
      "https://hub.example/OpenID/google?return=%2F",
    );
  });

  it("is none where the hub has none or cannot be asked", async () => {
    expect(await waysElsewhere("https://hub.example/", answering({ providers: [way] }))).toEqual([way]);
    expect(await waysElsewhere("https://hub.example/", answering({}))).toEqual([]);
    expect(await waysElsewhere("https://hub.example/", () => Promise.reject(new Error("gone")))).toEqual([]);
  });
});

describe("a ticket", () => {
  it("is read from behind the #", () => {
    expect(readTicket("#register=abc&type=google&email=ann%40example.com")).toEqual({
      register: "abc",
      type: "google",
      email: "ann@example.com",
    });
    for (const none of ["", "#", "#job=3", "#register=abc", "#type=google"]) expect(readTicket(none)).toBeNull();
  });

  it("becomes an account, or the hub's reason why not", async () => {
    const ticket = { register: "abc", type: "google", email: "" };
    const page = "https://hub.example/";
    await registerElsewhere(page, answering({ success: "true" }), "ann", ticket);
    const refused = registerElsewhere(page, answering({ error_id: "username_exists" }), "ann", ticket);
    await expect(refused).rejects.toBeInstanceOf(Refused);
    const gone = registerElsewhere(page, () => Promise.reject(new Error("gone")), "ann", ticket);
    await expect(gone).rejects.toBeInstanceOf(Unreachable);
  });
});
