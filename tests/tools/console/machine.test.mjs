// The screen Machine: values, and charts of any signals over any time.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, until } from './world.mjs'

describe('machine', () => {
  let world, page
  const charts = (page) => page.locator('.chart')
  before(async () => {
    world = await openNode()
    await until('the speed of the engine is stored', async () =>
      (await world.get('/api/v1/equipment/SIM-0001/signals')).signals
        .some((one) => one.name === 'EEC1.engine_speed'), 90)
    page = await world.openPage()
    await page.goto(`${world.url}#/machine/SIM-0001`)
  })
  after(() => world.close(page))

  /** Dark or coloured pixels of the chart's canvas: a line is drawn. */
  const points = (chart) => chart.evaluate((element) => {
    const canvas = element.querySelector('canvas')
    const wanted = getComputedStyle(document.documentElement).getPropertyValue('--line-1').trim()
    const probe = document.createElement('canvas').getContext('2d')
    probe.fillStyle = wanted
    probe.fillRect(0, 0, 1, 1)
    const [r, g, b] = probe.getImageData(0, 0, 1, 1).data
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    let found = 0
    for (let i = 0; i < data.length; i += 4)
      found += Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 30 && data[i + 3] > 200
    return found
  })

  test('values have a unit, an age and a source', async () => {
    const row = page.getByRole('region', { name: 'Values' }).getByRole('row').filter({ hasText: 'engine speed' })
    await row.first().waitFor()
    assert.match(await row.first().innerText(), /\d rpm\s+\d+ s ago/)
    await page.getByText(/items are durable/).first().waitFor()
  })

  test('a signal that is chosen gets a chart with a line, and is in the address', async () => {
    await page.getByRole('button', { name: 'Choose signals…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('searchbox').fill('coolant')
    await dialog.getByRole('checkbox').first().check()
    await dialog.getByRole('button', { name: 'Close' }).click()
    assert.match(decodeURIComponent(page.url()), /signals=.*coolant/)
    await until('a chart of it', () => page.getByRole('group', { name: /coolant/ }).first().isVisible())
    await world.show(page, 'machine/SIM-0001?signals=engine_speed_rpm', 'Machine SIM-0001')
    await until('one chart with a line', async () =>
      await charts(page).count() === 1 && await points(charts(page)) > 20)
  })

  test('a range without data says so', async () => {
    const range = 'from=2020-05-01T06:00:00Z&to=2020-05-01T07:00:00Z'
    await world.show(page, `machine/SIM-0001?signals=engine_speed_rpm&${range}`, 'Machine SIM-0001')
    await page.getByText('No data in this range: engine speed.').waitFor()
    assert.equal(await charts(page).count(), 0)
  })

  test('a day is shown as the node gives it: single values, or means once there are more than pixels', async () => {
    await world.show(page, 'machine/SIM-0001?signals=engine_speed_rpm', 'Machine SIM-0001')
    await page.getByRole('button', { name: 'Day' }).click()
    assert.match(page.url(), /range=1d/)
    await until('one chart of the day with a line', async () =>
      await charts(page).count() === 1 && (await points(charts(page)) > 20
        || await page.getByText(/means of \d+ (s|min)/).isVisible()))
    await page.goto(`${world.url}#/machine/SIM-0001`)
    await charts(page).first().waitFor()
  })

  test('means of a minute are called so', async () => {
    const minutes = [3, 2, 1].map((ago) => (Math.floor(Date.now() / 60_000) - ago) * 60_000_000)
    const three = [900, 950, 1000]
    await page.route('**/signals/*', (route) => route.fulfill({ json: { signal: 'EEC1.engine_speed', unit: 'rpm',
      bucket_s: 60, time_us: minutes, value: null, count: three, min: three, max: three, mean: three, last: three } }))
    await world.show(page, 'machine/SIM-0001?signals=engine_speed_rpm&range=1d', 'Machine SIM-0001')
    await page.getByText(/means of 1 min|means of 60 s/).waitFor()
    await page.unroute('**/signals/*')
  })

  test('a machine that does not exist is an error in words, and the page goes on', async () => {
    await world.show(page, 'machine/NOBODY', 'Machine NOBODY')
    await page.getByRole('alert').filter({ hasText: /NOBODY/ }).waitFor()
    await world.show(page, 'fleet', 'Fleet')
  })
})
