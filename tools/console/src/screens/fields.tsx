import { LayerGroup, type LatLngBoundsExpression, Polygon as Shape } from "leaflet";
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePoll } from "../api/poll";
import { number } from "../format/number";
import { absent } from "../format/time";
import { type Column, DataTable } from "../parts/data_table";
import { ErrorLine } from "../parts/error_line";
import { MapView, useFitOnce, useMap, useMapLayer } from "../parts/map_view";
import { Screen } from "../parts/screen";
import { Loading, SearchBox, Value } from "../parts/small";
import { queryText, setQuery } from "../shell/router";
import { mayManage, may, me } from "../shell/session";
import { color, dark } from "../shell/theme";
import { FieldDetails } from "./fields/details";
import { DrawPanel } from "./fields/draw_panel";
import { type Field, listFields } from "./fields/field";
import { ImportFields } from "./fields/import_dialog";
import { FieldWork, type OnMap } from "./fields/work";
import { WorkLayer } from "./fields/work_layer";

const poll_ms = 10_000;
const none = "No field yet. Draw one, or import GeoJSON.";
const nothing: OnMap = { coverage: null, dots: [] };

const columns: Column<Field>[] = [
  { id: "name", title: "Field", sort: (one) => one.name, cell: (one) => one.name },
  { id: "area", title: "Area", numeric: true, sort: (one) => one.area_m2,
    cell: (one) => <Value value={one.area_m2 / 10_000} unit="ha" digits={2} /> },
  { id: "crop", title: "Crop", sort: (one) => one.crop || null, cell: (one) => one.crop || absent },
  { id: "season", title: "Season", sort: (one) => one.season || null, cell: (one) => one.season || absent },
];

const corners = ([west, south, east, north]: Field["box_deg"]): [number, number][] => [[south, west], [north, east]];

function useFieldLayer(map: ReturnType<typeof useMap>, fields: readonly Field[], selected: string): void {
  useMapLayer(map, () => new LayerGroup(), (layer) => {
    layer.clearLayers();
    for (const one of fields) {
      const chosen = one.name === selected;
      const rings = one.boundary.coordinates.map((ring) => ring.map(([x, y]): [number, number] => [y, x]));
      const shape = new Shape(rings, { color: color(chosen ? "--accent" : "--edge"), weight: chosen ? 3 : 2,
        fillOpacity: chosen ? 0.05 : 0.15, bubblingMouseEvents: true });
      shape.on("click", () => {
        if (!map.peek()?.getContainer().classList.contains("drawing"))
          setQuery({ field: one.name }, true);
      });
      layer.addLayer(shape);
    }
  }, [fields, selected, dark.value]);
}

export function Fields() {
  const { value, problem, loading, reload } = usePoll(listFields, poll_ms);
  const selected = queryText("field");
  const wanted = queryText("q").toLowerCase();
  const [drawing, setDrawing] = useState<"" | "new" | "change">("");
  const [shown, setShown] = useState<OnMap>(nothing);
  const all = value?.rows;
  const fields = useMemo(() => (all ?? []).filter((one) =>
    `${one.name} ${one.crop} ${one.season}`.toLowerCase().includes(wanted)), [all, wanted]);
  const field = all?.find((one) => one.name === selected) ?? null;
  const taken = (all ?? []).map((one) => one.name);
  // A token for some machines cannot change fields.
  const changes = may("operator") && (mayManage() || (me.value?.equipment.length ?? 0) === 0);
  const bounds = useMemo((): LatLngBoundsExpression | null => field ? corners(field.box_deg)
    : fields.length > 0 ? fields.flatMap((one) => corners(one.box_deg)) : null, [fields, field]);

  const map = useMap();
  useFieldLayer(map, fields, selected);
  useMapLayer(map, () => new WorkLayer(), (layer) => layer.setWork(shown.coverage, shown.dots, color("--good")),
    [shown, dark.value]);
  useFitOnce(map, bounds);
  useEffect(() => {
    if (field)
      map.peek()?.fitBounds(corners(field.box_deg), { padding: [48, 48], maxZoom: 17, animate: false });
  }, [selected, field !== null, map.value]);
  const done = (name: string) => {
    setDrawing("");
    setQuery({ field: name });
    reload();
  };

  const draw = () => {
    setQuery({ field: null });
    setDrawing("new");
  };
  const actions = (
    <>
      <SearchBox label="Search fields" value={queryText("q")} onChange={(q) => setQuery({ q })} />
      {changes && <button type="button" disabled={drawing !== ""} onClick={draw}>Draw a field</button>}
      {changes && <ImportFields known={all ?? []} onDone={done} />}
    </>
  );
  return (
    <Screen title="Fields" full actions={actions}>
      <ErrorLine problem={problem} stale={value !== undefined} />
      <div class="fields">
        <div class="fields-side">
          {drawing !== "" && map.value
            ? <DrawPanel key={drawing + selected} map={map.value} field={drawing === "change" ? field : null}
                taken={taken} onClose={() => setDrawing("")} onDone={done} />
            : field
              ? <>
                  <button type="button" onClick={() => setQuery({ field: null })}>All fields</button>
                  <FieldDetails field={field} taken={taken} changes={changes} onDone={done}
                    onBoundary={() => setDrawing("change")} />
                  <FieldWork key={field.name} field={field} onMap={setShown} />
                </>
              : loading ? <Loading />
                : <>
                    {selected !== "" && <p class="error-line" role="status">There is no field “{selected}”.</p>}
                    <DataTable label="Fields" columns={columns} rows={fields} rowKey={(one) => one.name} sortKey="sort"
                      defaultSort="name" onOpen={(one) => setQuery({ field: one.name }, true)}
                      empty={wanted !== "" ? "No field fits the search." : none} />
                    {value?.more && <p class="quiet">Only the first {number(fields.length)} fields are shown.</p>}
                  </>}
        </div>
        <MapView map={map} label="Fields on a map" />
      </div>
    </Screen>
  );
}
