// A node that answers every request of a screen with an error: the screen says so, and the page goes on.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isLive, openNode } from './world.mjs'

const screens = {
  'machine/SIM-0001': 'Machine SIM-0001', 'faults': 'Faults', 'replay?machines=SIM-0001': 'Replay',
  'fields': 'Fields', 'can/SIM-0001?view=stored': 'CAN SIM-0001', 'definitions': 'Definitions', 'ledger': 'Ledger',
  'system': 'System', 'system?tab=actors': 'System', 'people?tab=audit': 'People and tokens'
}
const problem = JSON.stringify({ error: { code: 'internal', message: 'the disk is full', hint: 'make room' } })

describe('bad answers', () => {
  let world, page
  let bad = false
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.route('**/api/v1/**', (route) => bad
      ? route.fulfill({ status: 500, contentType: 'application/json', body: problem }) : route.fallback())
    await page.goto(world.url)
    await isLive(page)
  })
  after(() => world.close(page))

  for (const [at, heading] of Object.entries(screens))
    test(`${at}: an answer of 500 is shown in words, and the next screen works`, async () => {
      bad = true
      await world.show(page, at, heading)
      await page.locator('main').getByText('the disk is full').first().waitFor()
      bad = false
      await world.show(page, 'fleet', 'Fleet')
      await page.getByRole('link', { name: 'SIM-0001' }).first().waitFor()
    })

  test('the fleet goes on with the live view', async () => {
    bad = true
    await world.show(page, 'fleet', 'Fleet')
    await page.getByRole('link', { name: 'SIM-0001' }).first().waitFor()
    bad = false
    assert.equal(await page.locator('main').getByText('has failed').count(), 0)
  })
})
