/// What went wrong, in place: the message and the hint of the node.
import type { ApiProblem } from "../api/problem";

export function ErrorLine({ problem, stale }: { problem: ApiProblem | null | undefined; stale?: boolean }) {
  if (!problem)
    return null;
  return (
    <p class="error-line" role="alert">
      <strong>{problem.message}</strong>{problem.hint !== "" && <> · {problem.hint}</>}
      {stale && <> · The last answer is shown.</>}
    </p>
  );
}
