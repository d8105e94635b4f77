/** What every part of the second verifier needs: faults, hashes, and lines as bytes. See verify.mjs. */

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";

export const ZEROS = "0".repeat(64);

/** No verdict can be given: exit status 2. */
export class NotCheckable extends Error {}

/** The first thing that is wrong, and where. */
export class Fault extends Error {
  constructor(code, chain, index) {
    super(code);
    Object.assign(this, { code, chain, index: BigInt(index) });
  }
}

export const sha256 = (bytes, encoding) => createHash("sha256").update(bytes, encoding).digest("hex");
export const smaller = (one, other) => (one < other ? one : other);

/** A line is a "latin1" string, one character for each byte; these are its bytes. */
export const bytesOf = (line) => Buffer.from(line, "latin1");

/** A string of its own: a part of a line would keep the whole chunk that was read in memory. */
export const owned = (part) => bytesOf(part).toString("latin1");

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*/g;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const INTEGER = /^(?:0|[1-9][0-9]{0,14})$/;

/** The value of a JSON text in UTF-8, with null for each number that is no decimal; undefined if it is none. */
export function json(line) {
  const bytes = bytesOf(line);
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString("utf8");
  const known = (part) => (NUMBER.test(part) && !INTEGER.test(part) ? "null" : part);
  try {
    return JSON.parse(text[0] === '"' ? text : text.replace(STRING_OR_NUMBER, known));
  } catch {
    return undefined;
  }
}

/** The bytes of the string that a JSON text stands for; undefined if it is none, or one that UTF-8 cannot write. */
export function jsonString(line) {
  const value = json(line);
  return typeof value === "string" && value.isWellFormed() ? Buffer.from(value).toString("latin1") : undefined;
}
