/**
 * A second verifier of Sekisho's audit ledger, in another language and by another hand.
 *
 * It was written from docs/ledger-format.md alone, without a look at audit/verify.py or any other source of the
 * ledger, and passed all vectors so. Its purpose is to prove that the page is enough: whoever distrusts the product's
 * own verifier can write one. Only then were both compared; where the page had allowed two readings, it was made clear.
 * It needs Node 20 and nothing else. It reads exports (plain or gzip), not SQLite files.
 *
 *     node verify.mjs EXPORT [--public-key KEY.pem] [--anchor FILE-OR-FOLDER]... [--from NOTE] [--json]
 *
 * Numbers like §4.2 are sections of the page. Lines are held as "latin1" strings, one character for each byte: so
 * comparing, sorting and cutting them is comparing, sorting and cutting bytes.
 */

import { closeSync, createReadStream, openSync, readSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import { Fault, NotCheckable, ZEROS, bytesOf, json, jsonString, owned, sha256, smaller } from "./bytes.mjs";
import { Notes, readAnchors, readKeys, readStart } from "./notes.mjs";

const EXPORT = "sekisho.export.v1";
const ENDINGS = new Set(["answered", "refused", "failed", "abandoned", "lost"]);
const ALONE = new Set(["viewed", "noted"]);
const NUMBER = /^[0-9]{1,18}$/;
const LONGEST = 64 * 1024 * 1024;

// -------------------------------------------------------------------------------------------- the lines (§4.1)

class Ledger {
  constructor(notes, start) {
    Object.assign(this, { notes, from: start, lines: 0, fault: null, whole: null, ended: false, hadRecord: false });
    this.counts = { n: 0, r: 0, t: 0 };
    this.linesOf = new Map(); // chain → how many r lines
    this.bases = new Map(); // chain → its head in the note that was verified before
    this.awaited = null; // the notes' chains, sorted
    this.passed = 0; // how many of them sort before the chain that is being read
    this.chain = null; // the chain that is being read
    this.record = null; // the last record, as long as its text may follow
    this.suspect = null; // a record that stands on another one, until the next tells which of both is the wrong one
    this.missing = new Map(); // chain → texts that are not there: { indexes, at }
    this.erased = new Map(); // chain → texts that records say were erased: { count, at, kept }
    this.textsErased = 0;
    this.backdated = 0;
    this.leftOpen = new Set(); // exchanges of chains that have ended
    this.waiting = new Map(); // exchange → { chain, index }: a `lost` whose question a later chain may hold
  }

  /** Count each line; and check it, as long as nothing is wrong. */
  line(line) {
    this.lines += 1;
    if (this.lines === 1 && line.split("\t", 1)[0] !== EXPORT) throw new NotCheckable("this is no export of a ledger");
    const mark = line[1] === "\t" ? line[0] : "";
    if (mark in this.counts) this.counts[mark] += 1;
    if (mark === "r") this.countRecord(line);
    if (this.fault) return;
    try {
      if (this.lines === 1) this.readHeader(line);
      else this.readLine(mark, line);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.fault = error;
    }
  }

  countRecord(line) {
    const [, previous, chain = ""] = line.split("\t", 3);
    this.settleSuspect(chain, previous);
    const count = this.linesOf.get(chain);
    this.linesOf.set(count ? chain : owned(chain), (count ?? 0) + 1);
  }

  readHeader(line) {
    const { texts, from } = json(line.slice(EXPORT.length + 1)) ?? {};
    const isSound = typeof texts === "boolean" && Number.isInteger(from) && from >= 0;
    if (!isSound) throw new Fault("header_damaged", "export", 1);
    this.carriesTexts = texts;
    if (from === 0) return;
    if (this.from?.number !== BigInt(from)) throw new NotCheckable(`the export continues note ${from}: give that one`);
    this.notes.continueFrom(this.from);
    for (const head of this.from.heads) if (head.state !== "purged") this.bases.set(head.chain, head);
  }

  readLine(mark, line) {
    if (this.ended) throw this.unknownLine();
    if (mark === "x") return;
    if (mark === "n" && !this.hadRecord) this.notes.read(line);
    else if (mark === "r") this.readRecord(line.split("\t"), line);
    else if (mark === "t") this.readText(line.split("\t"));
    else if (mark === "e") this.readEnd(line);
    else throw this.unknownLine();
  }

  unknownLine() {
    return new Fault("line_unknown", "export", this.lines);
  }

  readEnd(line) {
    this.ended = true;
    this.settleText();
    this.endChain();
    this.passChains(null);
    const { n, r, t } = this.counts;
    if (line !== `e\t${n}\t${r}\t${t}`) throw new Fault("counts_differ", "export", this.lines);
  }

  /** The file is read; `rest` is what stands behind its last LF. */
  end(rest, isCut) {
    if (!this.lines) throw new NotCheckable("this is no export of a ledger");
    this.settleSuspect(null, null);
    const isWhole = this.ended && !rest && !isCut;
    if (!isWhole) this.fault ??= new Fault("export_cut_short", "export", this.lines + 1);
    if (!this.fault) this.checkWhole();
  }

  // ---------------------------------------------------------------------------------------- records (§4.2)

  readRecord(fields, line) {
    if (fields.length < 4) throw this.unknownLine();
    this.hadRecord = true;
    this.settleText();
    const [, previous, name, written, at, kind, exchange, commitment, body, hash] = fields;
    if (name !== this.chain?.name) this.beginChain(owned(name));
    const chain = this.chain;
    const index = chain.index + 1n;
    const bad = (code, place = index) => new Fault(code, chain.name, place);

    const isLater = NUMBER.test(written) && BigInt(written) > index;
    if (written !== String(index)) throw bad(isLater ? "record_missing" : "record_put_in");
    if (fields.length !== 10) throw bad("record_unfit");
    if (recordHash(line) !== hash) {
      const wasFirst = index === 2n && previous === ZEROS && recordHash(line, "1") === hash;
      throw wasFirst ? bad("record_put_in_first", 1) : bad("record_changed");
    }
    if (previous !== chain.last) {
      this.suspect = { chain: chain.name, index, hash };
      throw bad("record_unlinked");
    }
    if (!body.startsWith("{") || !body.endsWith("}")) throw bad("record_unfit");
    if (commitment !== "-" && commitment.length !== 64) throw bad("record_unfit");
    if (!fits(kind, exchange)) throw bad("record_unfit");
    if (kind === "asked") this.ask(exchange, index);
    else if (ENDINGS.has(kind)) this.endExchange(kind, exchange, index);
    const covering = chain.marks.find(({ size }) => size >= index);
    if (covering?.size === index && covering.hash !== hash) throw bad("record_not_signed");
    if (chain.head && chain.head.state !== "open" && index > chain.head.size) throw bad("chain_grew");

    if (at < (covering ?? this.notes).floor) this.backdated += 1;
    while (chain.marks[0]?.size <= index) chain.marks.shift();
    if (kind === "noted") this.noteErasures(body, at);
    Object.assign(chain, { index, last: hash });
    this.record = { written, at, commitment, hasText: false };
  }

  beginChain(name) {
    this.endChain();
    if (this.chain && name < this.chain.name) throw new Fault("record_misplaced", name, this.linesOf.get(name));
    this.passChains(name);
    const base = this.bases.get(name);
    const index = base?.size ?? 0n;
    const head = this.notes.heads.get(name);
    const marks = (this.notes.signed.get(name) ?? []).filter(({ size }) => size > index);
    const exchanges = { open: new Map(), older: base ? new Set() : null };
    this.chain = { name, head, index, last: base?.hash ?? ZEROS, marks, ...exchanges };
  }

  endChain() {
    const chain = this.chain;
    if (!chain) return;
    if (chain.head && chain.index < chain.head.size) throw new Fault("chain_cut", chain.name, chain.index + 1n);
    for (const [exchange, index] of chain.open) this.leaveOpen(exchange, index);
  }

  /** The notes' chains before this one (null: all) must have had lines, if the notes count any. */
  passChains(before) {
    this.awaited ??= [...this.notes.heads.keys()].sort();
    while (this.passed < this.awaited.length && (before === null || this.awaited[this.passed] < before)) {
      const name = this.awaited[this.passed];
      this.passed += 1;
      const head = this.notes.heads.get(name);
      const base = this.bases.get(name)?.size ?? 0n;
      if (this.linesOf.has(name) || head.state === "purged" || head.size <= base) continue;
      throw new Fault(base ? "chain_cut" : "chain_missing", name, base + 1n);
    }
  }

  /** A record does not stand on the one before: if what follows vouches for it, the one before was changed. */
  settleSuspect(chain, previous) {
    const suspect = this.suspect;
    this.suspect = null;
    if (!suspect || suspect.index === 1n) return;
    const head = this.notes.heads.get(suspect.chain);
    const isHead = head?.size === suspect.index && head.hash === suspect.hash;
    const isVouchedFor = chain === suspect.chain ? previous === suspect.hash : isHead;
    if (isVouchedFor) this.fault = new Fault("record_rehashed", suspect.chain, suspect.index - 1n);
  }

  ask(exchange, index) {
    if (this.chain.open.has(exchange)) throw new Fault("question_repeated", this.chain.name, index);
    this.chain.open.set(owned(exchange), index);
  }

  endExchange(kind, exchange, index) {
    const { name, open, older } = this.chain;
    if (open.delete(exchange)) return;
    if (older && !older.has(exchange)) older.add(owned(exchange));
    else if (older || kind !== "lost") throw new Fault("ending_without_question", name, index);
    else if (this.leftOpen.delete(exchange)) return;
    else if (this.waiting.has(exchange)) throw new Fault("ending_without_question", name, index);
    else this.waiting.set(owned(exchange), { chain: name, index });
  }

  leaveOpen(exchange, index) {
    if (this.waiting.delete(exchange)) return;
    if (this.leftOpen.has(exchange)) this.wrongInWhole("question_repeated", this.chain.name, index);
    this.leftOpen.add(exchange);
  }

  // ------------------------------------------------------------------------------------------ texts (§4.3)

  readText(fields) {
    const [, chain, written, salt, ...quoted] = fields;
    if (!quoted.length || !NUMBER.test(written) || BigInt(written) === 0n) throw this.unknownLine();
    const bad = (code) => new Fault(code, chain, written);
    const record = this.record;
    if (!record || record.hasText || chain !== this.chain.name || written !== record.written) throw bad("text_alone");
    const text = jsonString(quoted.join("\t"));
    if (text === undefined) throw bad("text_unreadable");
    if (record.commitment === "-") throw bad("text_put_in");
    if (sha256(`sekisho.text.v1\n${salt}\n${text}`, "latin1") !== record.commitment) throw bad("text_changed");
    record.hasText = true;
  }

  /** Nothing more can follow the last record: is its text there? */
  settleText() {
    const { record, chain } = this;
    this.record = null;
    if (!this.carriesTexts || !record || record.hasText || record.commitment === "-") return;
    this.textsErased += 1;
    const known = this.missing.get(chain.name) ?? { indexes: new Set(), at: "" };
    const at = record.at > known.at ? owned(record.at) : known.at;
    this.missing.set(chain.name, { indexes: known.indexes.add(Number(chain.index)), at });
  }

  noteErasures(body, at) {
    const said = body.includes('"texts.erased"') ? json(body) : null;
    if (said?.event !== "texts.erased") return;
    const object = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
    const kept = new Map(Object.entries(object(said.kept)));
    for (const [name, count] of Object.entries(object(said.chains))) {
      if (!Number.isInteger(count) || count <= 0 || !name.isWellFormed()) continue;
      const chain = Buffer.from(name).toString("latin1");
      const known = this.erased.get(chain) ?? { count: 0, at: "", kept: [] };
      const list = kept.get(name);
      const newest = at < known.at ? known : { at: owned(at), kept: Array.isArray(list) ? list : [] };
      this.erased.set(chain, { ...newest, count: known.count + count });
    }
  }

  // -------------------------------------------------------------------------------- the whole ledger (§4.4)

  wrongInWhole(code, chain, index) {
    const first = this.whole;
    const isEarlier = !first || chain < first.chain || (chain === first.chain && index < first.index);
    if (isEarlier) this.whole = new Fault(code, chain, index);
  }

  checkWhole() {
    const waiting = this.notes.start ? [] : this.waiting.values();
    for (const { chain, index } of waiting) this.wrongInWhole("ending_without_question", chain, index);
    for (const [chain, { indexes, at }] of this.missing) {
      const erased = this.erased.get(chain) ?? { count: 0, at: "", kept: [] };
      const isUnsaid = indexes.size > erased.count || at > erased.at;
      const wrong = isUnsaid ? [...indexes] : erased.kept.filter((index) => indexes.has(index));
      if (wrong.length) this.wrongInWhole("text_missing", chain, BigInt(wrong.reduce(smaller)));
    }
  }

  /** How many records these sizes do not cover. */
  recordsBehind(sizeOf) {
    let behind = BigInt(this.counts.r);
    for (const [chain, count] of this.linesOf) {
      const size = (sizeOf(chain) ?? 0n) - (this.bases.get(chain)?.size ?? 0n);
      behind -= size > 0n ? smaller(size, BigInt(count)) : 0n;
    }
    return Number(behind);
  }
}

/** A record's hash from its line; with another index, if one is given. */
function recordHash(line, index) {
  const lines = line.slice(2, line.lastIndexOf("\t")).split("\t");
  if (index) lines[2] = index;
  return sha256(`sekisho.record.v1\n${lines.join("\n")}`, "latin1");
}

function fits(kind, exchange) {
  if (ALONE.has(kind)) return exchange === "-";
  return (kind === "asked" || ENDINGS.has(kind)) && exchange !== "-" && exchange !== "";
}

// ------------------------------------------------------------------------------------------ the file, the report

function isGzip(path) {
  const file = openSync(path);
  const bytes = Buffer.alloc(2);
  const count = readSync(file, bytes, 0, 2, 0);
  closeSync(file);
  return count === 2 && bytes.readUInt16BE() === 0x1f8b;
}

/** Call `onLine` with each whole line; tell what stands behind the last LF, and whether a gzip file was cut. */
function eachLine(path, onLine) {
  return new Promise((resolve, reject) => {
    const file = createReadStream(path, { highWaterMark: 1 << 18 });
    const bytes = isGzip(path) ? file.pipe(createGunzip({ chunkSize: 1 << 18 })) : file;
    const rest = [];
    let length = 0; // of the line that is not whole yet
    const fail = (error) => (file.destroy(), reject(error));
    bytes.on("data", (chunk) => {
      const lines = chunk.toString("latin1").split("\n");
      length += lines[0].length;
      if (length > LONGEST) return fail(new NotCheckable("a line of more than 64 MiB"));
      rest.push(lines.shift());
      if (!lines.length) return;
      lines.unshift(rest.splice(0).join(""));
      rest.push(lines.pop());
      length = rest[0].length;
      try {
        lines.forEach(onLine);
      } catch (error) {
        fail(error);
      }
    });
    const done = (isCut) => resolve({ rest: rest.join(""), isCut });
    bytes.on("end", () => done(false));
    bytes.on("error", (error) => (error.code === "Z_BUF_ERROR" ? done(true) : fail(new NotCheckable(error.message))));
    if (bytes !== file) file.on("error", (error) => fail(new NotCheckable(error.message)));
  });
}

/** Verify an export. Throws NotCheckable if there can be no verdict. */
export async function verifyExport({ file, publicKey: keyFile, anchors: anchorFiles = [], from: fromFile }) {
  const keys = keyFile ? readKeys(keyFile) : null;
  const found = anchorFiles.map((path) => readAnchors(path, keys));
  const anchors = found.flatMap(({ notes }) => notes);
  const skipped = found.reduce((sum, { skipped }) => sum + skipped, 0);
  const start = fromFile ? readStart(fromFile, keys) : null;
  const notes = new Notes(keys, start ? [...anchors, start] : anchors);
  const ledger = new Ledger(notes, start);
  try {
    const { rest, isCut } = await eachLine(file, (line) => ledger.line(line));
    ledger.end(rest, isCut);
  } catch (error) {
    throw error.syscall ? new NotCheckable(error.message) : error;
  }
  return report(ledger, notes, skipped);
}

function report(ledger, notes, skipped) {
  const bad = ledger.fault ?? ledger.whole ?? notes.bad ?? notes.rolledBack();
  const { n, r, t } = ledger.counts;
  const purged = [...notes.heads.values()].filter((head) => head.state === "purged");
  return {
    ok: !bad,
    records: r,
    writers: ledger.linesOf.size,
    checkpoints: n,
    unanchored: ledger.recordsBehind((chain) => notes.heads.get(chain)?.size),
    signatures: notes.keys !== null && notes.last !== null,
    first_bad: bad && { ...place(bad), code: bad.code, reason: bad.code.replaceAll("_", " ") },
    texts: t,
    texts_erased: ledger.textsErased,
    purged_chains: purged.length,
    purged_still_here: purged.filter((head) => ledger.linesOf.has(head.chain)).length,
    newest_purge: notes.purge,
    backdated: ledger.backdated,
    newest_note: notes.last && { number: Number(notes.last.number), at: notes.last.at },
    anchored: notes.anchored && Number(notes.anchored),
    after_anchor: notes.anchored && ledger.recordsBehind((chain) => notes.sizesAtAnchor.get(chain)),
    anchors_skipped: skipped,
    from_note: notes.start && Number(notes.start.number),
    key: (notes.keys ?? []).map(({ print }) => print),
  };
}

function place({ chain, index }) {
  return { writer: bytesOf(chain).toString("utf8"), index: Number(index) };
}

async function main(args) {
  const text = { type: "string" };
  const options = { "public-key": text, anchor: { ...text, multiple: true }, from: text, json: { type: "boolean" } };
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length !== 1) throw new NotCheckable("give one export");
    const given = { publicKey: values["public-key"], anchors: values.anchor, from: values.from };
    const said = await verifyExport({ file: positionals[0], ...given });
    const bad = said.first_bad;
    const sentence = bad ? `${bad.code} at ${bad.writer} ${bad.index}` : `sound: ${said.records} records`;
    console.log(values.json ? JSON.stringify(said) : sentence);
    return said.ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof NotCheckable) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    console.error(error.message);
    return 2;
  }
}

const isProgram = process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isProgram) process.exitCode = await main(process.argv.slice(2));
