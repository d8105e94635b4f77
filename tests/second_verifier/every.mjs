/** Verifies many exports in one process: a JSON list of jobs on the standard input, the reports on the output. */

import { readFileSync } from "node:fs";
import { NotCheckable } from "./bytes.mjs";
import { verifyExport } from "./verify.mjs";

const said = [];
for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    said.push(await verifyExport(job));
  } catch (error) {
    if (!(error instanceof NotCheckable)) throw error;
    said.push(null);
  }
}
console.log(JSON.stringify(said));
