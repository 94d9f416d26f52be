// The screen Fields: draw, import, remove; a broken file is refused with its line.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { World, openNode, text, until } from './world.mjs'

const square = (west, south) => ({ type: 'Polygon', coordinates: [[[west, south], [west + 0.01, south],
  [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]] })
const file = (text) => ({ name: 'fields.geojson', mimeType: 'application/geo+json', buffer: Buffer.from(text) })

describe('fields', () => {
  let world, page
  const row = (name) => page.getByRole('region', { name: 'Fields', exact: true }).getByRole('row')
    .filter({ hasText: name })
  const choose = (text) => page.locator('input[type=file]').setInputFiles(file(text))
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(`${world.url}#/fields`)
    await page.getByText('No field yet.').waitFor()
  })
  after(() => world.close(page))

  test('a boundary that is drawn on the map becomes a field', async () => {
    await page.getByRole('button', { name: 'Draw a field' }).click()
    const map = await page.locator('.fields .map').boundingBox()
    const corner = (x, y) => page.mouse.click(map.x + map.width * x, map.y + map.height * y)
    await page.getByText('0 points').waitFor()
    for (const [x, y, said] of [[0.3, 0.3, '1 point'], [0.7, 0.3, '2 points'], [0.7, 0.7, '3 points']]) {
      await corner(x, y)
      await page.getByRole('status').filter({ hasText: new RegExp(`^${said}`) }).waitFor()
    }
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('status').filter({ hasText: /^2 points/ }).waitFor()
    await corner(0.5, 0.8)
    await page.getByRole('button', { name: 'Close the boundary' }).click()
    await page.getByLabel('Name').fill('Home <b>meadow')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 2, name: 'Home <b>meadow' }).waitFor()
    await page.getByRole('button', { name: 'All fields' }).click()
    await row('Home <b>meadow').waitFor()
  })

  test('GeoJSON is shown before it is stored, and then stored', async () => {
    await choose(JSON.stringify({ type: 'FeatureCollection', features: [
      { type: 'Feature', properties: { name: 'North 1', crop: 'wheat' }, geometry: square(10, 51) },
      { type: 'Feature', properties: { name: 'North 2' }, geometry: square(10.02, 51) }] }))
    await page.getByText('2 fields. All of them are stored, or none.').waitFor()
    await page.getByRole('button', { name: 'Import 2 fields' }).click()
    await page.getByRole('heading', { level: 2, name: 'North 1' }).waitFor()
    await page.getByRole('button', { name: 'All fields' }).click()
    assert.match(await row('North 1').innerText(), /78\.\d+ ha\s+wheat/)
    await row('North 2').waitFor()
  })

  test('a broken file is refused with its line and the reason, and the page goes on', async () => {
    await choose('{\n  "type": "Polygon",\n  "coordinates": [[[10, 51], [10, 52],]]\n}')
    await page.getByRole('alert').filter({ hasText: /The file was refused.*line 3/ }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click()
    await choose(JSON.stringify({ type: 'Polygon', coordinates: [[[51, 190], [52, 190], [52, 191], [51, 190]]] }))
    await page.getByRole('alert').filter({ hasText: 'the latitude 190 is not within -90 to 90' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click()
    await row('North 1').waitFor()
  })

  test('a field is removed after a question', async () => {
    await row('North 1').click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('button', { name: 'Remove the field' }).click()
    await until('one field less', async () => await row('North 1').count() === 0 && await row('North 2').isVisible())
  })
})

describe('work in a field', () => {
  test('the sections of the implement say what is worked, and the yield is shown', async () => {
    const world = new World()
    await world.startNode()
    const from = new Date(Date.now() - 600_000).toISOString()
    await world.startWork(4, 600, 50)
    const page = await world.openPage()
    await page.goto(`${world.url}#/fields?field=Stony%20piece&machines=SIM-0004&from=${from}&to=${
      new Date(Date.now() + 60_000).toISOString()}`)
    await page.getByText('the section states of Combine 7.5 m of SIM-0004').waitFor()
    const work = page.getByRole('region', { name: 'Work in this field' })
    const [, part] = await text(work, /Worked area\s+[\d.]+ ha \((\d+) % of the field\)/)
    assert.ok(Number(part) >= 3 && Number(part) < 20, `${part} % of the field after ten minutes`)
    const [, yieldTpha] = await text(work, /Yield\s+([\d.]+) t\/ha/)
    assert.ok(Number(yieldTpha) > 5 && Number(yieldTpha) < 12, `${yieldTpha} t/ha`)
    assert.deepEqual(await world.axe(page), [])
    await world.close(page)
    world.end()
  })
})
