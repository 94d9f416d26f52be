/// Small parts: value, age, time, badge, empty state, search box.
import type { ComponentChildren } from "preact";
import { clock } from "../format/clock";
import { number, unitText } from "../format/number";
import { absent, age, localTime, parseTime, utcTime } from "../format/time";

/// A number with its unit. Absent: "–", without unit.
export function Value({ value, unit, digits }: { value: unknown; unit?: string | null; digits?: number }) {
  if (typeof value === "string" || typeof value === "boolean")
    return <span class="value">{value === true ? "yes" : value === false ? "no" : value || absent}</span>;
  const text = number(value, digits);
  const of = text === absent ? "" : unitText(unit);
  return <span class="value">{text}{of !== "" && <span class="unit"> {of}</span>}</span>;
}

const old_ms = 15_000; // the stream sends an unchanged value again after 10 s

/// "3 s ago", grey when older than 15 s. `alwaysPlain`: a time that is not expected to move on.
export function Age({ time, alwaysPlain }: { time: string | null | undefined; alwaysPlain?: boolean }) {
  const at = parseTime(time);
  const now = clock.value;
  const old = at !== null && now - at > old_ms && !alwaysPlain;
  return (
    <time class={old ? "age age-old" : "age"} dateTime={time ?? undefined} title={utcTime(at)}>{age(at, now)}</time>
  );
}

/// In the browser's time, with UTC in the title.
export function Time({ time, seconds = true }: { time: string | null | undefined; seconds?: boolean }) {
  const at = parseTime(time);
  return <time class="time" dateTime={time ?? undefined} title={utcTime(at)}>{localTime(at, seconds)}</time>;
}

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";
export const Badge = ({ tone = "quiet", children }: { tone?: Tone; children: ComponentChildren }) =>
  <span class={`badge badge-${tone}`}>{children}</span>;

const by_site = "by its site, as of";
/// In text, where no element can be: a title, a tooltip.
export const bySiteText = (time: string | null, now: number): string => `${by_site} ${age(parseTime(time), now)}`;

/// Of a machine that a site forwards: its values are as of `time`. `short`: one word for the eye, where the age stands
/// beside it; the title and screen readers have all words.
export function BySite({ time, short }: { time: string | null; short?: boolean }) {
  if (!short)
    return <Badge>{by_site} <Age time={time} /></Badge>;
  return (
    <span class="by-site" title={bySiteText(time, clock.value)}>
      <Badge>
        <span aria-hidden="true">site</span>
        <span class="unseen">{by_site} <Age time={time} /></span>
      </Badge>
    </span>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;
export const Loading = () => <p class="empty" role="status">Loading…</p>;

export interface SearchBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
}
export const SearchBox = ({ label, value, onChange, placeholder }: SearchBoxProps) => (
  <input class="search" type="search" aria-label={label} placeholder={placeholder ?? label} value={value}
    autocomplete="off" spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />
);
