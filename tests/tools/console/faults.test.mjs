// The screen Faults: what machines report, in words, with filters.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, text, until } from './world.mjs'

describe('faults', () => {
  let world, page
  const rows = () => page.getByRole('region', { name: 'Faults' }).locator('tbody tr[data-row]')
  before(async () => {
    world = await openNode()
    await until('a machine reports two faults',
      async () => JSON.parse(world.furrow('faults', '-o', 'json')).length >= 2, 60)
    page = await world.openPage()
    await page.goto(`${world.url}#/faults`)
  })
  after(() => world.close(page))

  test('active faults have words, a lamp and a count', async () => {
    await rows().first().waitFor()
    const row = rows().filter({ hasText: 'voltage too high' }).first()
    assert.match(await row.innerText(), /SIM-000\d[\s\S]*amber[\s\S]*97[\s\S]*3 voltage too high/)
    await text(page.getByRole('status').filter({ hasText: 'faults of' }), /\d+ faults? of \d machines?: \d+ amber/)
  })

  test('filters by SPN and lamp are in the address', async () => {
    await page.getByRole('button', { name: '175' }).first().click()
    assert.match(page.url(), /spn=175/)
    await until('only SPN 175', async () => (await rows().allInnerTexts()).every((one) => one.includes('175')))
    await page.getByLabel('Lamp').selectOption('red')
    await page.getByText('No fault matches the filters.').waitFor()
    assert.match(page.url(), /lamp=red/)
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await rows().first().waitFor()
  })

  test('the history has each fault, and a fault leads to its machine', async () => {
    await page.getByRole('button', { name: 'History' }).click()
    await rows().first().waitFor()
    assert.match(page.url(), /state=history/)
    const link = rows().first().getByRole('link')
    const name = await link.innerText()
    await link.click()
    await page.getByRole('heading', { level: 1, name: `Machine ${name}` }).waitFor()
  })
})
