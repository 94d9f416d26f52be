/// Times and ages as text. Pure; times of the API are RFC 3339 in UTC with microseconds.
export const absent = "–";

/// Milliseconds since 1970; null for a text that is no time ("infinity" too).
export function parseTime(text: string | null | undefined): number | null {
  if (!text)
    return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

const two = (n: number): string => String(n).padStart(2, "0");

/// "2026-05-01 08:30:00", in the browser's time.
export function localTime(at: number | null, withSeconds = true): string {
  if (at === null)
    return absent;
  const t = new Date(at);
  const day = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  return `${day} ${two(t.getHours())}:${two(t.getMinutes())}` + (withSeconds ? `:${two(t.getSeconds())}` : "");
}

/// "2026-05-01 06:30:00.000 UTC"
export const utcTime = (at: number | null): string =>
  at === null ? absent : new Date(at).toISOString().replace("T", " ").replace("Z", " UTC");

/// "3 s", "5 min", "2 h", "4 d"
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60)
    return `${s} s`;
  if (s < 3600)
    return `${Math.floor(s / 60)} min`;
  if (s < 86_400)
    return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/// "3 s ago"; a time ahead of the node's clock says so.
export function age(at: number | null, now: number): string {
  if (at === null)
    return absent;
  return at - now > 2000 ? `${duration(at - now)} ahead` : `${duration(now - at)} ago`;
}
