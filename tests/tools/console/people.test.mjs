// The page of a node with users: a login, what each role sees, who is added and revoked, and the end of a session.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { World, text, until } from './world.mjs'

describe('people', () => {
  const world = new World()
  let admin, admin_password, page
  before(async () => {
    const said = execFileSync(path.join(process.env.FURROW_BIN, 'furrowd'),
      ['init', '--database', `sqlite:${world.folder}/furrow.db`],
      { encoding: 'utf8', env: { ...process.env, FURROW_CONFIG: '/dev/null' } })
    admin_password = said.match(/password:?\s+(\S+)/i)[1]
    await world.startNode()
    admin = await world.logIn('admin', admin_password)
    for (const farm of ['north', 'south']) {
      await admin.post('/api/v1/users', { name: 'anna', farm, role: 'viewer', password: `harvest in ${farm}` })
      const made = await admin.post('/api/v1/tokens', { name: `gateway of ${farm}`, farm, role: 'gateway' })
      world.start('furrow-sim', ['run', '--node', world.gateway, '--machines', '2', '--rate', '50', '--seconds', '3600',
        '--quiet', '--prefix', `${farm.toUpperCase()}-`, '--token', made.token])
    }
    page = await world.openPage()
    await page.goto(world.url)
  })
  after(() => world.close(page))

  const logIn = async (user, password) => {
    await page.goto(`${world.url}#/fleet`)
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
    await page.getByLabel('User', { exact: true }).fill(user)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Log in' }).click()
  }
  const logOut = async () => {
    await page.locator('details.user summary').click()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
  }

  test('a wrong password is refused, the right one opens the page', async () => {
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
    assert.deepEqual(await world.axe(page), [])
    await logIn('north/anna', 'not this one')
    await page.getByRole('alert').filter({ hasText: 'wrong user or password' }).waitFor()
    await logIn('north/anna', 'harvest in north')
    await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor()
  })

  test('a viewer sees the machines of the own farm alone', async () => {
    await page.getByRole('link', { name: /^NORTH-/ }).first().waitFor()
    for (const [at, heading] of Object.entries({ fleet: 'Fleet', faults: 'Faults', ledger: 'Ledger', replay: 'Replay',
      fields: 'Fields', 'system?tab=gateways': 'System' })) {
      await world.show(page, at, heading)
      await page.waitForTimeout(300)
      const shown = await page.locator('body').innerText()
      assert.ok(!shown.includes('SOUTH'), `${at} shows another farm`)
    }
  })

  test('what a viewer may not do is not offered, and the node refuses it', async () => {
    await world.show(page, 'people?tab=users', 'People and tokens')
    await page.getByText('This login may not open this part.').waitFor()
    await world.show(page, 'system?tab=nodes', 'System')
    await page.getByText('Only a login for every farm may open this part.').waitFor()
    await world.show(page, 'system?tab=actors&q=NORTH-0001', 'System')
    await page.getByRole('row').filter({ hasText: 'NORTH-0001' }).last().click()
    await page.getByText(/Only an (operator or an )?admin/).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Kill…' }).count(), 0)
    await page.keyboard.press('Escape')
    const status = await page.evaluate(async () => {
      const { actors } = await (await fetch('/api/v1/actors')).json()
      const one = actors.find((actor) => actor.name.includes('NORTH-0001'))
      return (await fetch(`/api/v1/actors/${one.node}/${one.id}/kill`, { method: 'POST' })).status
    })
    assert.equal(status, 403)
    await logOut()
  })

  test('an admin adds a user, whose password is shown once and works', async () => {
    await logIn('admin', admin_password)
    await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor()
    await until('the farms are offered', async () => (await page.locator('header datalist option').evaluateAll(
      (options) => options.map((one) => one.value))).join() === 'default,north,south')
    await world.show(page, 'people', 'People and tokens')
    await page.getByRole('button', { name: 'Add a user…' }).click()
    await page.getByLabel('Name', { exact: true }).fill('ben')
    await page.locator('dialog input[name=farms]').fill('north')
    await page.getByRole('button', { name: 'Add the user' }).click()
    const secret = page.locator('dialog textarea')
    const password = await secret.inputValue()
    assert.ok(password.length >= 10)
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await text(page.getByRole('region', { name: 'Users' }), /north\/ben/)
    assert.ok(!(await page.content()).includes(password), 'the password is still in the page')
    await logOut()
    await logIn('north/ben', password)
    await page.getByRole('link', { name: /^NORTH-/ }).first().waitFor()
    await logOut()
  })

  test('a token that is revoked ends its gateways', async () => {
    await logIn('admin', admin_password)
    await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor()
    await world.show(page, 'people?tab=tokens', 'People and tokens')
    await page.getByRole('button', { name: 'Revoke south/gateway of south' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await until('the row is gone', async () =>
      await page.getByRole('button', { name: 'Revoke south/gateway of south' }).count() === 0)
    await until('its machines are not connected', async () => (await admin.send('GET', '/api/v1/gateways?farm=south'))
      .connected.length === 0)
    await logOut()
  })

  test('a session that an admin ends is at its end in the open page, too', async () => {
    await logIn('south/anna', 'harvest in south')
    await page.getByRole('link', { name: /^SOUTH-/ }).first().waitFor()
    await admin.send('DELETE', '/api/v1/sessions?user=anna&farm=south')
    await until('the page asks for the login', () =>
      page.getByRole('heading', { level: 1, name: 'Log in' }).isVisible())
    await page.getByText('The session has ended. Log in again.').waitFor()
  })
})
