// The screen Replay: machines over map and charts on one cursor.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, until } from './world.mjs'

describe('replay', () => {
  let world, page
  before(async () => {
    world = await openNode()
    await until('rows of telemetry are stored', async () =>
      (await world.get('/api/v1/equipment/SIM-0002/telemetry')).telemetry.length > 5, 60)
    page = await world.openPage()
    const now = Date.now()
    const range = `from=${new Date(now - 600_000).toISOString()}&to=${new Date(now + 60_000).toISOString()}`
    await page.goto(`${world.url}#/replay?machines=SIM-0001,SIM-0002&${range}`)
  })
  after(() => world.close(page))

  test('the totals of two machines are shown, and a chart', async () => {
    const totals = page.locator('.totals')
    for (const name of ['SIM-0001', 'SIM-0002']) await totals.getByText(name).first().waitFor()
    await page.locator('.replay-charts canvas').first().waitFor()
  })

  test('it plays: the cursor moves, and pictures are drawn', async () => {
    await page.getByRole('combobox', { name: 'Speed' }).selectOption('5')
    const state = () => page.evaluate(() => ({ pictures: globalThis.furrowReplay.pictures,
      at: globalThis.furrowReplay.at }))
    const before = await state()
    await page.getByRole('button', { name: 'Play' }).click()
    await until('ten pictures', async () => (await state()).pictures > before.pictures + 10)
    await page.getByRole('button', { name: 'Pause' }).click()
    assert.ok((await state()).at > before.at, 'the cursor does not move')
    await until('the address has the cursor and the speed', () => /at=.*speed=5/.test(page.url()))
  })

  test('the space bar plays and arrow keys step', async () => {
    const at = () => page.evaluate(() => globalThis.furrowReplay.at)
    await page.getByRole('heading', { level: 1 }).focus()
    const before = await at()
    await page.keyboard.press('ArrowLeft')
    assert.ok(await at() <= before)
    await page.keyboard.press(' ')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.keyboard.press(' ')
    await page.getByRole('button', { name: 'Play' }).waitFor()
  })

  test('a range without data says so', async () => {
    await world.show(page, 'replay?machines=SIM-0001&from=2020-05-01T06:00:00Z&to=2020-05-01T07:00:00Z', 'Replay')
    await page.getByText('No data in this range. Choose').waitFor()
  })
})
