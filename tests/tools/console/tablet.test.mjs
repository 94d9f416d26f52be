// Tablets: each screen upright and lying, light and dark, by finger; and each screen by the keyboard alone.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { World, isLive, until } from './world.mjs'

// The address of each screen and of its parts, and what is there once its data has come.
const rowOf = (region) => `[role=region][aria-label="${region}"] tbody tr[data-row]`
const screens = [
  ['fleet', 'Fleet', rowOf('Machines')],
  ['machine/SIM-0001', 'Machine SIM-0001', '.gauge'],
  ['faults', 'Faults', rowOf('Faults')],
  ['replay?machines=SIM-0001,SIM-0002', 'Replay', '.totals tbody tr'],
  ['fields', 'Fields', rowOf('Fields')],
  ['can/SIM-0001', 'CAN SIM-0001', rowOf('Identifiers')],
  ['can/SIM-0001?view=trail', 'CAN SIM-0001', '.trail'],
  ['definitions', 'Definitions', rowOf('DBC files')],
  ['definitions?tab=signals', 'Definitions', 'h1'],
  ['ledger', 'Ledger', rowOf('Streams')],
  ['system', 'System', rowOf('Nodes')],
  ['system?tab=alarms', 'System', 'h1'],
  ['system?tab=actors', 'System', '.tree-name'],
  ['system?tab=database', 'System', '.verdict'],
  ['system?tab=gateways', 'System', rowOf('Connected gateways')],
  ['system?tab=quarantine', 'System', 'h1'],
  ['system?tab=log', 'System', '.levels li'],
  ['people', 'People and tokens', rowOf('Users')],
  ['people?tab=tokens', 'People and tokens', rowOf('Tokens')],
  ['people?tab=sessions', 'People and tokens', rowOf('Sessions')],
  ['people?tab=audit', 'People and tokens', '[aria-label="Audit log"] tbody tr']
]

/** In the page: what scrolls sideways or stands beyond the right edge, and what is too small for a finger. */
function faultsOfLayout() {
  const named = (one) => `${one.tagName.toLowerCase()}.${one.className} "${one.textContent.trim().slice(0, 30)}"`
  const found = []
  if (document.scrollingElement.scrollWidth > innerWidth) found.push('the page scrolls sideways')
  for (const one of document.querySelectorAll('main, main *')) {
    if (one.closest('.map') || one.closest('.leaflet-container')) continue
    const { overflowX } = getComputedStyle(one)
    if (one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1 && /auto|scroll/.test(overflowX))
      found.push(`${named(one)} scrolls sideways: ${one.scrollWidth} in ${one.clientWidth}`)
  }
  for (const one of document.querySelectorAll('a, button, select, summary, input')) {
    const target = one.matches('input[type=checkbox], input[type=radio]') ? one.closest('label, td') ?? one : one
    const { width, height, right, left } = target.getBoundingClientRect()
    if (width === 0 || height === 0 || one.matches('.skip') || !one.checkVisibility()) continue
    if (right > innerWidth + 1 || left < 0) found.push(`${named(one)} is beyond the edge`)
    if (!one.matches('.leaflet-control-attribution a') && (width < 24 || height < 24))
      found.push(`${named(one)} is small: ${Math.round(width)} x ${Math.round(height)}`)
  }
  return [...new Set(found)]
}

