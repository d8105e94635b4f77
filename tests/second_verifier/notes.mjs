/** The notes of a ledger and the ones that were kept elsewhere: §2, §4.5 and §5 of the page. See verify.mjs. */

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault, NotCheckable, ZEROS, bytesOf, jsonString, sha256, smaller } from "./bytes.mjs";

const LEDGER = "sekisho/ledger";
const YEAR = 365n * 24n * 3600n * 1000000n;
const HOUR = 3600n * 1000000n;
const SECONDS = "(?:0|[1-9][0-9]{0,8})\\.[0-9]{6}";
const NOTE = new RegExp(
  "^sekisho/ledger\\n([1-9][0-9]{0,17})\\n([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z)\\n" +
    `([0-9a-f]{64})\\n(?:clock (?:synchronized (?!-0\\.0{6} )-?${SECONDS} ${SECONDS}|unsynchronized|unknown)\\n)?$`,
);
const HEAD = /^(?!clock )([!-~]+) ([1-9][0-9]{0,17}) ([0-9a-f]{64}) (open|closed|purged)$/;
const DASH = Buffer.from("— ").toString("latin1");
const SIGNATURE = new RegExp(`^${DASH}([^\\t-\\r +]+) ([A-Za-z0-9+/]+={0,2})$`);
const OURS = new RegExp(`^${DASH}sekisho/ledger [A-Za-z0-9+/]{91}=$`);

/** Microseconds since 1970; null if the calendar has no such moment. */
function moment(text) {
  const date = new Date(`${text.slice(0, 19)}Z`);
  const isReal = !Number.isNaN(date.valueOf()) && text > "0001" && date.toISOString().startsWith(text.slice(0, 19));
  return isReal ? BigInt(date.valueOf()) * 1000n + BigInt(text.slice(20, 26)) : null;
}

/** An hour before a moment, written as a moment; "" where that would be before the year 1. */
function hourBefore(text) {
  const micros = moment(text) - HOUR;
  const date = new Date(Number((micros - BigInt(text.slice(20, 26))) / 1000n));
  return date.getUTCFullYear() < 1 ? "" : `${date.toISOString().slice(0, 20)}${text.slice(20)}`;
}

/** A note in its parts; null if it has not the form of §2. */
function parsedNote(text) {
  const empty = text.indexOf("\n\n");
  if (empty < 0 || !text.endsWith("\n")) return null;
  const lines = text.slice(0, empty).split("\n");
  const start = lines.findIndex((line, at) => at > 3 && HEAD.test(line));
  const headLines = start < 0 ? [] : lines.splice(start);
  const opening = NOTE.exec(`${lines.join("\n")}\n`);
  const heads = headLines.map((line) => HEAD.exec(line));
  const signatures = text.slice(empty + 2, -1).split("\n").map((line) => SIGNATURE.exec(line));
  if (!opening || heads.includes(null) || signatures.includes(null)) return null;
  if (heads.some((head, at) => at > 0 && heads[at - 1][1] >= head[1]) || moment(opening[2]) === null) return null;
  return {
    text,
    number: BigInt(opening[1]),
    at: opening[2],
    previous: opening[3],
    heads: heads.map(([, chain, size, hash, state]) => ({ chain, size: BigInt(size), hash, state })),
    signed: bytesOf(text.slice(0, empty + 1)),
    signatures: signatures
      .filter(([, name, base64]) => name === LEDGER && Buffer.from(base64, "base64").toString("base64") === base64)
      .map(([, , base64]) => Buffer.from(base64, "base64")),
  };
}

/** The Ed25519 keys of a PEM file, in order, each with the key hash by which a signature line names it. */
export function readKeys(path) {
  const block = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g;
  const blocks = readGiven(path).flatMap((content) => content.match(block) ?? []);
  if (!blocks.length) throw new NotCheckable(`no public key: ${path}`);
  return blocks.map((block) => {
    const key = publicKey(block, path);
    const raw = Buffer.from(key.export({ format: "jwk" }).x, "base64url");
    const named = Buffer.concat([Buffer.from(`${LEDGER}\n\x01`), raw]);
    return { key, id: createHash("sha256").update(named).digest().subarray(0, 4), print: sha256(raw).slice(0, 16) };
  });
}

function publicKey(block, path) {
  try {
    const key = createPublicKey(block);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // The same as a key of another kind.
  }
  throw new NotCheckable(`no Ed25519 public key: ${path}`);
}

/** The place of the last of the keys that signed the note; -1: none did. */
function rankOf(note, keys) {
  const isBy = ({ id, key }, bytes) =>
    id.equals(bytes.subarray(0, 4)) && verifySignature(null, note.signed, key, bytes.subarray(4));
  const ours = note.signatures.filter((bytes) => bytes.length === 68);
  return keys.findLastIndex((key) => ours.some((bytes) => isBy(key, bytes)));
}

/** The texts of the notes in any file: a mail, a day's file, a note alone (§5). */
function notesIn(content) {
  const lines = content.replace(/^\xef\xbb\xbf/, "").replaceAll("\r\n", "\n").split("\n");
  const found = [];
  let block = null;
  const finish = () => {
    if (block && OURS.test(block.lines[block.behindEmpty])) found.push(`${block.lines.join("\n")}\n`);
    block = null;
  };
  for (const line of lines) {
    if (line === LEDGER) {
      finish();
      block = { lines: [line], behindEmpty: 0 };
    } else if (block && (!block.behindEmpty || line.startsWith(DASH))) {
      block.lines.push(line);
      if (line === "") block.behindEmpty = block.lines.length;
    } else finish();
  }
  finish();
  return found;
}

