/** Where the hub answers: beside the page, whatever path a proxy put the page under. */

/** The page's address up to and including its last slash. */
export function baseOf(page: string): string {
  const url = new URL(page);
  url.search = "";
  url.hash = "";
  url.pathname = url.pathname.slice(0, url.pathname.lastIndexOf("/") + 1);
  return url.toString();
}

/** The address of one route, for `fetch`: a bare name lies under `API/`, a path such as `hub/v1/jobs` beside it. */
export function routeAddress(page: string, route: string): string {
  return route.includes("/") ? `${baseOf(page)}${route}` : `${baseOf(page)}API/${route}`;
}

/** The address of a socket below the page, with `ws:` for `http:` and `wss:` for `https:`. */
export function socketAddress(page: string, path: string): string {
  const url = new URL(path, baseOf(page));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.toString();
}

/** A picture's address as the server names it (`View/…` with unescaped spaces, or a data URL), ready for `src`. */
export function pictureAddress(src: string, small = false): string {
  if (src.startsWith("data:")) return src;
  const path = src.split("/").map((part) => encodeURIComponent(decodeSafely(part))).join("/");
  return small ? `${path}?preview=true` : path;
}

/**
 * What stays the same of a picture's address when it is starred: the hub then lists its copy below `Starred/` in the
 * place of the original below `raw/`.
 */
export function pictureIdentity(src: string): string {
  if (src.startsWith("data:")) return src;
  const path = src.split("/").map(decodeSafely).join("/");
  return path.replace(/^(View\/[^/]+|Output)\//, "").replace(/^(raw|Starred)\//, "");
}

/** A finished picture as a request names it: its path below the person's own folder. */
export function ownPath(src: string): string {
  return src.split("/").map(decodeSafely).join("/").replace(/^(View\/[^/]+|Output)\//, "");
}

function decodeSafely(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
