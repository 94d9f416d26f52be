// The page of a node with users: a login, what each role sees, and the end of a session.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { World, until } from './world.mjs'

const world = new World()
let password
before(async () => {
  const said = execFileSync(path.join(process.env.FURROW_BIN, 'furrowd'),
    ['init', '--database', `sqlite:${world.folder}/furrow.db`],
    { encoding: 'utf8', env: { ...process.env, FURROW_CONFIG: '/dev/null' } })
  password = said.match(/password:?\s+(\S+)/i)[1]
  await world.startNode()
  await world.openBrowser()
  const admin = await world.logIn('admin', password)
  for (const [farm, role] of [['north', 'viewer'], ['south', 'viewer']]) {
    await admin.post('/api/v1/users', { name: 'anna', farm, role, password: `harvest in ${farm}` })
    const made = await admin.post('/api/v1/tokens', { name: `gateway of ${farm}`, farm, role: 'gateway' })
    world.start('furrow-sim', ['run', '--node', world.gateway, '--machines', '2', '--rate', '50', '--seconds', '3600',
      '--quiet', '--prefix', `${farm.toUpperCase()}-`, '--token', made.token])
  }
})
after(() => world.end())

const log_in = async (page, user, secret) => {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
}

test('a wrong password is refused, the right one opens the page, and logging out closes it', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
  assert.deepEqual(await world.axe(page), [])
  await log_in(page, 'north/anna', 'not this one')
  await page.getByRole('alert').filter({ hasText: 'wrong user or password' }).waitFor()
  await log_in(page, 'north/anna', 'harvest in north')
  await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor()
  await page.getByText('anna').first().click()
  await page.getByRole('button', { name: /log out/i }).click()
  await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
  assert.deepEqual(page.faults, [])
  await page.context().close()
})

test('a viewer sees the machines of the own farm alone, and no screen that the role does not allow', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await log_in(page, 'north/anna', 'harvest in north')
  await page.getByRole('link', { name: /^NORTH-/ }).first().waitFor()
  for (const at of ['fleet', 'faults', 'ledger', 'replay', 'fields', 'system', 'people']) {
    await page.goto(`${world.url}#/${at}`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await page.waitForTimeout(300)
    const text = await page.locator('body').innerText()
    assert.ok(!text.includes('SOUTH'), `${at} shows another farm`)
  }
  await page.goto(`${world.url}#/people`)
  await page.getByRole('heading', { level: 1, name: 'Not permitted' }).waitFor()
  assert.deepEqual(page.faults, [])
  await page.context().close()
})

test('a session that an admin ends is at its end in the open page, too', async () => {
  const page = await world.openPage()
  await page.goto(world.url)
  await log_in(page, 'south/anna', 'harvest in south')
  await page.getByRole('link', { name: /^SOUTH-/ }).first().waitFor()
  const admin = await world.logIn('admin', password)
  await admin.send('DELETE', '/api/v1/sessions?user=anna&farm=south')
  await until('the page asks for the login', () => page.getByRole('heading', { level: 1, name: 'Log in' }).isVisible())
  await page.context().close()
})