function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesOf(join(path, name)));
}

/** What a file, or each file of a folder, holds. */
function readGiven(path) {
  try {
    return filesOf(path).map((file) => readFileSync(file, "latin1"));
  } catch (error) {
    throw new NotCheckable(`${path}: ${error.message}`);
  }
}

/** The notes in a file or folder; null for each that is not a note, or not one of the keys. */
function notesAt(path, keys) {
  return readGiven(path).flatMap(notesIn).map((text) => {
    const note = parsedNote(text);
    if (!note || !keys) return note;
    note.rank = rankOf(note, keys);
    return note.rank < 0 ? null : note;
  });
}

/** The notes that were kept elsewhere, and how many were skipped: one must be good. */
export function readAnchors(path, keys) {
  const found = notesAt(path, keys);
  const notes = found.filter((note) => note);
  if (!notes.length) throw new NotCheckable(`no note that is signed by the key: ${path}`);
  return { notes, skipped: found.length - notes.length };
}

/** The note to continue from: all in the file must be good. */
export function readStart(path, keys) {
  const found = notesAt(path, keys);
  if (!found.length || found.includes(null)) throw new NotCheckable(`not a note that is signed by the key: ${path}`);
  return found.reduce((one, other) => (other.number > one.number ? other : one));
}

/** The ledger's notes in their order, and what the used ones say of each chain (§4.5). */
export class Notes {
  constructor(keys, anchors) {
    Object.assign(this, { keys, anchors, last: null, anchored: null, sizesAtAnchor: null, bad: null, start: null });
    this.heads = new Map(); // chain → its newest { size, hash, state }
    this.signed = new Map(); // chain → { size, hash, floor } of all notes, each size once, rising
    this.floor = ""; // what the newest note does not cover and is dated before this is backdated
    this.purge = null; // the last chain that was called purged
  }

  /** Begin behind a note that was verified before (§6). */
  continueFrom(note) {
    this.start = note;
    this.use(note);
  }

  read(line) {
    if (this.bad) return;
    const number = (this.last?.number ?? 0n) + 1n;
    const [, written, ...text] = line.split("\t");
    const isNext = written === String(number);
    const note = isNext ? parsedNote(jsonString(text.join("\t")) ?? "") : null;
    const code = isNext ? this.faultOf(note, number) : "note_missing";
    if (code) this.bad = new Fault(code, "notes", number);
    else this.use(note);
  }

  faultOf(note, number) {
    if (!note) return "note_unreadable";
    if (this.keys) note.rank = rankOf(note, this.keys);
    if (note.rank < (this.last?.rank ?? 0)) return "note_unsigned";
    if (note.number !== number) return "note_misnumbered";
    if (note.previous !== (this.last ? sha256(this.last.text, "latin1") : ZEROS)) return "note_unlinked";
    if (this.anchors.some((anchor) => anchor.number === number && anchor.text !== note.text)) return "anchor_differs";
    const listed = new Set(note.heads.map((head) => head.chain));
    if (this.last?.heads.some((head) => head.state === "open" && !listed.has(head.chain))) return "note_forgets";
    return note.heads.map((head) => this.faultOfHead(head)).find((code) => code);
  }

  faultOfHead({ chain, size, hash, state }) {
    const known = this.heads.get(chain);
    if (!known) return state === "purged" && !this.start ? "note_purges_open" : null;
    if (state === "purged" && known.state === "open") return "note_purges_open";
    if (known.state === "purged" || (known.state === "closed" && state !== "purged")) return "note_relists";
    const same = size === known.size && hash === known.hash;
    if (size < known.size || (!same && (size === known.size || state === "purged"))) return "note_contradicts";
    return null;
  }

  use(note) {
    this.last = note;
    for (const head of note.heads) {
      const { chain, size, hash, state } = head;
      const known = this.heads.get(chain);
      if (state === "purged") {
        this.purge = { writer: chain, closed: known?.at ?? null, purged: note.at };
        const isEarly = known && moment(note.at) - moment(known.at) < YEAR;
        if (isEarly) this.bad ??= new Fault("purged_early", "notes", note.number);
      }
      if (!known) this.signed.set(chain, []);
      if (!known || size > known.size) this.signed.get(chain).push({ size, hash, floor: this.floor });
      this.heads.set(chain, { ...head, at: note.at });
    }
    this.floor = hourBefore(note.at);
    if (!this.anchors.some((anchor) => anchor.number === note.number)) return;
    this.anchored = note.number;
    this.sizesAtAnchor = new Map([...this.heads].map(([chain, head]) => [chain, head.size]));
  }

  /** The first anchor that the ledger ends before. */
  rolledBack() {
    const later = this.anchors.map((anchor) => anchor.number).filter((number) => number > (this.last?.number ?? 0n));
    return later.length ? new Fault("rolled_back", "notes", later.reduce(smaller)) : null;
  }
}
