import "leaflet/dist/leaflet.css";
import "uplot/dist/uPlot.min.css";
import "./style/console.css";
import "./style/time.css";
import { render } from "preact";
import { startClock } from "./format/clock";
import { App } from "./shell/app";
import { startRouter } from "./shell/router";
import { startSession } from "./shell/session";
import { startTheme } from "./shell/theme";

startTheme();
startRouter();
startClock();
startSession();
const root = document.getElementById("app");
if (root)
  render(<App />, root);
