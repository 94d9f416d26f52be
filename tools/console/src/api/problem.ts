/// The error of a request: what the node says, or that it did not answer.
export class ApiProblem extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly hint: string) {
    super(message);
    this.name = "ApiProblem";
  }
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem)
    return error;
  if (error instanceof TypeError)
    return new ApiProblem(0, "no_answer", "the node does not answer", "the page tries again");
  return new ApiProblem(0, "page_error", error instanceof Error ? error.message : String(error), "");
}

/// Of an answer that is no success. A proxy may answer with something else than the node's JSON.
export function readProblem(status: number, text: string): ApiProblem {
  try {
    const parsed = JSON.parse(text) as { error?: { code?: unknown; message?: unknown; hint?: unknown } };
    const said = parsed.error;
    if (typeof said?.message === "string")
      return new ApiProblem(status, String(said.code ?? ""), said.message, String(said.hint ?? ""));
  } catch {
    // Not JSON: the status has to do.
  }
  return new ApiProblem(status, "http_" + status, `the node answered with status ${status}`, "");
}
