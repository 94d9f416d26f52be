/// Frames of a time range from the store: the first lines here, all of them as a file.
import { useEffect, useState } from "preact/hooks";
import { address } from "../../api/client";
import { type ApiProblem, isAbort, readProblem, toProblem } from "../../api/problem";
import { nodeNow } from "../../format/clock";
import { count } from "../../format/number";
import { parseTime } from "../../format/time";
import { ErrorLine } from "../../parts/error_line";
import { TimeRange } from "../../parts/time_range";
import { Empty, Loading } from "../../parts/small";
import { queryText, setQuery } from "../../shell/router";
import { type CanFrame, readFrame } from "./frame";
import { CopyButton } from "./copy_button";
import { trail_max } from "./trace";
import { Trail } from "./trail";

const hour_ms = 3_600_000;

/// The first lines of a long answer; the rest is not loaded.
export async function firstFrames(url: string, linesMax: number, signal: AbortSignal): Promise<CanFrame[]> {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort());
  const answer = await fetch(url, { signal: stop.signal, cache: "no-store" });
  if (!answer.ok || !answer.body)
    throw readProblem(answer.status, await answer.text());
  const frames: CanFrame[] = [];
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop() ?? "";
    for (const line of lines) {
      const frame = line === "" ? null : readFrame(JSON.parse(line));
      if (frame && frames.push(frame) >= linesMax) {
        stop.abort();
        return frames;
      }
    }
    if (done)
      return frames;
  }
}

export function StoredFrames({ machine }: { machine: string }) {
  const [start] = useState(nodeNow);
  const from = parseTime(queryText("from")) ?? start - hour_ms / 12;
  const to = parseTime(queryText("to")) ?? start;
  const canId = queryText("can_id");
  const pgn = queryText("of_pgn");
  const query = { equipment: machine, from: new Date(from).toISOString(), to: new Date(to).toISOString(),
    can_id: canId, pgn };
  const url = address("/api/v1/frames", { query: { ...query, format: "jsonl" } });
  const [state, setState] = useState<{ url: string; frames?: CanFrame[]; problem?: ApiProblem }>({ url: "" });
  const [selected, setSelected] = useState<ReadonlySet<CanFrame>>(new Set());

  useEffect(() => {
    const asking = new AbortController();
    setSelected(new Set());
    const timer = setTimeout(() => {
      firstFrames(url, trail_max, asking.signal).then((frames) => setState({ url, frames }),
        (error: unknown) => { if (!isAbort(error)) setState({ url, problem: toProblem(error) }); });
    }, 300); // of typing
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [url]);

  const frames = state.url === url ? state.frames : undefined;
  const list = frames && frames.length > 0
    && <Trail label="Stored frames" frames={frames} selected={selected} onSelect={setSelected} />;
  return (
    <>
      <div class="row">
        <TimeRange from={from} to={to} onChange={(next) => setQuery({ from: next.from, to: next.to })} />
        <label>Identifier
          <input size={10} value={canId} placeholder="18FEF100" spellcheck={false}
            onInput={(event) => setQuery({ can_id: event.currentTarget.value.trim() })} />
        </label>
        <label>PGN
          <input size={8} value={pgn} placeholder="65265" inputMode="numeric"
            onInput={(event) => setQuery({ of_pgn: event.currentTarget.value.trim() })} />
        </label>
      </div>
      <div class="row">
        <a class="button" download={`${machine}.log`} href={address("/api/v1/frames", { query })}>
          Download as candump
        </a>
        <CopyButton frames={frames ?? []} selected={selected} />
        {frames && <span class="quiet">{frames.length < trail_max ? count(frames.length, "frame")
          : `The first ${count(frames.length, "frame")}. The download has all of them.`}</span>}
      </div>
      <ErrorLine problem={state.url === url ? state.problem : null} />
      {list ? <div class="trail">{list}</div> : frames ? <Empty>No data in this range.</Empty>
        : state.url !== url && <Loading />}
    </>
  );
}
