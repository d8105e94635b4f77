// Unpacks the Chromium of npm's @sparticuz/chromium, its libraries and its font. tests/browser.py runs this, once.
//
// The package unpacks into the folder for temporary files: TMPDIR says which one is meant. Its own executablePath()
// would leave the libraries out everywhere but at one cloud provider's. The package is looked for in the working
// directory.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const entry = createRequire(`${process.cwd()}/`).resolve("@sparticuz/chromium");
const { inflate } = await import(pathToFileURL(entry).href);
const packed = join(dirname(entry), "..", "bin");

for (const name of ["chromium.br", "swiftshader.tar.br", "al2023.tar.br", "fonts.tar.br"])
  await inflate(join(packed, name));
