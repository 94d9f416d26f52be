// The screens Ledger and System.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, text, until } from './world.mjs'

describe('operations', () => {
  let world, page
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(`${world.url}#/ledger`)
  })
  after(() => world.close(page))

  test('the ledger is one line, and a row for each stream', async () => {
    // Between two answers a machine may just have sent something.
    await text(page.locator('.verdict-good, .verdict-info'), /[Nn]othing is lost and nothing is doubled/)
    await until('the green line', () => page.locator('.verdict-good').isVisible(), 60)
    await text(page.locator('.verdict-good'), /^All [\d,]+ items that were sent are durable/)
    assert.equal(await page.getByRole('region', { name: 'Streams' }).locator('tbody tr[data-row]').count(), 4)
  })

  test('an actor is killed after a question, and its supervisor starts it again', async () => {
    await world.show(page, 'system?tab=actors&q=SIM-0002', 'System')
    const actor = page.getByRole('treegrid', { name: 'Actors' }).getByRole('row').filter({ hasText: 'SIM-0002' })
    await actor.last().click()
    await page.getByRole('button', { name: 'Kill…' }).click()
    const question = page.getByRole('dialog')
    assert.match(await question.innerText(), /Nothing is lost: gateways send again what was not durable/)
    await question.getByRole('button', { name: 'Kill', exact: true }).click()
    await page.getByRole('status').filter({ hasText: /was killed/ }).waitFor()
    await until('the machine has an actor again', () => actor.last().isVisible())
    await world.show(page, 'ledger?q=SIM-0002', 'Ledger')
    await text(page.getByRole('region', { name: 'Streams' }), /SIM-0002[\s\S]*(complete|on the way)/)
  })

  test('the parts of the system open, and say what they know', async () => {
    for (const [tab, said] of [['nodes', /n1[\s\S]*alive/], ['alarms', /alarm/i], ['gateways', /SIM-0001/],
      ['quarantine', /quarantine/i], ['log', /info/], ['database', /The database answers/]]) {
      await world.show(page, `system?tab=${tab}`, 'System')
      await text(page.locator('main'), said)
    }
  })
})
