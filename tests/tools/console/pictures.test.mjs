// The pictures of docs/console.md, of a fleet that has driven for some minutes. Only with a folder in FURROW_PICTURES:
//   FURROW_PICTURES=docs/img tests/tools/console/run TREE BUILD pictures.test.mjs
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { World, isLive, until } from './world.mjs'

const folder = process.env.FURROW_PICTURES
const minutes = 6
const reach_deg = 0.004

const fieldAround = ([name, crop], { latitude_deg, longitude_deg }) => {
  const [west, east] = [longitude_deg - reach_deg, longitude_deg + reach_deg]
  const [south, north] = [latitude_deg - reach_deg, latitude_deg + reach_deg]
  return { name, crop, boundary: { type: 'Polygon', coordinates:
    [[[west, south], [east, south], [east, north], [west, north], [west, south]]] } }
}

describe('pictures', { skip: !folder && 'FURROW_PICTURES is not set' }, () => {
  test('fleet, machine and replay', async () => {
    const world = new World()
    await world.startNode()
    world.startFleet(8, 100)
    const begin = Date.now()
    const position = (name) => until(`${name} has a position`, async () =>
      (await world.get(`/api/v1/equipment/${name}`)).state?.position?.value, 60)
    await world.send('POST', '/api/v1/fields', [
      fieldAround(['Long acre', 'winter wheat'], await position('SIM-0001')),
      fieldAround(['Mill meadow', 'barley'], await position('SIM-0002'))])
    await new Promise((resolve) => setTimeout(resolve, minutes * 60_000))
    const page = await world.openPage()
    const take = async (at, heading, name) => {
      await world.show(page, at, heading)
      await isLive(page)
      await page.waitForTimeout(3000)
      mkdirSync(folder, { recursive: true })
      await page.screenshot({ path: path.join(folder, `console-${name}.png`) })
    }
    const iso = (ms) => new Date(ms).toISOString()
    await take('fleet?machine=SIM-0004', 'Fleet', 'fleet')
    await take('machine/SIM-0001', 'Machine SIM-0001', 'machine')
    const range = `from=${iso(begin)}&to=${iso(Date.now())}&at=${iso((begin + Date.now()) / 2)}`
    await take(`replay?machines=SIM-0001&signals=speed_kmh&${range}`, 'Replay', 'replay')
    await world.close(page)
  })
})
