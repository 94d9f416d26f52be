import assert from "node:assert/strict";
import { test } from "node:test";
import { metric } from "./metrics_text";

const text = `# HELP furrow_sessions machines
furrow_sessions_total 9
furrow_sessions 3
furrow_budget{kind="used"} 1.5e6
furrow_nan NaN
`;

test("metrics: finds a whole name, with and without labels", () => {
  assert.equal(metric(text, "furrow_sessions"), 3);
  assert.equal(metric(text, "furrow_budget"), 1_500_000);
  assert.equal(metric(text, "furrow_nan"), null);
  assert.equal(metric(text, "furrow_sess"), null);
});
