// Serves the console from its source, and passes everything else on to a running node:
//   npm run dev -- http://127.0.0.1:7480
// For development only.
import * as http from "node:http";
import * as https from "node:https";
import * as esbuild from "esbuild";
import { options, page } from "./build.mjs";

const node = new URL(process.argv[2] ?? "http://127.0.0.1:7480");
const port = Number(process.argv[3] ?? 5173);
const { request } = node.protocol === "https:" ? https : http;

const context = await esbuild.context({ ...options, minify: false, sourcemap: "inline", write: false });
const types = { js: "text/javascript", css: "text/css" };

// The node compares Origin with Host, so both name the node.
const headersFor = (headers) => ({ ...headers, host: node.host, ...(headers.origin && { origin: node.origin }) });

const server = http.createServer(async (asked, answer) => {
  const path = asked.url.split("?")[0];
  const file = /^\/(?:console|parts\/[\w-]+)\.(js|css)$/.exec(path);
  if (path === "/" || path === "/index.html")
    return answer.setHeader("Content-Type", "text/html").end(page());
  if (file) {
    const made = await context.rebuild().catch(() => null);
    const found = made?.outputFiles.find((one) => one.path.endsWith(path));
    return answer.setHeader("Content-Type", types[file[1]]).end(found ? found.contents : "");
  }
  const passed = request(new URL(asked.url, node), { method: asked.method, headers: headersFor(asked.headers) },
    (from) => { answer.writeHead(from.statusCode, from.headers); from.pipe(answer); });
  passed.on("error", () => answer.writeHead(502).end());
  asked.pipe(passed);
});

server.on("upgrade", (asked, socket) => {
  const passed = request(new URL(asked.url, node), { headers: headersFor(asked.headers) });
  const write = (from) => socket.write(`HTTP/1.1 ${from.statusCode} ${from.statusMessage}\r\n`
    + Object.entries(from.headers).map(([name, value]) => `${name}: ${value}\r\n`).join("") + "\r\n");
  passed.on("upgrade", (from, other, first) => {
    write(from);
    socket.write(first);
    other.pipe(socket).pipe(other);
    other.on("error", () => socket.destroy());
  });
  passed.on("response", (from) => { write(from); from.pipe(socket); });
  passed.on("error", () => socket.destroy());
  socket.on("error", () => passed.destroy());
  passed.end();
});

server.listen(port, "127.0.0.1",
  () => console.log(`http://127.0.0.1:${server.address().port}/ with the node ${node.origin}`));
