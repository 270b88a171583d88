// Prints each problem of an AsyncAPI document worse than a hint; exits 1 at any.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const WARNING = 1;
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const problems = diagnostics.filter((found) => found.severity <= WARNING);
for (const found of problems) console.log(found.code, found.message, found.path.join("."));
process.exit(document && problems.length === 0 ? 0 : 1);
