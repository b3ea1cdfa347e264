import { createContext, useContext } from "react";
import type { Call } from "offhook";
import { useLinesView, type LinesView } from "offhook/react";
import type { Desk, DeskState } from "../model/desk.js";
import { useStore } from "../model/store.js";

export const DeskContext = createContext<Desk | null>(null);

/** The desk, drawn anew whenever something about its calls is another. */
export function useDesk(): { desk: Desk; state: DeskState; view: LinesView; front: Call | null; talking: Call | null } {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("there is no desk");
  const state = useStore(desk.state);
  const view = useLinesView(desk.lines);
  const front = view.current ?? state.over?.call ?? null;
  const talking = view.current?.state === "established" ? view.current : null;
  return { desk, state, view, front, talking };
}
