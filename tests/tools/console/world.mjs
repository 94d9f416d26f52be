// What a test of the console needs: a real node, a simulated fleet, and a real Chromium that reaches nothing but this
// machine. All files share one browser and one open node. Everything that was started ends after the last test.
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRequire } from 'node:module'
import { after } from 'node:test'

// The packages are installed beside a copy of the console's sources.
const packages = createRequire(path.join(process.env.FURROW_CONSOLE, 'package.json'))
const { chromium } = packages('playwright-core')
const axe_source = readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8')

const bin = process.env.FURROW_BIN
const environment = { ...process.env, FURROW_CONFIG: '/dev/null' }
const wait_ms = 20_000

const worlds = []
let browser
const openBrowser = () => browser ??= chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-webgl', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-quic', '--js-flags=--expose-gc']
})
export async function endAll() {
  await (await browser)?.close()
  for (const one of worlds) one.end()
}
after(endAll)

let open_node
/** The node that most files use: without users, with four machines of a simulated fleet. */
export const openNode = () => open_node ??= (async () => {
  const world = new World()
  await world.startNode()
  world.startFleet(4)
  await until('four machines send', () => JSON.parse(world.furrow('equipment', '-o', 'json')).length === 4)
  return world
})()

/** Resolves with the first line of the program's output that matches. */
function said(child, pattern, seconds = 30) {
  return new Promise((resolve, reject) => {
    let text = ''
    const failed = (why) => reject(new Error(`${child.spawnfile}: ${why}; it printed: ${text}`))
    const late = setTimeout(() => failed(`no line like ${pattern} within ${seconds} s`), seconds * 1000)
    const hear = (bytes) => {
      text += bytes
      const found = text.match(pattern)
      if (found) {
        clearTimeout(late)
        resolve(found)
      }
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', (code) => failed(`ended with ${code}`))
  })
}

export async function until(what, check, seconds = 20) {
  const end = Date.now() + seconds * 1000
  let last
  while (Date.now() < end) {
    try {
      last = await check()
      if (last) return last
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what}: not within ${seconds} s; last: ${last}`)
}

export class World {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'furrow-console-'))
    this.children = []
    worlds.push(this)
    this.http = '127.0.0.1:0'
    this.gateway = '127.0.0.1:0'
  }

  /** A node on SQLite. A second call starts it again at the same addresses. */
  async startNode(...more) {
    const args = ['--node', 'n1', '--database', `sqlite:${this.folder}/furrow.db`, '--listen', this.gateway,
      '--http', this.http, ...more]
    this.node = this.start('furrowd', args)
    const ready = await said(this.node, /^ready gateway=(\S+) .*http=(\S+)/m)
    this.gateway = ready[1]
    this.http = ready[2]
    this.url ??= process.env.FURROW_CONSOLE_DEV ? await this.startSources() : `http://${this.http}/`
  }

  /** The page from the sources in place of the one in furrowd, for who changes the console. */
  async startSources() {
    const dev = path.join(process.env.FURROW_CONSOLE, 'dev.mjs')
    const child = this.start(process.execPath, [dev, `http://${this.http}`, '0'])
    return (await said(child, /^(http:\S+)/m))[1]
  }

  startFleet(machines, rate = 50) {
    return this.start('furrow-sim', ['run', '--node', this.gateway, '--machines', String(machines), '--rate',
      String(rate), '--seconds', '3600', '--quiet'])
  }

  /** Machines at work in fields of their own since some time; resolves when the node has what they did. */
  async startWork(machines, since_s, rate = 100) {
    const fields = path.join(this.folder, 'fields.geojson')
    writeFileSync(fields, execFileSync(path.join(bin, 'furrow-sim'), ['fields', '--machines', String(machines)]))
    this.furrow('field', 'add', fields)
    this.start('furrow-sim', ['run', '--node', this.gateway, '--machines', String(machines), '--at-work', '--since',
      String(since_s), '--rate', String(rate), '--seconds', '3600', '--quiet'])
    const last = `SIM-${String(machines).padStart(4, '0')}`
    await until('what the machines did is stored', async () => {
      const from = new Date(Date.now() - 20_000).toISOString()
      return (await this.get(`/api/v1/equipment/${last}/telemetry?from=${from}`)).telemetry.length > 5
    }, 240)
  }

  start(program, args) {
    const child = spawn(path.resolve(bin, program), args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.resume()
    child.stderr.resume()
    this.children.push(child)
    return child
  }

  furrow(...args) {
    return execFileSync(path.join(bin, 'furrow'), args,
      { env: { ...environment, FURROW_AT: `http://${this.http}` }, encoding: 'utf8' })
  }

  async send(method, target, body, token) {
    const answer = await fetch(`http://${this.http}${target}`, { method, body: body && JSON.stringify(body),
      headers: token ? { Authorization: `Bearer ${token}` } : {} })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }

  get(target) {
    return this.send('GET', target)
  }

  /** Requests in the name of a user. */
  async logIn(user, password) {
    const { token } = await this.send('POST', '/api/v1/login', { user, password })
    return { token, send: (method, target, body) => this.send(method, target, body, token),
      post: (target, body) => this.send('POST', target, body, token) }
  }

  /** A page that notes errors of its script, broken requests of its own, and every request that leaves the node. */
  async openPage(options = {}) {
    const context = await (await openBrowser()).newContext({ viewport: { width: 1280, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'], ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(wait_ms)
    page.faults = []
    page.strangers = []
    page.on('pageerror', (error) => page.faults.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error' && /Content Security Policy|Uncaught/.test(line.text())) page.faults.push(line.text())
    })
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      const own = host === new URL(this.url).host
      if (protocol !== 'data:' && protocol !== 'blob:' && !own) page.strangers.push(request.url())
    })
    return page
  }

  /** What axe finds wrong, a line each. */
  async axe(page) {
    await page.evaluate(axe_source) // the debugger may; a script element would be refused by the page's own policy
    const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }))
    return found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 3)}`)
  }

  /** Goes to a screen of an open page, and waits for its heading. */
  async show(page, at, heading) {
    await page.goto(`${this.url}#/${at}`)
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  }

  /** Nothing of the page's script has failed, and it asked nobody but the node. Closes the page. */
  async close(page) {
    await page.context().close()
    if (page.faults.length + page.strangers.length > 0)
      throw new Error(`the page failed: ${[...page.faults, ...page.strangers].join('; ')}`)
  }

  end() {
    for (const child of this.children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export const isLive = (page) => page.getByRole('status').filter({ hasText: /^live$/ }).first().waitFor()
/** The text of a part of the page once it fits. */
export const text = (of, pattern) => until(`the text ${pattern}`, async () => (await of.innerText()).match(pattern))
