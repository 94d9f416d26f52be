/// The stream of the page: all machines of the farm, with what lists and maps of them show. Screens read `fleet`.
///
/// A screen that needs more (all values of a machine, faults, own signals, raw frames, a faster rate) opens its own
/// stream with `useWatch`.
import { type ReadonlySignal, effect, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { farm } from "../api/client";
import type { ApiProblem } from "../api/problem";
import { noteServerTime } from "../format/clock";
import type { FramesMessage, StreamMessage } from "./messages";
import { LiveSocket, type LiveState, type StreamFilters } from "./socket";
import { Fleet } from "./store";

export const fleet = new Fleet();

/// A fleet of 10,000 machines fits only if the page asks for nothing that it does not show.
const page_filters: StreamFilters = {
  brief: true, maxHz: 1,
  signals: ["position", "mode", "heading_deg", "course_deg", "ground_speed_mps", "wheel_speed_mps", "engine_speed_rpm"],
};
const page = signal<LiveSocket | null>(null);

export const liveState = (): LiveState => page.value?.state.value ?? "closed";
export const liveProblem = (): ApiProblem | null => page.value?.problem.value ?? null;
/// Of the node that this page is from; null: no connection yet.
export const liveHello = () => page.value?.hello.value ?? null;

/// A new stream for each farm; returns what ends it.
export function startLive(): () => void {
  const stop = effect(() => {
    void farm.value;
    fleet.clear();
    const socket = new LiveSocket(page_filters, listenerOf(fleet, {}));
    page.value = socket;
    return () => socket.close();
  });
  return () => {
    stop();
    page.value = null;
    fleet.clear();
  };
}

export interface WatchEvents {
  frames?: (message: FramesMessage) => void;
  dropped?: (frames: number) => void;
}

function listenerOf(to: Fleet, events: WatchEvents) {
  return {
    begin: () => to.begin(),
    resumeId: () => to.resumeId,
    message: (message: StreamMessage): boolean => {
      switch (message.type) {
        case "hello":
        case "tick":
          noteServerTime(message.time);
          return true;
        case "snapshot":
        case "delta":
          noteServerTime(message.time);
          return to.take(message);
        case "frames":
          events.frames?.(message);
          return true;
        case "dropped":
          events.dropped?.(message.frames);
          return true;
        default:
          return true;
      }
    },
  };
}

export interface Watch {
  fleet: Fleet;
  state: ReadonlySignal<LiveState>;
  problem: ReadonlySignal<ApiProblem | null>;
  close: () => void;
}

/// A stream of its own. The caller closes it.
export function watch(filters: StreamFilters, events: WatchEvents = {}): Watch {
  const own = new Fleet();
  const socket = new LiveSocket(filters, listenerOf(own, events));
  return {
    fleet: own, state: socket.state, problem: socket.problem,
    close: () => {
      socket.close();
      own.dispose();
    },
  };
}

/// A stream of the component, closed with it. Other filters or another farm open another one; null: none.
export function useWatch(filters: StreamFilters | null, events: WatchEvents = {}): Watch | null {
  const [made, setMade] = useState<Watch | null>(null);
  const key = filters ? JSON.stringify(filters) : "";
  const of = farm.value;
  useEffect(() => {
    if (!filters)
      return undefined;
    const own = watch(filters, events);
    setMade(own);
    return () => {
      own.close();
      setMade(null);
    };
    // The key stands for the filters, which are a new object at each call.
  }, [key, of]);
  return made;
}

/// One machine with all that the live view has of it: a stream of the component.
export function useMachineWatch(name: string): Fleet | null {
  return useWatch(name === "" ? null : { machines: [name], maxHz: 2 })?.fleet ?? null;
}
