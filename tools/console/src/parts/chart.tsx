/// Lines over time, on uPlot.
///
///   <Chart label="Engine" series={[{ label: "engine speed", unit: "rpm", times, values }]} syncKey="machine" />
///
/// Units: times in seconds since 1970. A value of null is a gap in the line. Series of one unit share an axis; the
///   first two units have axes.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { absent, localTime } from "../format/time";
import { number, unitText } from "../format/number";
import { color, dark } from "../shell/theme";

export interface ChartSeries {
  label: string;
  unit?: string | null;
  times: number[];
  values: (number | null)[];
  stepped?: boolean; // a state: holds until the next value
}
export interface ChartProps {
  label: string; // for readers of the screen
  series: ChartSeries[];
  height?: number;
  syncKey?: string; // charts of one key show one cursor
  from?: number; // of the time axis; absent: as the data
  to?: number;
  onSelect?: (from: number, to: number) => void; // the user has marked a range
  onCursor?: (time: number | null) => void;
  colors?: readonly string[]; // of the style sheet, one a series; absent: line_colors in turn
  onReady?: (chart: uPlot | null) => void; // a chart was made; null: it is gone
}

/// One time axis for all series. null where a series has no point: uPlot draws a gap; undefined: the line goes on.
export function aligned(series: readonly ChartSeries[]): uPlot.AlignedData {
  const tables = series.map((one): uPlot.AlignedData => [one.times, one.values]);
  if (tables.length === 0)
    return [[]];
  return tables.length === 1 && tables[0] ? tables[0] : uPlot.join(tables);
}

export const line_colors = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6", "--line-7",
  "--line-8"];

const minute = 60;
const day = 86_400;
// Of the time axis, with 24 hours a day: step, text, what is added at a new year, month, day, hour, minute, second.
const time_texts: (number | string | null)[][] = [
  [365 * day, "{YYYY}", null, null, null, null, null, null, 1],
  [day, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [minute, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [0.001, ":{ss}.{fff}", "\n{HH}:{mm}", null, null, null, "\n{HH}:{mm}", null, 1],
];

function optionsOf(props: ChartProps, width: number, height: number, listener: { current: ChartProps }): uPlot.Options {
  const units = [...new Set(props.series.map((one) => one.unit ?? ""))];
  const ink = color("--quiet");
  const grid = { stroke: color("--rule"), width: 1 };
  const axis = (unit: string, i: number): uPlot.Axis => ({
    scale: unit, side: i === 0 ? 3 : 1, stroke: ink, grid: i === 0 ? grid : { show: false }, ticks: grid, size: 64,
    values: (_, ticks) => ticks.map((one) => number(one)), label: unitText(unit), labelSize: 16, labelGap: 0,
  });
  return {
    width, height,
    series: [
      { value: (_, at: number | null) => at === null ? absent : localTime(at * 1000) },
      ...props.series.map((one, i): uPlot.Series => ({
        label: one.label, scale: one.unit ?? "", width: 1.5, spanGaps: false,
        stroke: color(props.colors?.[i] ?? line_colors[i % line_colors.length] ?? "--accent"),
        value: (_, value: number | null) => value === null ? absent : `${number(value)} ${unitText(one.unit)}`,
        ...(one.stepped && uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
      })),
    ],
    axes: [{ stroke: ink, grid, ticks: grid, space: 72, values: time_texts as uPlot.Axis.Values },
      ...units.slice(0, 2).map(axis)],
    scales: { x: { time: true } },
    cursor: {
      drag: { x: true, y: false, setScale: !props.onSelect },
      ...(props.syncKey && { sync: { key: props.syncKey } }),
    },
    hooks: {
      setSelect: [(chart) => {
        const { left, width: marked } = chart.select;
        if (marked > 4 && listener.current.onSelect) {
          listener.current.onSelect(chart.posToVal(left, "x"), chart.posToVal(left + marked, "x"));
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }
      }],
      setCursor: [(chart) => {
        const { left } = chart.cursor;
        listener.current.onCursor?.(left === undefined || left < 0 ? null : chart.posToVal(left, "x"));
      }],
    },
  };
}

function show(chart: uPlot, { series, from, to }: ChartProps): void {
  chart.batch(() => {
    chart.setData(aligned(series), from === undefined || to === undefined);
    if (from !== undefined && to !== undefined)
      chart.setScale("x", { min: from, max: to });
  });
}

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const listener = useRef(props);
  listener.current = props;
  const height = props.height ?? 200;
  // Other lines need another chart; other points do not.
  const shape = JSON.stringify([props.series.map((one) => [one.label, one.unit, one.stepped]), props.syncKey, height,
    dark.value, props.onSelect !== undefined, props.colors]);

  useEffect(() => {
    const element = box.current;
    if (!element)
      return undefined;
    const made = new uPlot(optionsOf(listener.current, element.clientWidth || 600, height, listener), [[]], element);
    chart.current = made;
    show(made, listener.current);
    listener.current.onReady?.(made);
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      listener.current.onReady?.(null);
      made.destroy();
      chart.current = null;
    };
  }, [shape]);

  useEffect(() => {
    if (chart.current)
      show(chart.current, props);
  }, [props.series, props.from, props.to]);

  return <div class="chart" role="group" aria-label={props.label}><div ref={box} /></div>;
}
