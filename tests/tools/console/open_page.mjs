// Leaves three screens open for ten minutes, and fails when one of them grows. It takes too long for the tests:
//   tests/tools/console/run TREE BUILD open_page.mjs [MINUTES]
// page.test.mjs has the same for a minute of hastened updates.
import { watchGrowth } from './growth.mjs'
import { endAll, isLive, openNode } from './world.mjs'

const minutes = Number(process.argv[2] ?? 10)
const every_ms = 15_000
const warm_ms = 60_000
const world = await openNode()
const screens = ['fleet', 'machine/SIM-0001?signals=engine_speed_rpm', 'can/SIM-0001']
const pages = await Promise.all(screens.map(async (at) => {
  const page = await world.openPage()
  await page.goto(`${world.url}#/${at}`)
  await isLive(page)
  return page
}))
const times = 2 * Math.floor((minutes * 60_000 - warm_ms) / every_ms / 2)
let failed = 0
await Promise.all(pages.map((page, i) =>
  watchGrowth(screens[i], page, { warm_ms, every_ms, times, bytes_max: 400_000, nodes_max: 300 })
    .catch((error) => { failed = 1; console.log(error.message) })))
for (const page of pages) await world.close(page)
console.log(failed ? 'a page grows' : `no page has grown in ${minutes} minutes`)
await endAll()
process.exit(failed)