describe('tablet', () => {
  const world = new World()
  let admin
  before(async () => {
    const said = execFileSync(path.join(process.env.FURROW_BIN, 'furrowd'),
      ['init', '--database', `sqlite:${world.folder}/furrow.db`],
      { encoding: 'utf8', env: { ...process.env, FURROW_CONFIG: '/dev/null' } })
    admin = { password: said.match(/password:?\s+(\S+)/i)[1] }
    await world.startNode()
    Object.assign(admin, await world.logIn('admin', admin.password))
    const { token } = await admin.post('/api/v1/tokens', { name: 'gateway', farm: 'default', role: 'gateway' })
    world.start('furrow-sim', ['run', '--node', world.gateway, '--machines', '3', '--rate', '50', '--seconds', '3600',
      '--quiet', '--token', token])
    await admin.post('/api/v1/users', { name: 'anna', farm: 'default', role: 'viewer',
      title: 'Anna of the upper farm', password: 'four words for anna' })
    await admin.post('/api/v1/fields?farm=default', { name: 'Upper field by the brook', crop: 'winter wheat',
      boundary: { type: 'Polygon', coordinates: [[[8, 49], [8.01, 49], [8.01, 49.01], [8, 49]]] } })
    const dbc = 'VERSION ""\nBO_ 100 IMPLEMENT: 8 X\n SG_ Pressure : 0|16@1+ (1,0) [0|0] "kPa" X\n'
    await fetch(`http://${world.http}/api/v1/dbc?farm=default&name=implement-of-the-upper-farm.dbc`,
      { method: 'POST', body: dbc, headers: { Authorization: `Bearer ${admin.token}` } })
    await until('faults and telemetry are stored', async () =>
      (await admin.send('GET', '/api/v1/faults?farm=default')).faults.length >= 2
      && (await admin.send('GET', '/api/v1/equipment/SIM-0002/telemetry?farm=default')).telemetry.length > 5, 90)
  })
  after(() => world.end())

  const logIn = async (page) => {
    await page.goto(`${world.url}#/fleet`)
    await page.getByLabel('User', { exact: true }).fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(admin.password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await isLive(page)
  }
  const open = async (page, [at, heading, shown]) => {
    await world.show(page, at, heading)
    await page.locator(shown).first().waitFor()
  }

  for (const [name, viewport, colorScheme] of [['lying', { width: 1024, height: 768 }, 'dark'],
    ['upright', { width: 768, height: 1024 }, 'light']])
    describe(`${name}, ${colorScheme}`, () => {
      let page
      before(async () => {
        page = await world.openPage({ viewport, colorScheme, hasTouch: true, isMobile: true })
        await logIn(page)
      })
      after(() => world.close(page))

      for (const screen of screens)
        test(`${screen[0]}: nothing scrolls sideways, and a finger hits every control`, async () => {
          await open(page, screen)
          let found
          await until('the layout fits', async () => {
            found = await page.evaluate(faultsOfLayout)
            return found.length === 0
          }, 5).catch(() => assert.deepEqual(found, []))
        })

      test('a finger opens screens, sorts, and shows the columns that were left out', async () => {
        await open(page, screens[0])
        await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Ledger' }).tap()
        const table = page.getByRole('region', { name: 'Streams' })
        await table.locator('tbody tr[data-row]').first().waitFor()
        await table.getByRole('button', { name: 'Sent' }).tap()
        await until('it is sorted', async () =>
          await table.locator('th[aria-sort]').innerText().then((text) => text.startsWith('Sent')))
        assert.equal(await table.getByRole('columnheader', { name: 'Stream' }).count(), 0)
        const more = page.getByRole('button', { name: /^Show \d+ more columns?$/ })
        await more.tap()
        await table.getByRole('columnheader', { name: 'Stream' }).waitFor()
        assert.equal(await more.getAttribute('aria-pressed'), 'true')
        await more.tap()
        await until('the columns are gone again', async () =>
          await table.getByRole('columnheader', { name: 'Stream' }).count() === 0)
      })
    })

  describe('keyboard', () => {
    let page
    before(async () => {
      page = await world.openPage({ viewport: { width: 1024, height: 768 } })
      await logIn(page)
    })
    after(() => world.close(page))

    for (const screen of screens)
      test(`${screen[0]}: Tab reaches the controls, each is seen, and none holds the focus`, async () => {
        await open(page, screen)
        await page.evaluate(() => document.activeElement?.blur())
        let inside = 0
        let left = false
        for (let i = 0; i < 300 && !left; ++i) {
          await page.keyboard.press('Tab')
          const here = await page.evaluate(() => {
            const one = document.activeElement
            if (one === null || one === document.body) return null
            const { left, top, right, bottom, width, height } = one.getBoundingClientRect()
            const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
            return { text: `${one.tagName} ${one.className} ${one.textContent.slice(0, 30)}`,
              inside: one.closest('main') !== null,
              seen: width > 0 && height > 0 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight,
              // A part of a control of the browser, such as its calendar, is marked by the browser.
              marked: !one.matches(':focus') || (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none' }
          })
          if (here === null) left = inside > 0 // the end of the page: the browser's own controls come next
          else {
            assert.ok(here.seen, `not in sight: ${here.text}`)
            assert.ok(here.marked, `no mark of the focus: ${here.text}`)
            inside += here.inside ? 1 : 0
          }
        }
        assert.ok(inside > 0, 'no control of the screen was reached')
        assert.ok(left, 'the focus never leaves the screen')
      })

    test('a row is opened and a menu closed with keys alone', async () => {
      await open(page, screens[0])
      await page.getByRole('link', { name: 'SIM-0001' }).first().focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: 'Machine SIM-0001' }).waitFor()
      await page.locator('details.user summary').focus()
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Log out' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Log out' }).waitFor({ state: 'hidden' })
    })
  })
})
