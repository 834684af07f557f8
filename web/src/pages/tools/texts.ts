/**
 * The texts a picture carries, read without decoding it: PNG's tEXt and iTXt chunks (W3C PNG §11.3.3), and the EXIF
 * UserComment (EXIF 2.32 §4.6.5) of JPEG and WebP. Pure.
 */

/** Texts by keyword; a UserComment is called `parameters`, as its PNG sister is. */
export type Texts = Record<string, string>;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const EXIF_FOLDER = 0x8769;
const USER_COMMENT = 0x9286;

/** The texts in a file; empty when it has none or is no picture. Compressed chunks are left out. */
export function textsIn(bytes: Uint8Array): Texts {
  if (PNG.every((byte, at) => bytes[at] === byte)) return inPng(bytes);
  const block = exifIn(bytes);
  const comment = block === null ? null : commentIn(block);
  return comment === null ? {} : { parameters: comment };
}

const latin = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function inPng(bytes: Uint8Array): Texts {
  const found: Texts = {};
  for (let at = PNG.length; at + 12 <= bytes.length; ) {
    const length = view(bytes).getUint32(at);
    const kind = latin(bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    const end = body.indexOf(0);
    const keyword = latin(body.subarray(0, Math.max(0, end)));
    if (kind === "tEXt" && end > 0) found[keyword] ??= either(body.subarray(end + 1));
    if (kind === "iTXt" && end > 0 && body[end + 1] === 0) {
      const language = body.indexOf(0, end + 3);
      const translated = body.indexOf(0, language + 1);
      if (language > 0 && translated > 0) found[keyword] ??= utf8(body.subarray(translated + 1));
    }
    if (kind === "IEND") break;
    at += 12 + length;
  }
  return found;
}

/** The chunk is Latin-1 by the standard, but many programs write UTF-8 into it. */
function either(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return latin(bytes);
  }
}

/** The EXIF block of a JPEG (its APP1 segment) or WebP (its EXIF chunk), from the byte order on; null without. */
function exifIn(bytes: Uint8Array): Uint8Array | null {
  const numbers = view(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    for (let at = 2; at + 10 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; at += 2 + numbers.getUint16(at + 2)) {
      const body = bytes.subarray(at + 4, at + 2 + numbers.getUint16(at + 2));
      if (bytes[at + 1] === 0xe1 && latin(body.subarray(0, 4)) === "Exif") return body.subarray(6);
    }
  }
  if (latin(bytes.subarray(0, 4)) === "RIFF" && latin(bytes.subarray(8, 12)) === "WEBP") {
    for (let at = 12; at + 8 <= bytes.length; ) {
      const length = numbers.getUint32(at + 4, true);
      const body = bytes.subarray(at + 8, at + 8 + length);
      if (latin(bytes.subarray(at, at + 4)) === "EXIF") return latin(body.subarray(0, 4)) === "Exif" ? body.subarray(6) : body;
      at += 8 + length + (length % 2);
    }
  }
  return null;
}

function commentIn(block: Uint8Array): string | null {
  try {
    const numbers = view(block);
    const little = latin(block.subarray(0, 2)) === "II";
    const entry = (folder: number, tag: number): number | null => {
      for (let n = numbers.getUint16(folder, little), at = folder + 2; n > 0; n -= 1, at += 12) {
        if (numbers.getUint16(at, little) === tag) return at;
      }
      return null;
    };
    const pointer = entry(numbers.getUint32(4, little), EXIF_FOLDER);
    const comment = pointer === null ? null : entry(numbers.getUint32(pointer + 8, little), USER_COMMENT);
    if (comment === null) return null;
    const start = numbers.getUint32(comment + 8, little);
    const body = block.subarray(start, start + numbers.getUint32(comment + 4, little));
    const mark = latin(body.subarray(0, 7));
    if (mark !== "UNICODE") return either(body.subarray(8)).replace(/\0+$/, "");
    // Programs differ in the byte order of this text; of plain letters the empty byte tells.
    const order = body[8] === 0 ? "utf-16be" : body[9] === 0 || little ? "utf-16le" : "utf-16be";
    return new TextDecoder(order).decode(body.subarray(8));
  } catch (cause) {
    if (cause instanceof RangeError) return null; // a number points outside the file
    throw cause;
  }
}
