/// The buttons, the slider and the clock of a replay. Only this part is drawn again while time runs.
import { localTime, utcTime } from "../../format/time";
import { type Player, speeds } from "./player";

export interface ControlsProps {
  player: Player;
  from: number;
  to: number;
  onMoved: () => void; // by the user
}

export function Controls({ player, from, to, onMoved }: ControlsProps) {
  const at = player.shown.value;
  const playing = player.playing.value;
  const speed = player.speed.value;
  const seek = (to_: number) => {
    player.seek(to_);
    onMoved();
  };
  const step = (text: string, label: string, ms: number) =>
    <button type="button" title={label} onClick={() => seek(player.at + ms)}>{text}</button>;
  return (
    <div class="player" role="group" aria-label="Time">
      {step("−1 min", "One minute back", -60_000)}
      {step("−10 s", "Ten seconds back", -10_000)}
      <button type="button" class="primary" onClick={() => { player.toggle(); onMoved(); }}>
        {playing ? "Pause" : "Play"}
      </button>
      {step("+10 s", "Ten seconds on", 10_000)}
      {step("+1 min", "One minute on", 60_000)}
      <label>Speed
        <select value={String(speed)} onChange={(event) => {
          player.speed.value = Number(event.currentTarget.value);
          onMoved();
        }}>
          {speeds.map((one) => <option key={one} value={String(one)}>{one}×</option>)}
        </select>
      </label>
      <input type="range" class="player-slider" aria-label="Time in the range" min={from} max={to} step={1000}
        value={at} aria-valuetext={localTime(at)} onInput={(event) => seek(Number(event.currentTarget.value))} />
      <time class="player-clock" dateTime={new Date(at).toISOString()} title={utcTime(at)}>{localTime(at)}</time>
    </div>
  );
}
