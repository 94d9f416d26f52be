/// The actor tree of all nodes: a tree of rows that opens and closes, by pointer or by keyboard.
import { useMemo, useRef, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count, number } from "../../format/number";
import { type Question, useAsk } from "../../parts/ask";
import { Dialog } from "../../parts/dialog";
import { ErrorLine } from "../../parts/error_line";
import { Badge, Loading, SearchBox, Value } from "../../parts/small";
import { useVisibleRows } from "../../parts/window";
import { queryText, setQuery } from "../../shell/router";
import { may } from "../../shell/session";
import { type Actor, type ActorRow, type Counts, countsOf, isShared, keyOf, rateOf, visibleActors } from "./actor_tree";

const row_px = 40;

/// The row that a key leads to; null: the key does something else.
export function rowAfterKey(rows: readonly ActorRow[], now: number, key: string): number | null {
  const row = rows[now];
  switch (key) {
    case "ArrowDown": return Math.min(now + 1, rows.length - 1);
    case "ArrowUp": return Math.max(now - 1, 0);
    case "Home": return 0;
    case "End": return rows.length - 1;
    case "ArrowRight": return row?.open ? now + 1 : null;
    case "ArrowLeft": {
      if (!row || row.open)
        return null;
      for (let i = now - 1; i >= 0; --i)
        if ((rows[i]?.level ?? 0) < row.level)
          return i;
      return null;
    }
    default: return null;
  }
}

export function questionOf(one: Actor, restart: boolean): Question {
  const what = `“${one.name}” of the node ${one.node}`;
  const first = restart
    ? `The node ends the actor ${what}. Its supervisor starts it again at once and does not count it.`
    : `The node kills the actor ${what}, as a fault would. Its supervisor starts it again and counts the restart.`;
  const lost = "Nothing is lost: gateways send again what was not durable.";
  const last = one.kind === "supervisor" ? "All actors below it end and start with it." : isShared(one)
    ? "It serves every farm, so machines of every farm may wait for a moment."
    : "Its machine reconnects within seconds.";
  return {
    title: restart ? "Restart an actor" : "Kill an actor", action: restart ? "Restart" : "Kill",
    text: <><p>{first}</p><p>{lost} {last}</p></>,
    done: `The actor ${one.name} was ${restart ? "ended and starts again" : "killed"}.`,
    run: () => restart ? post("/api/v1/actors/{node}/{id}/restart", { path: { node: one.node, id: one.id } })
      : post("/api/v1/actors/{node}/{id}/kill", { path: { node: one.node, id: one.id } }),
  };
}

/// Alive nodes of which there is neither an actor nor word that they did not answer: this node has no link to them.
export function unlinked(alive: readonly string[], actors: readonly Actor[], incomplete: readonly string[]): string[] {
  const seen = new Set([...actors.map((one) => one.node), ...incomplete]);
  return alive.filter((name) => !seen.has(name));
}

async function read(signal: AbortSignal) {
  const [said, nodes] = await Promise.all([
    get("/api/v1/actors", { signal }), may("viewer", true) ? get("/api/v1/nodes", { signal }) : null]);
  const alive = (nodes?.nodes ?? []).filter((one) => one.state === "alive").map((one) => one.name);
  return { ...said, unlinked: unlinked(alive, said.actors, said.incomplete) };
}

const mayEnd = (one: Actor): boolean => isShared(one) ? may("admin", true) : may("operator");

function Details({ one, rate, onClose, ask }: {
  one: Actor; rate: number | null; onClose: () => void; ask: (question: Question) => void;
}) {
  const end = (restart: boolean) => {
    onClose();
    ask(questionOf(one, restart));
  };
  return (
    <Dialog title={one.name} open onClose={onClose}>
      <dl class="figures">
        <div><dt>Node</dt><dd>{one.node}</dd></div>
        <div><dt>Kind</dt><dd>{one.kind || "–"}</dd></div>
        <div><dt>State</dt><dd>{one.state}</dd></div>
        <div><dt>Restarts</dt><dd>{number(one.restarts)}</dd></div>
        <div><dt>Messages in the mailbox</dt><dd>{number(one.waiting)}</dd></div>
        <div><dt>The oldest waits</dt><dd>{number(one.oldest_ms)} ms</dd></div>
        <div><dt>Messages handled</dt><dd>{number(one.handled)}</dd></div>
        <div><dt>Messages per second</dt><dd>{number(rate, 1)}</dd></div>
        <div><dt>Time in its handlers</dt><dd>{number(one.busy_ms)} ms</dd></div>
        <div><dt>Number</dt><dd class="mono">{one.id}</dd></div>
      </dl>
      {one.detail !== "" && <p class="wrap">{one.detail}</p>}
      {mayEnd(one) ? (
        <div class="actions">
          <button type="button" onClick={() => end(true)}>Restart…</button>
          <button type="button" class="danger" onClick={() => end(false)}>Kill…</button>
        </div>
      ) : <p class="quiet">{isShared(one) ? "This actor serves every farm. Only an admin of the node may end it."
        : "Only an operator or an admin may end this actor."}</p>}
    </Dialog>
  );
}

