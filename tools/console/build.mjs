// Bundles the console. Without an argument: writes dist/. --test: runs the unit tests. --measure: fails when the bundle
// is too large.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { outlines } from "./outlines.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const bundle_bytes_max = 120 * 1024; // gzip, all files that a browser loads for the first page

const plugin = {
  name: "console",
  setup(build) {
    // The outlines are reduced at build time: the atlas as it is would take a third of the bundle.
    build.onResolve({ filter: /^furrow:outlines$/ }, () => ({ path: "outlines", namespace: "furrow" }));
    build.onLoad({ filter: /.*/, namespace: "furrow" }, () => ({ contents: outlines(), loader: "text" }));
    // Leaflet names only its UMD file, which esbuild cannot shrink.
    build.onResolve({ filter: /^leaflet$/ }, () => ({ path: `${here}leaflet.mjs` }));
    // Its modules extend classes when they are loaded. Those that leaflet.mjs loads for that alone have to stay.
    build.onResolve({ filter: /\.js$|^\./ }, ({ path, importer, resolveDir }) => {
      const file = path.startsWith("leaflet/src/") ? `${here}node_modules/${path}`
        : importer.includes("node_modules/leaflet/src/") ? resolve(resolveDir, path) : null;
      if (file === null)
        return undefined;
      const sideEffects = /handler|getRenderer|Control\.Zoom|Control\.Scale|Control\.Attribution/.test(file);
      return { path: file.endsWith(".js") ? file : `${file}.js`, sideEffects };
    });
    // All maps draw on canvas.
    build.onLoad({ filter: /leaflet\/src\/layer\/vector\/SVG\.js$/ },
      () => ({ contents: "export const svg = () => null;" }));
    // Pictures of Leaflet's markers and layer switch, which the console does not use.
    build.onResolve({ filter: /\.png$/ }, () => ({ path: "data:,", external: true }));
  },
};

export const options = {
  absWorkingDir: here,
  entryPoints: { console: "src/main.tsx" },
  outdir: "dist",
  splitting: true, // a screen that is opened later comes with a part of its own
  chunkNames: "parts/[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome108", "firefox110", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  charset: "utf8",
  plugins: [plugin],
  logLevel: "warning",
};

export const page = () => readFileSync(`${here}src/index.html`, "utf8");

/// The licences of the packages in the bundle.
function licenses() {
  const { dependencies } = JSON.parse(readFileSync(`${here}package.json`, "utf8"));
  const names = [...Object.keys(dependencies), "@preact/signals-core"].sort();
  return names.map((name) => {
    const folder = `${here}node_modules/${name}/`;
    const about = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? readFileSync(folder + file, "utf8").trim() : about.license;
    return `${name} ${about.version} (${about.license})\n\n${text}\n`;
  }).join("\n----\n\n");
}

async function build() {
  rmSync(`${here}dist`, { recursive: true, force: true });
  await esbuild.build(options);
  writeFileSync(`${here}dist/index.html`, page());
  writeFileSync(`${here}dist/licenses.txt`, licenses());
}

async function measure() {
  const { outputFiles, metafile } = await esbuild.build({ ...options, write: false, metafile: true });
  const size = (contents) => gzipSync(contents, { level: 9 }).length;
  const sizes = new Map(outputFiles.map((one) => [one.path.slice(here.length), size(one.contents)]));
  sizes.set("dist/index.html", size(page()));
  const first = new Set(["dist/index.html", "dist/console.css"]);
  const need = (name) => {
    if (first.has(name))
      return;
    first.add(name);
    metafile.outputs[name].imports.filter((one) => one.kind === "import-statement").forEach((one) => need(one.path));
  };
  need("dist/console.js");
  const kib = (names) => (names.reduce((sum, name) => sum + sizes.get(name), 0) / 1024).toFixed(1);
  console.log(`first page: ${kib([...first])} of ${bundle_bytes_max / 1024} KiB gzip; with all parts: `
    + `${kib([...sizes.keys()])} KiB`);
  if (kib([...first]) > bundle_bytes_max / 1024)
    throw new Error("the first page is too large");
}

async function test() {
  const out = `${here}.work/tests`;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const { entryPoints: _, splitting: __, chunkNames: ___, ...same } = options;
  const entryPoints = findTests(`${here}src`);
  await esbuild.build({ ...same, entryPoints, outdir: out, platform: "node", minify: false, outbase: `${here}src`,
    outExtension: { ".js": ".mjs" }, target: "node20" });
  const made = findFiles(out, ".test.mjs");
  const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=dot", ...made], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

const findFiles = (folder, end) => readdirSync(folder, { recursive: true })
  .filter((one) => one.endsWith(end)).map((one) => `${folder}/${one}`);
const findTests = (folder) => [...findFiles(folder, ".test.ts"), ...findFiles(folder, ".test.tsx")];

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const asked = process.argv[2];
  await (asked === "--test" ? test() : asked === "--measure" ? measure() : build());
}
