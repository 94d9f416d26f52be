// Writes src/api/schema.d.ts from the parts of the OpenAPI document, merged as the node merges them.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
const parts = new URL("../furrowd/api/openapi/", here);
const read = (name) => JSON.parse(readFileSync(new URL(name, parts), "utf8"));

const whole = read("base.json");
for (const name of readdirSync(parts).filter((one) => one.endsWith(".json") && one !== "base.json").sort()) {
  const part = read(name);
  Object.assign(whole.paths, part.paths);
  Object.assign(whole.components.schemas, part.components?.schemas ?? {});
}
mkdirSync(new URL(".work/", here), { recursive: true });
writeFileSync(new URL(".work/openapi.json", here), JSON.stringify(whole));
// openapi-typescript needs the programming interface of TypeScript 5, which TypeScript 7 no longer has. So both come
// from a folder of their own.
const tool = ["--yes", "-p", "openapi-typescript@7.13.0", "-p", "typescript@5.9.3", "openapi-typescript"];
execFileSync("npx", [...tool, ".work/openapi.json", "-o", "src/api/schema.d.ts"],
  { cwd: here, stdio: "inherit" });
