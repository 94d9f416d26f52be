// The screen Fleet: what it lists, and that what a person chooses is in the address.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isLive, openNode, until } from './world.mjs'

describe('fleet', () => {
  let world, page
  const names = async () => (await page.getByRole('region', { name: 'Machines' }).getByRole('link').allInnerTexts())
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(world.url)
  })
  after(() => world.close(page))

  test('the first page is the fleet, live', async () => {
    await isLive(page)
    await until('four machines', async () => (await names()).length === 4)
    assert.deepEqual(await names(), ['SIM-0001', 'SIM-0002', 'SIM-0003', 'SIM-0004'])
    assert.equal(await page.title(), 'Fleet · Furrow')
  })

  test('search leaves the machines of this name, and is in the address', async () => {
    await page.getByRole('searchbox', { name: 'Search machines' }).fill('0003')
    await until('one machine', async () => (await names()).join() === 'SIM-0003')
    assert.match(page.url(), /#\/fleet\?q=0003$/)
    await page.reload()
    await until('one machine after a reload', async () => (await names()).join() === 'SIM-0003')
  })

  test('a filter by status shows its machines, and their count', async () => {
    await world.show(page, 'fleet', 'Fleet')
    const silent = page.getByRole('button', { name: /^Silent/ })
    await silent.click()
    assert.match(page.url(), /status=silent/)
    await page.getByText('No machine matches the filters.').waitFor()
    const connected = page.getByRole('button', { name: /^Connected 4$/ })
    await connected.click()
    await until('all four are connected', async () => (await names()).length === 4)
    assert.equal(await connected.getAttribute('aria-pressed'), 'true')
    assert.match(page.url(), /status=connected/)
  })

  test('a machine is followed on the map until the map is dragged', async () => {
    await world.show(page, 'fleet?machine=SIM-0002', 'Fleet')
    const follow = page.getByLabel('Follow')
    await follow.check()
    assert.match(page.url(), /follow=true/)
    const map = await page.locator('.fleet-map .map').boundingBox()
    const [x, y] = [map.x + map.width / 3, map.y + map.height / 3]
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 40, y + 40, { steps: 4 })
    await page.mouse.up()
    await until('the page follows no more', async () => !page.url().includes('follow'))
    assert.equal(await follow.isChecked(), false)
  })
})

// SIM-0002 comes through a site; SIM-0009 did, and the line of its site is away, so that no node shows it.
describe('fleet with machines of sites', () => {
  const heard_ms = Date.now() - 3 * 3600_000
  const away = { name: 'SIM-0009', connected: false, node: null, relayed: true, active_faults: null, values: {},
    seen: new Date(heard_ms).toISOString().replace('Z', '000Z') }
  let world, page
  const table = () => page.getByRole('region', { name: 'Machines' })
  const names = () => table().getByRole('link').allInnerTexts()
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => {
      const node = socket.connectToServer()
      node.onMessage((text) => {
        const message = JSON.parse(text)
        for (const one of message.machines ?? [])
          if (one.name === 'SIM-0002' && one.connected !== undefined) one.relayed = true
        socket.send(JSON.stringify(message))
      })
    })
    await page.route('**/api/v1/fleet?*', (route) => route.fulfill({ json: {
      machines: route.request().url().includes('relayed=true') ? [away] : [], incomplete: null, incomplete_nodes: [] } }))
    await page.route('**/api/v1/equipment-records?*', async (route) => {
      const answer = await route.fetch()
      const body = await answer.json()
      body.rows.push({ ...body.rows[0], name: away.name })
      await route.fulfill({ response: answer, json: body })
    })
    await page.goto(world.url)
    await isLive(page)
    await until('five machines', async () => (await names()).length === 5)
  })
  after(() => world.close(page))

  test('the list marks them, and a screen reader hears as of when', async () => {
    await table().getByRole('cell', { name: /^SIM-0002 by its site, as of \d+ s ago$/ }).waitFor()
    await table().getByRole('cell', { name: 'SIM-0009 by its site, as of 3 h ago', exact: true }).waitFor()
    await table().getByRole('cell', { name: 'SIM-0001', exact: true }).waitFor()
    assert.equal(await table().getByText('site', { exact: true }).count(), 2)
    assert.match(await table().getByTitle(/^by its site, as of/).last().getAttribute('title'), /as of 3 h ago$/)
    assert.deepEqual(await world.axe(page), [])
    for (const row of await table().locator('tbody tr[data-row]').all()) // the list scrolls by rows of this height
      assert.ok((await row.boundingBox()).height <= 41)
  })

  test('the order and the filters take them as any other machine', async () => {
    await table().getByRole('button', { name: 'Machine' }).click()
    await until('the names go down', async () =>
      (await names()).join() === 'SIM-0009,SIM-0004,SIM-0003,SIM-0002,SIM-0001')
    await page.getByRole('button', { name: /^Silent 1$/ }).click()
    await until('the one that is away', async () => (await names()).join() === 'SIM-0009')
    await world.show(page, 'fleet?q=0002', 'Fleet')
    await until('one machine', async () => (await names()).join() === 'SIM-0002')
    assert.equal(await table().getByText('site', { exact: true }).count(), 1)
  })

  test('what is selected says it in the words of the page of the machine', async () => {
    await world.show(page, 'fleet?machine=SIM-0002', 'Fleet')
    const selected = page.getByRole('region', { name: 'Selected machine' })
    await selected.getByText(/^by its site, as of \d+ s ago$/).waitFor()
    await world.show(page, 'fleet?machine=SIM-0001', 'Fleet')
    await selected.getByText('SIM-0001').waitFor()
    assert.equal(await selected.getByText('by its site').count(), 0)
  })
})
