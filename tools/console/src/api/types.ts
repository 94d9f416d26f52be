/// Types of the API, from the OpenAPI document (schema.d.ts, made by `npm run types`).
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Schema<Name extends keyof Schemas> = Schemas[Name];

export type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;

/// The paths that have the method.
export type PathWith<M extends Method> = { [P in keyof paths]: undefined extends paths[P][M] ? never : P }[keyof paths];

type Success = 200 | 201 | 202;
type JsonOf<R> = R extends { content: { "application/json": infer Json } } ? Json : unknown;
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? JsonOf<R[keyof R & Success]> : unknown;

type Query<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { parameters: { query?: infer Q } } ? Q : unknown;
type PathParameters<P extends string> =
  P extends `${string}{${infer Name}}${infer Rest}` ? Record<Name, string | number> & PathParameters<Rest> : unknown;
type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody?: { content: { "application/json": infer B } } } ? B : unknown;

/// What a request has: the names in braces of its path, its query and its body.
export interface Request<P extends keyof paths, M extends Method> {
  path?: PathParameters<P & string>;
  query?: { [K in keyof Query<P, M>]?: Query<P, M>[K] | null };
  body?: Body<P, M>;
  farm?: string; // in place of the farm of the page; "": of the credential
  signal?: AbortSignal;
}
