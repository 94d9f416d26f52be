/// The buttons of drawing, and storing what was drawn.
import type { Map as LeafletMap } from "leaflet";
import { useEffect, useRef, useState } from "preact/hooks";
import { patch, post } from "../../api/client";
import { count, number } from "../../format/number";
import { color } from "../../shell/theme";
import { attempt } from "../../shell/toast";
import { DrawTool, type Drawn, ringOf } from "./draw";
import { type Field, body } from "./field";
import { areaM2 } from "./geojson";

export interface DrawPanelProps {
  map: LeafletMap;
  field: Field | null; // its boundary changes; null: a new field
  taken: readonly string[];
  onClose: () => void;
  onDone: (name: string) => void;
}

export function DrawPanel({ map, field, taken, onClose, onDone }: DrawPanelProps) {
  const tool = useRef<DrawTool | null>(null);
  const [drawn, setDrawn] = useState<Drawn>({ points: [], closed: false });
  const [name, setName] = useState("");
  useEffect(() => {
    const ring = field?.boundary.coordinates[0] ?? [];
    const made = (tool.current = new DrawTool(map, color("--bad"), ({ points, closed }) =>
      setDrawn({ points: [...points], closed }), ring.slice(0, -1)));
    return () => {
      made.dispose();
      tool.current = null;
    };
  }, [map]);

  const holes = field?.boundary.coordinates.slice(1) ?? [];
  const boundary = { type: "Polygon" as const, coordinates: [ringOf(drawn.points), ...holes] };
  const wanted = name.trim();
  const wrong = !drawn.closed ? "" : field ? "" : wanted === "" ? "Give the field a name."
    : taken.includes(wanted) ? "Another field has this name." : "";
  const save = async (event: Event) => {
    event.preventDefault();
    const done = await attempt(() => field
      ? patch("/api/v1/fields/{name}", { path: { name: field.name }, body: body({ boundary, version: field.version }) })
      : post("/api/v1/fields", { body: body({ name: wanted, boundary }) }), `${field?.name ?? wanted} is saved.`);
    if (done)
      onDone(field?.name ?? wanted);
  };
  return (
    <form class="draw-panel" aria-label="Draw a boundary" onSubmit={(event) => void save(event)}>
      <h2>{field ? `Boundary of ${field.name}` : "New field"}</h2>
      <p>{drawn.closed ? "Drag a point, or move it with the arrow keys. Delete removes it."
        : "Click on the map to add points. Click on the first point to close the boundary."}</p>
      <p role="status">{count(drawn.points.length, "point")}
        {drawn.points.length > 2 && <>, {number(areaM2(boundary) / 10_000, 2)} ha</>}</p>
      <div class="row">
        <button type="button" disabled={drawn.closed} onClick={() => tool.current?.addCentre()}>
          Add the map's centre
        </button>
        <button type="button" disabled={!tool.current?.canUndo} onClick={() => tool.current?.undo()}>Undo</button>
        <button type="button" disabled={drawn.closed || drawn.points.length < 3} onClick={() => tool.current?.close()}>
          Close the boundary
        </button>
      </div>
      {!field && (
        <label>Name
          <input value={name} maxLength={64} autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)} />
        </label>
      )}
      {wrong !== "" && <p class="warn">{wrong}</p>}
      <div class="row">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary" disabled={!drawn.closed || wrong !== ""}>Save</button>
      </div>
    </form>
  );
}
