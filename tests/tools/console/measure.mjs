// Measures the marks of the console on this machine, and prints a line each. It takes minutes, so no test runs it:
//   tests/tools/console/run TREE BUILD measure.mjs
// The node, the simulated fleet and the browser share the processors, so say what else ran.
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import path from 'node:path'
import { World, endAll, isLive, until } from './world.mjs'

const machines = 10_000
const day_s = 86_400
const replayed = ['D1', 'D2', 'D3', 'D4', 'D5', 'D6', 'D7', 'D8']

const report = (what, figure, mark) => console.log(`${what}: ${figure} (mark: ${mark})`)
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** CPU seconds of all processes of a program, from /proc. They hardly change with what else runs. */
function cpuOf(program) {
  let ticks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== program) continue
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended.
    }
  }
  return ticks / 100
}

async function measureFleet() {
  const world = new World()
  await world.startNode()
  world.start('furrow-sim', ['run', '--node', world.gateway, '--machines', String(machines), '--rate', '3', '--seconds',
    '3600', '--quiet'])
  await until('all machines send', async () =>
    (await (await fetch(`http://${world.http}/metrics`)).text()).match(/^furrow_sessions(?:{[^}]*})? (\d+)/m)?.[1]
      === String(machines), 180)
  await wait(20_000) // positions of all of them
  const page = await world.openPage()
  const spent = () => ['chromium', 'furrowd'].map(cpuOf)
  const [begin, before] = [performance.now(), spent()]
  const cpu = () => spent().map((now, i) => `${(now - before[i]).toFixed(2)} s of ${i ? 'the node' : 'the browser'}`)
  await page.goto(world.url)
  await page.waitForFunction(() => document.querySelector('tr[data-row]'), null, { polling: 'raf' })
  report(`fleet of ${machines} machines, first machines drawn`, `${
    seconds(performance.now() - begin)}, CPU ${cpu().join(' and ')}`, '<= 1.5 s')
  await page.waitForFunction((text) => document.body.innerText.includes(text), `${machines.toLocaleString('en')} shown`,
    { polling: 'raf' })
  console.log(`fleet of ${machines} machines, all of them drawn: ${
    seconds(performance.now() - begin)}, CPU ${cpu().join(' and ')}`)
  await isLive(page)
  await wait(5000)
  const [drawn, at] = [cpuOf('chromium'), performance.now()]
  await wait(30_000)
  const share = (cpuOf('chromium') - drawn) / ((performance.now() - at) / 1000)
  report('browser, all its processes, positions at 1 Hz', `${(100 * share).toFixed(0)} % of a core`, '<= 30 %')
  await world.close(page)
  world.end()
}

const hex = (value, bytes) => {
  const data = Buffer.alloc(4)
  data.writeUInt32LE(value >>> 0)
  return data.subarray(0, bytes).toString('hex').toUpperCase()
}

const season_days = 100
const season_step_s = 10
/** The engine speed of a season, a frame each ten seconds. */
function seasonLog(begin) {
  const lines = []
  for (let s = 0; s < season_days * day_s; s += season_step_s)
    lines.push(`(${begin + s}.000000) can0 0CF00400#FFFFFF${hex((1500 + 300 * Math.sin(s / 40_000)) * 8, 2)}FFFFFF`)
  return lines.join('\n') + '\n'
}

/** A machine that drives up and down a field: engine speed, wheel speed and position each second. */
function dayLog(begin, i) {
  const lines = []
  for (let s = 0; s < day_s; ++s) {
    const at = `(${begin + s}.000000) can0`
    const [lane, along] = [Math.floor(s / 120), s % 120]
    const north = 51.3 + i * 0.01 + (lane % 2 ? 120 - along : along) * 2.5e-5
    const east = 10 + i * 0.01 + lane * 1e-5
    const rpm = 1800 + 60 * Math.sin(s / 40) + 40 * Math.sin(s / 7)
    lines.push(`${at} 0CF00400#FFFFFF${hex(rpm * 8, 2)}FFFFFF`,
      `${at} 18FEF100#FF${hex(9.5 * 256, 2)}FFFFFFFFFF`,
      `${at} 18FEF31C#${hex((north + 210) * 1e7, 4)}${hex((east + 210) * 1e7, 4)}`)
  }
  return lines.join('\n') + '\n'
}

