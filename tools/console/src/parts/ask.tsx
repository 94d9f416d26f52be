/// Asks before something is done that takes something away, does it, and says so.
///
///   const ask = useAsk();
///   <button onClick={() => ask.open({ title: "Revoke the token", text: "…", action: "Revoke", run: () => del(…) })}>
///   {ask.dialog}
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type ApiProblem, toProblem } from "../api/problem";
import { say } from "../shell/toast";
import { Confirm } from "./dialog";
import { ErrorLine } from "./error_line";

export interface Question {
  title: string;
  text: ComponentChildren; // what will happen
  action: string; // the verb on the button
  run: () => Promise<unknown>;
  done?: string; // said when it is done
}

export function useAsk(after?: () => void) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const open = (next: Question) => {
    setProblem(undefined);
    setQuestion(next);
  };
  const run = async () => {
    if (!question || busy)
      return;
    setBusy(true);
    try {
      await question.run();
      setQuestion(null);
      if (question.done)
        say(question.done);
      after?.();
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setBusy(false);
    }
  };
  const dialog = question && (
    <Confirm open title={question.title} action={question.action} onClose={() => setQuestion(null)}
      onConfirm={() => void run()}>
      {typeof question.text === "string" ? <p>{question.text}</p> : question.text}
      <ErrorLine problem={problem} />
    </Confirm>
  );
  return { open, dialog };
}