export function Actors() {
  const { value, problem, loading, reload } = usePoll(read, 2000);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState("");
  const [shown, setShown] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const ask = useAsk(reload);
  const wanted = queryText("q");

  const counts = useRef<{ of: unknown; before: Counts | null; now: Counts | null }>(
    { of: null, before: null, now: null });
  if (value && counts.current.of !== value)
    counts.current = { of: value, before: counts.current.now, now: countsOf(value.actors, performance.now()) };
  const { before, now } = counts.current;
  const rate = (one: Actor) => rateOf(one, before, now?.at ?? 0);

  const rows = useMemo(() => visibleActors(value?.actors ?? [], toggled, wanted), [value, toggled, wanted]);
  const { first, end } = useVisibleRows(box, row_px, rows.length);
  const here = Math.max(0, rows.findIndex((row) => row.key === focused));

  const toggle = (key: string) => {
    const next = new Set(toggled);
    if (!next.delete(key))
      next.add(key);
    setToggled(next);
  };
  const focusRow = (index: number) => {
    const row = rows[index];
    const element = box.current;
    if (!row || !element)
      return;
    setFocused(row.key);
    const top = (index + 1) * row_px; // below the heading
    if (top - row_px < element.scrollTop)
      element.scrollTop = top - row_px;
    else if (top + row_px > element.scrollTop + element.clientHeight)
      element.scrollTop = top + row_px - element.clientHeight;
    // The row may be drawn only after the scrolling.
    requestAnimationFrame(() => requestAnimationFrame(() =>
      element.querySelector<HTMLElement>(`tr[aria-rowindex="${index + 2}"]`)?.focus({ preventScroll: true })));
  };
  const onKey = (event: KeyboardEvent, index: number) => {
    const row = rows[index];
    if (!row || event.target !== event.currentTarget)
      return;
    const to = rowAfterKey(rows, index, event.key);
    if (to !== null)
      focusRow(to);
    else if (row.children > 0 && ((event.key === "ArrowRight" && !row.open) || (event.key === "ArrowLeft" && row.open)))
      toggle(row.key);
    else if (event.key === "Enter" || event.key === " ")
      setShown(row.key);
    else
      return;
    event.preventDefault();
  };

  const opened = shown === null ? undefined : value?.actors.find((one) => keyOf(one) === shown);
  return (
    <>
      <div class="row">
        <SearchBox label="Search actors" value={wanted} onChange={(q) => setQuery({ q })} />
        <span class="quiet">{value ? `${count(value.actors.length, "actor")} of ${
          count(new Set(value.actors.map((one) => one.node)).size, "node")}` : ""}</span>
        <span class="quiet">Arrow keys move, open and close. Enter shows an actor.</span>
      </div>
      <ErrorLine problem={problem} stale={value !== undefined} />
      {value && value.incomplete.length > 0
        && <p class="error-line" role="status">No answer came from: {value.incomplete.join(", ")}.</p>}
      {value && value.unlinked.length > 0 && <p class="quiet">This node has no link to {value.unlinked.join(", ")}, so
        the actors there are not shown. The setting <code>--link</code> makes one.</p>}
      {loading && <Loading />}
      <div class="table-box tree" ref={box}>
        <table role="treegrid" aria-label="Actors" aria-rowcount={rows.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col">Actor</th><th scope="col">State</th><th scope="col" class="numeric">Mailbox</th>
              <th scope="col" class="numeric">Messages/s</th><th scope="col" class="numeric">Restarts</th>
            </tr>
          </thead>
          <tbody>
            {first > 0 && <tr aria-hidden="true" style={{ height: `${first * row_px}px` }} />}
            {rows.slice(first, end).map(({ key, actor, level, children, open, place, siblings }, i) => (
              <tr key={key} class="opens" style={{ height: `${row_px}px` }} aria-rowindex={first + i + 2}
                aria-level={level} aria-posinset={place} aria-setsize={siblings}
                aria-expanded={children > 0 ? open : undefined} tabIndex={first + i === here ? 0 : -1}
                onFocus={() => setFocused(key)} onKeyDown={(event) => onKey(event, first + i)}
                onClick={() => setShown(key)}>
                <td>
                  <span class="tree-name" style={{ paddingLeft: `${(level - 1) * 20}px` }}>
                    {children > 0
                      ? <button type="button" class="tree-toggle" tabIndex={-1}
                          aria-label={`${open ? "Close" : "Open"} ${actor.name}`}
                          onClick={(event) => { event.stopPropagation(); toggle(key); }}>{open ? "▾" : "▸"}</button>
                      : <span class="tree-toggle" />}
                    {actor.name}{children > 0 && <span class="quiet">{number(children)}</span>}
                  </span>
                </td>
                <td><Badge tone={actor.state === "running" ? "good" : "warn"}>{actor.state}</Badge></td>
                <td class="numeric"><Value value={actor.waiting} /></td>
                <td class="numeric"><Value value={rate(actor)} digits={1} /></td>
                <td class="numeric"><Value value={actor.restarts} /></td>
              </tr>
            ))}
            {end < rows.length && <tr aria-hidden="true" style={{ height: `${(rows.length - end) * row_px}px` }} />}
          </tbody>
        </table>
        {value && rows.length === 0 && <p class="empty">No actor has this name.</p>}
      </div>
      {opened && <Details one={opened} rate={rate(opened)} onClose={() => setShown(null)} ask={ask.open} />}
      {ask.dialog}
    </>
  );
}
