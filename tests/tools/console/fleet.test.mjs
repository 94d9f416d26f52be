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
