// The pictures of docs/console.md, of machines at work for half an hour. Only with a folder in FURROW_PICTURES:
//   FURROW_PICTURES=docs/img tests/tools/console/run TREE BUILD pictures.test.mjs
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { World, isLive } from './world.mjs'

const folder = process.env.FURROW_PICTURES
const machines = 8
const since_s = 1800

describe('pictures', { skip: !folder && 'FURROW_PICTURES is not set' }, () => {
  test('the screens of the tutorial', async () => {
    const world = new World()
    await world.startNode()
    const begin = Date.now() - since_s * 1000
    await world.startWork(machines, since_s)
    const iso = (ms) => new Date(ms).toISOString()
    const page = await world.openPage()
    mkdirSync(folder, { recursive: true })
    const take = async (at, heading, name, wait_ms = 4000) => {
      await world.show(page, at, heading)
      await isLive(page)
      await page.waitForTimeout(wait_ms)
      await page.screenshot({ path: path.join(folder, `console-${name}.png`) })
    }
    const range = `from=${iso(begin)}&to=${iso(Date.now())}`
    await take('fleet?machine=SIM-0004', 'Fleet', 'fleet')
    await take('machine/SIM-0008?signals=coolant_temperature_c,engine_speed_rpm&range=1h', 'Machine SIM-0008', 'machine')
    await take(`replay?machines=SIM-0004&signals=speed_kmh&${range}&at=${iso(begin + since_s * 600)}`, 'Replay', 'replay')
    await take(`fields?field=Stony%20piece&machines=SIM-0004&width=7.5&${range}`, 'Fields', 'field', 8000)
    await take('faults?state=history', 'Faults', 'faults')
    await take('can/SIM-0008', 'CAN SIM-0008', 'can')
    await take('ledger', 'Ledger', 'ledger')
    await world.close(page)
  })
})
