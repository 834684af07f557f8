import { describe, expect, it } from "vitest";
import { spoken, written } from "../sentences.mjs";

describe("the English texts", () => {
  const keys = written();

  it("hold every sentence of the page (`npm run words` adds them)", () => {
    expect([...spoken()].filter((key) => !(key in keys))).toEqual([]);
  });

  it("have placeholders only by name", () => {
    expect(Object.keys(keys).filter((key) => /\{[^}]*[^\w}][^}]*\}/.test(key))).toEqual([]);
  });
});
