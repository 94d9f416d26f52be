// The screen Definitions: DBC files are loaded, compared, activated and removed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openNode, text, until } from './world.mjs'

const dbc = (signals) => Buffer.from(`VERSION ""
BU_: ECU
BO_ 2566834709 IMPLEMENT: 8 ECU
${signals.map((one) => ` SG_ ${one} Vector__XXX`).join('\n')}
`)
const first = dbc(['Pressure : 0|16@1+ (0.5,0) [0|0] "kPa"', 'Valve : 16|8@1+ (1,-10) [0|0] ""'])
const second = dbc(['Pressure : 0|16@1+ (0.25,0) [0|0] "kPa"', 'Valve : 16|8@1+ (1,-10) [0|0] ""'])
const engine = Buffer.from(`VERSION ""
BU_: ECU
BO_ 2364540158 ENGINE: 8 ECU
 SG_ Speed : 24|16@1+ (0.125,0) [0|8000] "rpm" Vector__XXX
BA_DEF_ "ProtocolType" STRING ;
BA_ "ProtocolType" "J1939";
`)
const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer })

describe('definitions', () => {
  let world, page
  const rows = () => page.getByRole('region', { name: 'DBC files' }).locator('tbody tr[data-row]')
  const differences = () => page.getByRole('region', { name: 'Differences' })
  const load = async (name, buffer) => {
    await page.getByRole('button', { name: 'Load a DBC file…' }).click()
    await page.locator('dialog input[type=file]').setInputFiles(file(name, buffer))
    await page.getByRole('button', { name: 'Load the file' }).click()
  }
  before(async () => {
    world = await openNode()
    page = await world.openPage()
    await page.goto(`${world.url}#/definitions`)
    await page.getByText('No DBC file is loaded.').waitFor()
  })
  after(() => world.close(page))

  test('a file is loaded for the farm, and its signals can be searched', async () => {
    await load('implement.dbc', first)
    await page.getByRole('status').filter({ hasText: 'implement.dbc is active' }).waitFor()
    await text(rows().first(), /implement\.dbc\s+farm default\s+active/)
    await text(page.getByRole('region', { name: 'Messages and signals' }), /Pressure[\s\S]*0\.5 × raw kPa/)
    await page.getByRole('searchbox', { name: 'Search messages and signals' }).fill('valve')
    await page.getByText('1 row shown').waitFor()
    assert.match(page.url(), /file=\d+.*signal=valve/)
    assert.deepEqual(await world.axe(page), [])
  })

  test('before it is loaded, a file is compared with the active one, and tried on frames of a machine', async () => {
    await page.getByRole('button', { name: 'Load a DBC file…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('input[type=file]').setInputFiles(file('implement.dbc', second))
    await dialog.getByLabel('Try it on the newest frames of').fill('SIM-0001')
    await dialog.getByRole('button', { name: 'Compare first' }).click()
    await text(dialog.getByRole('region', { name: 'Differences' }), /IMPLEMENT\.Pressure\s+factor\s+0\.5\s+0\.25/)
    await dialog.getByText(/frames the file decodes 0; the file before decodes 0/).waitFor()
    await dialog.locator('input[type=file]').setInputFiles(file('engine.dbc', engine))
    await dialog.getByRole('textbox', { name: 'Name' }).fill('engine.dbc')
    await dialog.getByRole('button', { name: 'Compare first' }).click()
    await text(dialog.getByRole('region', { name: 'Values of stored frames' }), /ENGINE\.Speed[\s\S]*rpm to/)
    await dialog.getByText('No active file of this name is replaced.').waitFor()
    await dialog.locator('input[type=file]').setInputFiles(file('broken.dbc', Buffer.from('\nBO_ nonsense\n')))
    await dialog.getByRole('button', { name: 'Compare first' }).click()
    await text(dialog.getByRole('alert'), /\b2\b/)
    assert.deepEqual(await world.axe(page), [])
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    assert.equal(await rows().count(), 1, 'nothing was loaded')
  })

  test('a new file of the name replaces it, and what has changed is said', async () => {
    await load('implement.dbc', second)
    await until('two files, one of them active', async () =>
      await rows().count() === 2 && await rows().getByText('not active').count() === 1)
    await text(differences(), /IMPLEMENT\.Pressure\s+factor\s+0\.5\s+0\.25/)
  })

  test('a file that cannot be read is refused with its line, and the page goes on', async () => {
    await load('broken.dbc', Buffer.from('\nBO_ nonsense\n'))
    await text(page.getByRole('dialog').getByRole('alert'), /\b2\b/)
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    assert.equal(await rows().count(), 2)
  })

  test('a file that is dropped on the screen opens the same question', async () => {
    await page.locator('.drop').evaluate((element) => {
      const data = new DataTransfer()
      data.items.add(new File(['VERSION ""'], 'dropped.dbc'))
      element.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
    })
    assert.equal(await page.getByRole('dialog').getByLabel('Name').inputValue(), 'dropped.dbc')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  })

  test('the older file is activated again, after what changes was shown', async () => {
    await rows().filter({ hasText: 'not active' }).click()
    await page.getByRole('button', { name: 'Activate…' }).click()
    const question = page.getByRole('dialog')
    await text(question, /IMPLEMENT\.Pressure\s+factor\s+0\.25\s+0\.5/)
    await question.getByRole('button', { name: 'Activate', exact: true }).click()
    await page.getByRole('status').filter({ hasText: 'is active again' }).waitFor()
    await text(page.getByRole('region', { name: 'File implement.dbc' }), /active for farm default/)
  })

  test('a file is downloaded as it was loaded, and removed after a question', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click()])
    const stream = await download.createReadStream()
    const parts = []
    for await (const one of stream) parts.push(one)
    assert.equal(Buffer.concat(parts).toString(), first.toString())
    await page.getByRole('button', { name: 'Remove…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the file' }).click()
    await until('one file is left', async () => await rows().count() === 1)
  })

  test('the other part shows what a machine decodes to', async () => {
    await world.show(page, 'definitions?tab=signals&machine=SIM-0001', 'Definitions')
    await text(page.getByRole('region', { name: 'Signals of SIM-0001' }), /EEC1\.engine_speed[\s\S]*rpm/)
  })
})
