// The page of a node that has neither users nor tokens: it opens at once, and shows what is there.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { World, until } from './world.mjs'

const screens = {
  'fleet': 'Fleet', 'machine/SIM-0001': 'SIM-0001', 'faults': 'Faults', 'replay': 'Replay', 'fields': 'Fields',
  'can/SIM-0001': 'CAN', 'definitions': 'Definitions', 'ledger': 'Ledger', 'system': 'System',
  'people': 'People and tokens'
}
const world = new World()
before(async () => {
  await world.startNode()
  world.startFleet(4)
  await world.openBrowser()
  await until('four machines send', () => JSON.parse(world.furrow('equipment', '-o', 'json')).length === 4)
})
after(() => world.end())

const is_live = (page) => page.getByRole('status').filter({ hasText: /^live$/ }).waitFor()

test('the first page shows the fleet, live, and asks nobody but the node', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await is_live(page)
  for (let i = 1; i <= 4; ++i) await page.getByRole('link', { name: `SIM-000${i}` }).first().waitFor()
  assert.equal(await page.title(), 'Fleet · Furrow')
  assert.deepEqual(page.faults, [])
  assert.deepEqual(page.strangers, [])
  await page.context().close()
})

for (const colorScheme of ['light', 'dark'])
  for (const [at, heading] of Object.entries(screens))
    test(`${heading}, ${colorScheme}: opens by its address, and axe finds nothing`, async () => {
      const page = await world.openPage({ colorScheme })
      await page.goto(`${world.url}#/${at}`)
      await page.getByRole('heading', { level: 1, name: heading }).waitFor()
      await is_live(page)
      assert.deepEqual(await world.axe(page), [])
      assert.deepEqual(page.faults, [])
      assert.deepEqual(page.strangers, [])
      await page.context().close()
    })

test('each link of the navigation works with the keyboard', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await is_live(page)
  const links = await page.getByRole('navigation').getByRole('link').count()
  assert.ok(links >= 9, `${links} links`)
  for (let i = 0; i < links; ++i) {
    const link = page.getByRole('navigation').getByRole('link').nth(i)
    const name = (await link.textContent()).trim()
    await link.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1 }).filter({ hasText: name }).waitFor()
  }
  assert.deepEqual(page.faults, [])
  await page.context().close()
})

test('the node is killed and comes back: the page says so, and goes on by itself', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await is_live(page)
  world.node.kill('SIGKILL')
  await page.getByRole('status').filter({ hasText: 'reconnecting' }).waitFor()
  await world.startNode()
  await is_live(page)
  await page.getByRole('link', { name: 'SIM-0001' }).first().waitFor()
  assert.deepEqual(page.faults, [])
  await page.context().close()
})

test('sixty changes of screens do not grow the page', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await is_live(page)
  const round = async () => {
    for (const [at, heading] of Object.entries(screens)) {
      await page.goto(`${world.url}#/${at}`)
      await page.getByRole('heading', { level: 1, name: heading }).waitFor()
      await page.waitForTimeout(100)
    }
  }
  const held = async () => {
    const session = await page.context().newCDPSession(page)
    await session.send('HeapProfiler.collectGarbage')
    const { jsHeapUsedSize, nodes } = { ...await session.send('Runtime.getHeapUsage'),
      ...await session.send('Memory.getDOMCounters') }
    await session.detach()
    return { bytes: jsHeapUsedSize ?? (await page.evaluate(() => performance.memory.usedJSHeapSize)), nodes }
  }
  await round()
  await round()
  const first = await held()
  for (let i = 0; i < 6; ++i) await round()
  const last = await held()
  console.log(`heap ${first.bytes} -> ${last.bytes} bytes, ${first.nodes} -> ${last.nodes} nodes of the document`)
  assert.ok(last.bytes < first.bytes + 3e6, 'the heap grows')
  assert.ok(last.nodes < first.nodes * 1.5 + 500, 'the document grows')
  await page.context().close()
})
