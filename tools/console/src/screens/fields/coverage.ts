/// How much of a field a machine has worked, from its positions: the swath of the implement on a grid of the field.
///
/// Shape: cells whose centre is inside the boundary and within half a width of the way are worked; cells that were
///   worked before at another time count as overlap.
/// Limits: cells_max cells: a large field has larger cells. Passes closer than overlap_ms are one pass.
import { type Polygon, contains } from "./geojson";

export interface Step {
  at: number; // milliseconds since 1970
  latitude: number;
  longitude: number;
}
export interface Coverage {
  workedM2: number;
  overlapM2: number;
  fieldM2: number; // of the cells inside
  cellM: number;
  cells: Float64Array; // row by row from the south-west: when a cell was worked first; 0: never; -1: outside
  columns: number;
  rows: number;
  west: number;
  south: number;
  degreesX: number; // of a cell
  degreesY: number;
}

const cells_max = 250_000;
const cell_min_m = 1;
const overlap_ms = 60_000;
const gap_ms = 15_000; // of positions: the machine may have been elsewhere
const metres_per_degree = 111_195;

export class CoverageGrid {
  readonly #grid: Coverage;
  readonly #last: Float64Array; // when a cell was worked last

  constructor(boundary: Polygon, [west, south, east, north]: readonly [number, number, number, number], cellM: number) {
    const scaleX = metres_per_degree * Math.cos(((south + north) / 2) * (Math.PI / 180));
    const [width, height] = [(east - west) * scaleX, (north - south) * metres_per_degree];
    const cell = Math.max(cell_min_m, cellM, Math.sqrt((width * height) / cells_max));
    const [columns, rows] = [Math.max(1, Math.ceil(width / cell)), Math.max(1, Math.ceil(height / cell))];
    const grid = (this.#grid = { workedM2: 0, overlapM2: 0, fieldM2: 0, cellM: cell, columns, rows, west, south,
      cells: new Float64Array(columns * rows), degreesX: cell / scaleX, degreesY: cell / metres_per_degree });
    this.#last = new Float64Array(columns * rows);
    for (let y = 0; y < rows; ++y)
      for (let x = 0; x < columns; ++x)
        if (contains(boundary, west + (x + 0.5) * grid.degreesX, south + (y + 0.5) * grid.degreesY))
          grid.fieldM2 += cell * cell;
        else
          grid.cells[y * columns + x] = -1;
  }

  /// The way between two positions of working rows, as wide as the implement.
  sweep(from: Step, to: Step, widthM: number): void {
    if (to.at - from.at > gap_ms || to.at < from.at)
      return;
    const grid = this.#grid;
    const place = (one: Step): [number, number] =>
      [(one.longitude - grid.west) / grid.degreesX, (one.latitude - grid.south) / grid.degreesY];
    const [[ax, ay], [bx, by]] = [place(from), place(to)];
    const reach = widthM / 2 / grid.cellM;
    const length2 = (bx - ax) ** 2 + (by - ay) ** 2;
    const first = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - reach));
    const last = (a: number, b: number, end: number) => Math.min(end - 1, Math.ceil(Math.max(a, b) + reach));
    for (let y = first(ay, by); y <= last(ay, by, grid.rows); ++y)
      for (let x = first(ax, bx); x <= last(ax, bx, grid.columns); ++x) {
        const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
        const part = length2 === 0 ? 0 : (px * (bx - ax) + py * (by - ay)) / length2;
        const near = Math.min(1, Math.max(0, part));
        if ((px - near * (bx - ax)) ** 2 + (py - near * (by - ay)) ** 2 <= reach * reach)
          this.#mark(y * grid.columns + x, to.at);
      }
  }

  #mark(i: number, at: number): void {
    const grid = this.#grid;
    const cell = grid.cells[i] ?? -1;
    if (cell < 0)
      return;
    const area = grid.cellM * grid.cellM;
    if (cell === 0) {
      grid.cells[i] = at;
      grid.workedM2 += area;
    } else if (at - (this.#last[i] ?? 0) > overlap_ms)
      grid.overlapM2 += area;
    this.#last[i] = at;
  }

  get result(): Coverage { return this.#grid; }
}
