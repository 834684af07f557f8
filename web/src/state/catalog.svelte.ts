/** What can be chosen: parameters, their groups, models, and what the running engines offer. */

import type { Hub } from "../wire/request";
import type { BackendStatus, Counts, Group, Model, Param, ParamsAnswer, StatusAnswer } from "../wire/shapes";

const BUSY_MS = 2000;
const CALM_MS = 20_000;

export class Catalog {
  list = $state.raw<Param[]>([]);
  groups = $state.raw<Group[]>([]);
  named = $state.raw<ParamsAnswer["models"]>({});
  models = $state.raw<Model[]>([]);
  features = $state.raw<string[]>([]);
  backends = $state.raw<BackendStatus | null>(null);
  counts = $state.raw<Counts | null>(null);
  loaded = $state(false);

  constructor(private readonly hub: Hub) {}

  /** Reads parameters and models anew; raises what the hub refused. */
  async load(): Promise<void> {
    const [params, models] = await Promise.all([
      this.hub.call<ParamsAnswer>("ListT2IParams"),
      this.hub.call<{ files: Model[] }>("ListModels", { path: "", depth: 20, subtype: "Stable-Diffusion" }),
    ]);
    this.list = params.list;
    this.groups = params.groups;
    this.named = params.models;
    this.models = models.files;
    this.loaded = true;
  }

  /** Looks for files added since, then reads everything anew. */
  async refresh(): Promise<void> {
    await this.hub.call("TriggerRefresh", { strong: true });
    await this.load();
  }

  param(id: string): Param | undefined {
    return this.list.find((param) => param.id === id);
  }

  model(name: unknown): Model | null {
    return this.models.find((model) => model.name === name) ?? null;
  }

  /** Takes a status from a poll or from a frame of a generation socket. */
  hear(status: Partial<StatusAnswer>): void {
    if (status.status) this.counts = status.status;
    if (status.backend_status) this.backends = status.backend_status;
    if (status.supported_features) this.features = status.supported_features;
  }

  async poll(): Promise<void> {
    this.hear(await this.hub.call<StatusAnswer>("GetCurrentStatus"));
  }

  /** How long until the next poll: often while something is amiss or loading, seldom when all is well. */
  get pollMs(): number {
    return this.backends === null || this.backends.class !== "" ? BUSY_MS : CALM_MS;
  }
}
