/** Where every picture of a very long gallery lies, so that only those on the screen are drawn. Pure; pixels. */

export interface Measures {
  /** Width there is. */
  width: number;
  /** Least width of a tile. */
  tile: number;
  gap: number;
  /** Height of the line above a new day. */
  head: number;
}

/** One line of the gallery: a day's name, or some tiles beside each other. */
export interface Row {
  top: number;
  height: number;
  /** The day that begins; empty for a line of tiles. */
  day: string;
  /** Place of the first tile among all pictures, and how many there are. */
  from: number;
  count: number;
}

export interface Layout {
  rows: Row[];
  columns: number;
  /** Side of a tile. */
  side: number;
  height: number;
}

/** Lays out pictures by the day each is from (the empty day has no line of its own). */
export function lay(days: readonly string[], measures: Measures): Layout {
  const { width, gap, head } = measures;
  const columns = Math.max(1, Math.floor((width + gap) / (measures.tile + gap)));
  const side = (width - gap * (columns - 1)) / columns;
  const rows: Row[] = [];
  let top = 0;
  for (let from = 0; from < days.length; ) {
    const day = days[from] ?? "";
    if (day !== "" && (from === 0 || day !== days[from - 1])) {
      rows.push({ top, height: head, day, from, count: 0 });
      top += head;
    }
    let count = 0;
    while (count < columns && from + count < days.length && days[from + count] === day) count += 1;
    rows.push({ top, height: side, day: "", from, count });
    top += side + gap;
    from += count;
  }
  return { rows, columns, side, height: top };
}

/** The rows between two heights, found by halving: a hundred thousand pictures cost no more than a hundred. */
export function between(rows: readonly Row[], from: number, to: number): Row[] {
  const first = firstAt(rows, from);
  let last = first;
  while (last < rows.length && (rows[last]?.top ?? 0) < to) last += 1;
  return rows.slice(first, last);
}

/** The row of tiles a picture is in. */
export function rowOf(rows: readonly Row[], index: number): Row | undefined {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((rows[middle]?.from ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  return rows[low];
}

/** The picture above (-1) or below (1) another, in the same column where there is one. */
export function beside(rows: readonly Row[], index: number, step: 1 | -1): number {
  const tiles = rows.filter((row) => row.count > 0);
  const row = rowOf(tiles, index);
  const next = row === undefined ? undefined : tiles[tiles.indexOf(row) + step];
  if (row === undefined || next === undefined) return index;
  return next.from + Math.min(index - row.from, next.count - 1);
}

function firstAt(rows: readonly Row[], height: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && row.top + row.height < height) low = middle + 1;
    else high = middle;
  }
  return low;
}