function load(world, name, text) {
  const log = path.join(world.folder, `${name}.log`)
  writeFileSync(log, text)
  execFileSync(path.join(process.env.FURROW_BIN, 'furrow-edge'), ['run', '--node', world.gateway, '--equipment', name,
    '--spool', `${log}.spool`, '--from', log, '--rate', 'max', '--until-durable'],
    { env: { ...process.env, FURROW_CONFIG: '/dev/null' }, stdio: 'pipe' })
}

/** Milliseconds from a click on a range of the charts to the picture of it. */
const clicked = (page, name) => page.evaluate((text) => new Promise((resolve) => {
  const started = performance.now()
  const look = () => {
    const drawn = document.querySelector('.chart canvas') && document.body.innerText.includes('means of')
      && !document.body.innerText.includes('Loading')
    if (drawn) requestAnimationFrame(() => resolve(performance.now() - started))
    else requestAnimationFrame(look)
  }
  ;[...document.querySelectorAll('button')].find((one) => one.textContent === text).click()
  look()
}), name)

async function measureSeason() {
  const world = new World()
  await world.startNode()
  load(world, 'S1', seasonLog(Math.floor(Date.now() / 1000) - season_days * day_s))
  const range = `from=${new Date(Date.now() - 2 * 3_600_000).toISOString()}`
  await until('the rollups of the last hours are there', async () =>
    (await world.get(`/api/v1/equipment/S1/rollup?signal=EEC1.engine_speed&bucket=minute&${range}`)).rollup.length > 60,
    300)
  const page = await world.openPage()
  await world.show(page, 'machine/S1?signals=engine_speed_rpm&range=1h', 'Machine S1')
  await page.getByText('No data in this range').or(page.locator('.chart canvas')).first().waitFor()
  await wait(2000)
  report(`chart of a season of ${season_days} days, click to drawn`, seconds(await clicked(page, 'Season')), '<= 0.7 s')
  await world.close(page)
  world.end()
}

async function measureDay() {
  const world = new World()
  await world.startNode()
  const begin = Math.floor(Date.now() / 1000) - day_s - 60
  for (const [i, name] of replayed.entries())
    load(world, name, dayLog(begin, i))
  const iso = (s) => new Date(s * 1000).toISOString()
  const rows = async (target, key) => (await world.get(target))[key].length
  const last_hour = `from=${iso(begin + day_s - 3600)}&to=${iso(begin + day_s)}`
  await until('the rollups of the last hour are there', async () =>
    await rows(`/api/v1/equipment/D8/rollup?signal=EEC1.engine_speed&bucket=minute&${last_hour}`, 'rollup') >= 59, 120)
  const page = await world.openPage()

  await world.show(page, 'machine/D1?signals=engine_speed_rpm&range=1h', 'Machine D1')
  await page.getByText('No data in this range').or(page.locator('.chart canvas')).first().waitFor()
  await wait(2000)
  report('chart of a day, click to drawn', seconds(await clicked(page, 'Day')), '<= 0.2 s')

  const started = performance.now()
  await world.show(page, `replay?machines=${replayed}&from=${iso(begin)}&to=${iso(begin + day_s)}&speed=100`, 'Replay')
  await page.waitForFunction(() => document.querySelector('.replay') && !document.querySelector('.loading-bar'),
    null, { timeout: 300_000 })
  console.log(`replay of 8 machines over a day, ${8 * day_s} rows: loaded in ${seconds(performance.now() - started)}`)
  await page.getByRole('button', { name: 'Play' }).click()
  await wait(2000)
  const pictures = () => page.evaluate(() => globalThis.furrowReplay.pictures)
  const [before, at] = [await pictures(), performance.now()]
  await wait(10_000)
  report('replay of 8 machines over a day at 100x',
    `${((await pictures() - before) / ((performance.now() - at) / 1000)).toFixed(0)} pictures/s`, '>= 20')
  await world.close(page)
  world.end()
}

console.log(`load before the run: ${loadavg().map((one) => one.toFixed(1)).join(' ')}`)
const asked = process.argv.slice(2)
if (asked.length === 0 || asked.includes('fleet')) await measureFleet()
if (asked.length === 0 || asked.includes('day')) await measureDay()
if (asked.length === 0 || asked.includes('season')) await measureSeason()
console.log(`load after the run: ${loadavg().map((one) => one.toFixed(1)).join(' ')}`)
await endAll()
process.exit()
