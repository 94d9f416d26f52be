/// The farm of a new user or token: typed by who may name any, chosen by who has several, absent for who has one.
import { farm } from "../../api/client";
import { everyFarm, me } from "../../shell/session";

export function FarmField() {
  const farms = me.value?.farms ?? [];
  if (everyFarm.value)
    return (
      <label>Farm
        <input name="farms" required autocomplete="off" list="farms" defaultValue={farm.peek() || "default"}
          aria-describedby="farm-hint" />
        <span class="hint" id="farm-hint">One name, several names separated by commas, or * for every farm.</span>
      </label>
    );
  if (farms.length < 2)
    return null;
  return (
    <label>Farm
      <select name="farms">
        {farms.map((one) => <option key={one} value={one} selected={one === farm.peek()}>{one}</option>)}
      </select>
    </label>
  );
}

export const MachinesField = ({ value }: { value?: readonly string[] }) => (
  <label>Machines
    <input name="equipment" autocomplete="off" defaultValue={value?.join(", ") ?? ""}
      aria-describedby="machines-hint" />
    <span class="hint" id="machines-hint">Names separated by commas. Empty: every machine of the farm.</span>
  </label>
);
