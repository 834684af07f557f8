/** Which picture is on the stage: the one chosen by hand, else the newest that shows something. */

import { getContext, setContext } from "svelte";
import { pictureAddress, pictureIdentity } from "../../wire/address";
import type { Request } from "../../state/batch";
import type { Cell } from "../../state/cell";
import type { Desk } from "../../state/desk.svelte";
import type { Item } from "../../state/history.svelte";

/** What the stage shows. `address` is null while nothing of a running image can be seen yet. */
export interface Shown {
  key: string;
  address: string | null;
  metadata: string | null;
  cell: Cell | null;
  item: Item | null;
}

export const cellKey = (request: Request, cell: Cell): string => `${request.id}:${cell.index - request.offset}`;

export class Stage {
  /** A batch cell's key or a history picture's identity; null follows the work. */
  chosen = $state<string | null>(null);

  constructor(private readonly desk: Desk) {}

  readonly shown = $derived.by<Shown | null>(() => this.#cell() ?? this.#fromHistory());

  #cell(): Shown | null {
    const cells = this.desk.generation.batch.requests.flatMap((request) =>
      request.cells.map((cell) => ({ key: cellKey(request, cell), cell })),
    );
    const picked = cells.find(({ key }) => key === this.chosen);
    if (this.chosen !== null && !picked) return null;
    const running = cells.find(({ cell }) => cell.state === "running");
    const found = picked ?? running ?? cells.findLast(({ cell }) => cell.state === "done") ?? cells.at(-1);
    if (!found) return null;
    const { cell, key } = found;
    const address = cell.image === null ? cell.preview : pictureAddress(cell.image);
    const item = cell.image === null ? null : this.desk.history.find(pictureIdentity(cell.image));
    return { key, cell, address, metadata: cell.metadata ?? item?.metadata ?? null, item };
  }

  #fromHistory(): Shown | null {
    const item = this.chosen === null ? null : this.desk.history.find(this.chosen);
    return item ? { key: item.id, address: item.address, metadata: item.metadata, cell: null, item } : null;
  }
}

const NAME = "stage";
export const provideStage = (stage: Stage): Stage => setContext(NAME, stage);
export const useStage = (): Stage => getContext<Stage>(NAME);
