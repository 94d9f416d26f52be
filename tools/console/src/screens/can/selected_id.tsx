/// One identifier: its bits, and what the node decodes of its message.
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { keyWords } from "../../format/number";
import { useMachineWatch } from "../../live/live";
import { ErrorLine } from "../../parts/error_line";
import { Age, Value } from "../../parts/small";
import { href, setQuery } from "../../shell/router";
import { bytesOf } from "./frame";
import { frameName } from "./names";
import { type IdRow, freshness } from "./trace";

function Bits({ row, now }: { row: IdRow; now: number }) {
  const bytes = bytesOf(row.last.payload).slice(0, 64);
  return (
    <table class="bits" aria-label="Bits of the last payload">
      <thead><tr><th scope="col">Byte</th>{[8, 7, 6, 5, 4, 3, 2, 1].map((one) => <th scope="col">{one}</th>)}
        <th scope="col">Hex</th><th scope="col">Value</th></tr></thead>
      <tbody>
        {bytes.map((byte, i) => (
          <tr key={i}>
            <th scope="row">{i + 1}</th>
            {[0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (
              <td key={bit} class={freshness(row.bitsAt[i * 8 + bit] ?? 0, now)}>{byte & (0x80 >> bit) ? 1 : 0}</td>
            ))}
            <td>{byte.toString(16).toUpperCase().padStart(2, "0")}</td>
            <td>{byte}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Decoded {
  name: string;
  text: string;
  value: unknown;
  unit: string | null | undefined;
  time: string;
}

const position = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "latitude_deg" in value && "longitude_deg" in value
    ? `${String(value.latitude_deg)}, ${String(value.longitude_deg)}` : null;

function useDecoded(machine: string, row: IdRow) {
  const { pgn, source } = row.last;
  const message = frameName(row.last);
  const stored = usePoll((signal) => get("/api/v1/equipment/{name}/signals", { path: { name: machine }, signal }), 3000,
    machine);
  const watched = useMachineWatch(machine);
  const live = Object.entries(watched?.machine(machine)?.values ?? {})
    .filter(([, one]) => one.pgn === pgn && one.source === source && one.value !== null)
    .map(([key, one]): Decoded => ({ name: key, text: keyWords(key), value: position(one.value) ?? one.value,
      unit: one.unit, time: one.time }));
  const signals = (stored.value?.signals ?? []).filter((one) => message !== "" && one.name.startsWith(message + "."))
    .map((one): Decoded => ({ name: one.name, text: one.title ?? one.name, value: one.last, unit: one.unit,
      time: one.last_time }));
  return { live, signals, problem: stored.problem };
}

export function SelectedId({ machine, row, now }: { machine: string; row: IdRow; now: number }) {
  const { live, signals, problem } = useDecoded(machine, row);
  const names = signals.map((one) => one.name);
  const chartOf = (of: string[]) => href("machine", { name: machine, query: { signals: of.join(",") } });
  const line = (one: Decoded, chart: boolean) => (
    <tr key={one.name}>
      <td>{one.text}</td>
      <td class="numeric"><Value value={one.value} unit={one.unit} /></td>
      <td><Age time={one.time} /></td>
      <td>{chart && <a href={chartOf([one.name])} aria-label={`Chart ${one.name}`}>chart</a>}</td>
    </tr>
  );
  return (
    <section class="card selected-id" aria-label={`Identifier ${row.last.id}`}>
      <div class="screen-head">
        <h2>{row.last.id} {frameName(row.last)}</h2>
        <button type="button" onClick={() => setQuery({ frames: `id:${row.last.id}` }, true)}>
          Only this identifier
        </button>
        <button type="button" class="plain" aria-label="Close" onClick={() => setQuery({ id: null })}>×</button>
      </div>
      <div class="selected-body">
        <Bits row={row} now={now} />
        <div>
          <ErrorLine problem={problem} stale />
          {live.length + signals.length > 0
            ? <table aria-label="Decoded values"><thead><tr><th scope="col">Value</th><th scope="col">Last</th>
                <th scope="col">Age</th><th scope="col">Chart</th></tr></thead>
                <tbody>{live.map((one) => line(one, false))}{signals.map((one) => line(one, true))}</tbody></table>
            : <p class="quiet">The node decodes nothing of this message{frameName(row.last) === ""
                ? ", whose name is not known" : ""}.</p>}
          {names.length > 1 && <p><a href={chartOf(names.slice(0, 6))}>
            Chart {names.length > 6 ? "the first 6 signals" : "all these signals"}</a></p>}
        </div>
      </div>
    </section>
  );
}
