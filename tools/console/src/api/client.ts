/// Requests to the node. Each returns the value of the answer or throws an ApiProblem.
///
///   const { ledger } = await get("/api/v1/ledger");
///   await patch("/api/v1/fields/{name}", { path: { name }, body: { crop } });
import { signal } from "@preact/signals";
import { ApiProblem, isAbort, readProblem, toProblem } from "./problem";
import type { paths } from "./schema";
import type { Answer, Method, PathWith, Request } from "./types";

/// The farm of all requests and of the stream; empty: that of the credential. Set by the shell.
export const farm = signal("");

/// Called when the node does not know who this is. Set by the shell, which shows the login page.
export const onUnknown: { call: () => void } = { call: () => undefined };

type Loose = { path?: unknown; query?: unknown; body?: unknown; farm?: string; signal?: AbortSignal };

/// The address of a request, with the farm.
export function address(pattern: string, request: Loose = {}, withFarm = true): string {
  const names = (request.path ?? {}) as Record<string, string | number>;
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names[name] ?? "")));
  const query = new URLSearchParams();
  const of = request.farm ?? farm.peek();
  if (withFarm && of !== "")
    query.set("farm", of);
  for (const [name, value] of Object.entries((request.query ?? {}) as Record<string, unknown>))
    if (value !== undefined && value !== null && value !== "")
      query.set(name, String(value));
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function ask(method: Method, pattern: string, request: Loose = {}): Promise<Response> {
  const init: RequestInit = { method: method.toUpperCase(), credentials: "same-origin", cache: "no-store" };
  if (request.signal)
    init.signal = request.signal;
  if (request.body instanceof Blob) {
    init.body = request.body;
    init.headers = { "Content-Type": "application/octet-stream" };
  } else if (request.body !== undefined) {
    init.body = JSON.stringify(request.body);
    init.headers = { "Content-Type": "application/json" };
  }
  const login = pattern === "/api/v1/login";
  let answer: Response;
  try {
    answer = await fetch(address(pattern, request, !login), init);
  } catch (error) {
    throw isAbort(error) ? error : toProblem(error);
  }
  if (answer.ok)
    return answer;
  const problem = readProblem(answer.status, await answer.text().catch(() => ""));
  if (answer.status === 401 && !login)
    onUnknown.call();
  throw problem;
}

async function json<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  try {
    return (text === "" ? undefined : JSON.parse(text)) as T;
  } catch {
    throw new ApiProblem(answer.status, "no_json", "the node's answer is not JSON", "");
  }
}

export const get = async <P extends PathWith<"get">>(path: P, request: Request<P, "get"> = {}) =>
  json<Answer<P, "get">>(await ask("get", path, request));
export const post = async <P extends PathWith<"post">>(path: P, request: Request<P, "post"> = {}) =>
  json<Answer<P, "post">>(await ask("post", path, request));
export const put = async <P extends PathWith<"put">>(path: P, request: Request<P, "put"> = {}) =>
  json<Answer<P, "put">>(await ask("put", path, request));
export const patch = async <P extends PathWith<"patch">>(path: P, request: Request<P, "patch"> = {}) =>
  json<Answer<P, "patch">>(await ask("patch", path, request));
export const del = async <P extends PathWith<"delete">>(path: P, request: Request<P, "delete"> = {}) =>
  json<Answer<P, "delete">>(await ask("delete", path, request));

/// An answer that is no JSON: frames as lines, metrics.
export const getText = async <P extends PathWith<"get">>(path: P, request: Request<P, "get"> = {}) =>
  (await ask("get", path, request)).text();

/// A path that the OpenAPI document does not have (yet). Prefer `get`.
export const getUntyped = async (path: string, request: Loose = {}): Promise<unknown> =>
  json<unknown>(await ask("get", path, request));

export type Paths = paths;
