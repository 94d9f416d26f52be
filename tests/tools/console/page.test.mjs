// The page of a node that has neither users nor tokens: it opens at once, shows what is there, and stays well.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hasten, held, watchGrowth } from './growth.mjs'
import { isLive, openNode } from './world.mjs'

const screens = {
  'fleet': 'Fleet', 'machine/SIM-0001': 'Machine SIM-0001', 'faults': 'Faults', 'replay?machines=SIM-0001': 'Replay',
  'fields': 'Fields', 'can/SIM-0001': 'CAN SIM-0001', 'definitions': 'Definitions', 'ledger': 'Ledger',
  'system': 'System', 'people': 'People and tokens'
}

describe('page', () => {
  let world, page
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(world.url)
    await isLive(page)
  })
  after(() => world.close(page))

  for (const colorScheme of ['light', 'dark'])
    for (const [at, heading] of Object.entries(screens))
      test(`${heading}, ${colorScheme}: opens by its address, and axe finds nothing`, async () => {
        await page.emulateMedia({ colorScheme })
        await world.show(page, at, heading)
        await isLive(page)
        assert.deepEqual(await world.axe(page), [])
      })

  test('each link of the navigation works with the keyboard', async () => {
    const links = page.getByRole('navigation', { name: 'Screens' }).getByRole('link')
    const count = await links.count()
    assert.equal(count, 9)
    for (let i = 0; i < count; ++i) {
      const name = (await links.nth(i).textContent()).trim()
      await links.nth(i).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1 }).filter({ hasText: name }).waitFor()
    }
  })

  test('sixty changes of screens do not grow the page', async () => {
    const round = async () => {
      for (const [at, heading] of Object.entries(screens)) {
        await world.show(page, at, heading)
        await page.waitForTimeout(100)
      }
    }
    await round()
    await round()
    const first = await held(page)
    for (let i = 0; i < 4; ++i) await round()
    const last = await held(page)
    console.log(`heap ${first.bytes} -> ${last.bytes} bytes, ${first.nodes} -> ${last.nodes} nodes of the document`)
    assert.ok(last.bytes < first.bytes + 3e6, 'the heap grows')
    assert.ok(last.nodes < first.nodes * 1.5 + 500, 'the document grows')
  })

  // Ten minutes as they are: open_page.mjs.
  test('a page that is left open does not grow with twenty times the updates', async () => {
    const pages = await Promise.all(['fleet', 'machine/SIM-0001?signals=engine_speed_rpm', 'can/SIM-0001'].map(
      async (at) => {
        const open = await world.openPage()
        const seen = await hasten(open, 20)
        await open.goto(`${world.url}#/${at}`)
        await isLive(open)
        return { at, open, seen }
      }))
    await Promise.all(pages.map(({ at, open }) =>
      watchGrowth(at, open, { warm_ms: 20_000, every_ms: 5000, times: 8, bytes_max: 400_000, nodes_max: 300 })))
    for (const { at, open, seen } of pages) {
      console.log(`${at}: ${seen.updates} updates`)
      assert.ok(seen.updates >= 20 * 40, `${at} had only ${seen.updates} updates`)
      await world.close(open)
    }
  })

  test('the node is killed and comes back: the page says so, and goes on by itself', async () => {
    await world.show(page, 'fleet', 'Fleet')
    world.node.kill('SIGKILL')
    await page.getByRole('status').filter({ hasText: 'reconnecting' }).waitFor()
    await world.startNode()
    await isLive(page)
    await page.getByRole('link', { name: 'SIM-0001' }).first().waitFor()
  })
})
