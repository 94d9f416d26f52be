// The screen CAN: frames as they come, by identifier and as a list.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, text, until } from './world.mjs'

describe('CAN', () => {
  let world, page
  const rows = () => page.getByRole('region', { name: 'Identifiers' }).locator('tbody tr[data-row]')
  const frames = async () => Number((await text(page.locator('.row'), /([\d,]+) frames/))[1].replaceAll(',', ''))
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(`${world.url}#/can/SIM-0001`)
  })
  after(() => world.close(page))

  test('each identifier has a row with its name, bytes and rate', async () => {
    await until('five identifiers', async () => await rows().count() >= 5)
    const row = rows().filter({ hasText: 'EEC1' }).first()
    await text(row, /0CF004\w\w[\s\S]*61444[\s\S]*[\d.]+ Hz/)
    await row.click()
    await page.getByRole('table', { name: 'Bits of the last payload' }).waitFor()
    await page.getByRole('table', { name: 'Decoded values' }).getByText('engine speed').first().waitFor()
    assert.match(page.url(), /id=/)
    await page.getByRole('button', { name: 'Close', exact: true }).click()
  })

  test('a filter leaves the identifiers that fit', async () => {
    await page.getByRole('searchbox', { name: 'Filter frames' }).fill('pgn:61444')
    await until('one identifier', async () => await rows().count() === 1)
    assert.match(decodeURIComponent(page.url()), /q=pgn:61444/)
    await page.getByRole('searchbox', { name: 'Filter frames' }).fill('')
  })

  test('frozen rows stand still', async () => {
    await page.getByRole('button', { name: 'Freeze' }).click()
    await page.getByText('frozen').waitFor()
    const before = await frames()
    await page.waitForTimeout(1000)
    assert.equal(await frames(), before)
    await page.getByRole('button', { name: 'Go on' }).click()
    await until('frames come again', async () => await frames() > before)
  })

  test('selected frames are copied as candump writes them', async () => {
    await page.getByRole('button', { name: 'Trail' }).click()
    await until('lines', async () => await page.locator('.trail-line').count() > 4)
    await page.getByRole('button', { name: 'Freeze' }).click()
    await page.locator('.trail-line').nth(0).click()
    await page.locator('.trail-line').nth(2).click({ modifiers: ['Shift'] })
    await page.getByRole('button', { name: 'Copy 3 selected frames' }).click()
    await page.getByText('3 frames copied as candump text.').waitFor()
    const copied = (await page.evaluate(() => navigator.clipboard.readText())).trim().split('\n')
    assert.equal(copied.length, 3)
    for (const line of copied) assert.match(line, /^\(\d+\.\d{6}\) can0 [0-9A-F]{8}#[0-9A-F]*$/)
  })

  test('older frames are read from the store', async () => {
    const now = Date.now()
    await world.show(page, `can/SIM-0001?view=stored&from=${new Date(now - 300_000).toISOString()}&to=${
      new Date(now).toISOString()}`, 'CAN SIM-0001')
    await until('stored lines', async () => await page.locator('.trail-line').count() > 4)
    assert.match(await page.getByRole('link', { name: 'Download as candump' }).getAttribute('href'),
      /\/api\/v1\/frames\?.*equipment=SIM-0001/)
  })
})
