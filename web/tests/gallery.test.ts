import { describe, expect, it } from "vitest";
import { beside, between, lay, rowOf } from "../src/pages/gallery/layout";

const measures = { width: 416, tile: 100, gap: 8, head: 40 };

describe("the gallery's layout", () => {
  it("fills lines, and begins each day below its name", () => {
    const layout = lay(["b", "b", "b", "b", "b", "a"], measures);
    expect([layout.columns, layout.side]).toEqual([3, (416 - 16) / 3]);
    const side = layout.side;
    expect(layout.rows.map((row) => [row.day, row.from, row.count, Math.round(row.top)])).toEqual([
      ["b", 0, 0, 0], ["", 0, 3, 40], ["", 3, 2, Math.round(48 + side)],
      ["a", 5, 0, Math.round(56 + 2 * side)], ["", 5, 1, Math.round(96 + 2 * side)],
    ]);
  });

  it("names no day where none is known", () => {
    expect(lay(["", ""], measures).rows.map((row) => row.day)).toEqual([""]);
  });

  it("draws what is on the screen alone, of however many", () => {
    const layout = lay(Array.from({ length: 100_000 }, (_, at) => `day ${Math.floor(at / 1000)}`), measures);
    const seen = between(layout.rows, 1_000_000, 1_001_000);
    expect(seen.length).toBeLessThan(12);
    expect(seen.every((row) => row.top < 1_001_000 && row.top + row.height >= 1_000_000)).toBe(true);
    expect(between(layout.rows, -50, 10).length).toBe(1);
    expect(between(layout.rows, layout.height + 500, layout.height + 900)).toEqual([]);
  });

  it("walks up and down in one column, over days", () => {
    const { rows } = lay(["b", "b", "b", "b", "b", "a"], measures);
    expect(rowOf(rows, 4)?.from).toBe(3);
    expect(beside(rows, 0, 1)).toBe(3);
    expect(beside(rows, 2, 1)).toBe(4); // the line below is shorter
    expect(beside(rows, 4, 1)).toBe(5);
    expect(beside(rows, 5, -1)).toBe(3);
    expect(beside(rows, 0, -1)).toBe(0);
  });

  it("holds in a window narrower than a tile", () => {
    expect(lay(["a", "a"], { ...measures, width: 60 }).columns).toBe(1);
  });
});
