/** The values of the hub's answers that the page reads (see docs/api). */

export type Value = string | number | boolean;

export interface SessionAnswer {
  session_id: string;
  user_id: string;
  output_append_user: boolean;
  version: string;
  server_id: string;
  permissions: string[];
}

export type ParamType =
  | "text" | "integer" | "decimal" | "boolean" | "dropdown" | "image" | "model" | "list"
  | "image_list" | "audio" | "audio_list" | "video" | "video_list";

export interface Param {
  name: string;
  id: string;
  description: string;
  type: ParamType;
  subtype: string | null;
  default: string | null;
  min: number;
  max: number;
  view_min: number;
  view_max: number;
  step: number;
  values: string[] | null;
  value_names: string[] | null;
  visible: boolean;
  advanced: boolean;
  feature_flag: string | null;
  toggleable: boolean;
  priority: number;
  group: string | null;
  view_type: string;
  extra_hidden: boolean;
  nonreusable: boolean;
  depend_non_default: string | null;
}

export interface Group {
  name: string;
  id: string;
  toggles: boolean;
  open: boolean;
  priority: number;
  description: string;
  advanced: boolean;
  parent: string | null;
}

export interface ParamsAnswer {
  list: Param[];
  groups: Group[];
  models: Record<string, [string, string | null][]>;
}

export interface Model {
  name: string;
  title: string;
  description: string;
  loaded: boolean;
  /** Whether its files are on the hub's own machine. */
  local: boolean;
  architecture: string | null;
  class: string | null;
  resolution: string;
  standard_width: number;
  standard_height: number;
  license?: string | null;
  usage_hint?: string | null;
  /** What the model draws with when a request leaves a parameter out, by parameter id. */
  defaults?: Record<string, Value | null> | null;
  /** The sizes [width, height] in pixels it was trained on. */
  native_sizes?: [number, number][] | null;
}

export interface Counts {
  waiting_gens: number;
  loading_models: number;
  waiting_backends: number;
  live_gens: number;
}

export interface BackendStatus {
  status: string;
  class: string;
  message: string;
  any_loading: boolean;
}

export interface StatusAnswer {
  status: Counts;
  backend_status: BackendStatus;
  supported_features: string[];
}

export interface Progress {
  batch_index: string | number;
  request_id: string;
  overall_percent: number;
  current_percent: number;
  step?: number;
  steps?: number;
  preview?: string;
  metadata?: string;
}

/** One frame of a generation socket: told apart by which keys are present. */
export interface Frame extends Partial<StatusAnswer> {
  gen_progress?: Progress;
  image?: string;
  batch_index?: string | number;
  request_id?: string | number;
  metadata?: string | null;
  discard_indices?: number[];
  error?: string;
  error_id?: string;
  field?: string;
  limit?: Value;
  permission?: string;
  keep_alive?: boolean;
  /** What was left out of a request, a sentence each; it goes on without that. */
  warnings?: string[];
  socket_intention?: string;
}

export interface HistoryFile {
  src: string;
  metadata: string | null;
}

export interface HistoryAnswer {
  folders: string[];
  files: HistoryFile[];
}

export interface ThemeCard {
  name: string;
  is_dark: boolean;
  css_paths: string[];
}

export interface LanguageAnswer {
  language: { code: string; name: string; local_name: string; keys: Record<string, string> };
}
