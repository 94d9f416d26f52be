// What a test of the console needs: a real node, a simulated fleet, and a real Chromium that reaches nothing but this
// machine. Everything that was started ends with `end()`.
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRequire } from 'node:module'

// The packages are installed beside a copy of the console's sources.
const packages = createRequire(path.join(process.env.FURROW_CONSOLE, 'package.json'))
const { chromium } = packages('playwright-core')
const axe_source = readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8')

const bin = process.env.FURROW_BIN
const environment = { ...process.env, FURROW_CONFIG: '/dev/null' }

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
    this.url = `http://${this.http}/`
  }

  startFleet(machines, rate = 50) {
    return this.start('furrow-sim', ['run', '--node', this.gateway, '--machines', String(machines), '--rate',
      String(rate), '--seconds', '3600', '--quiet'])
  }

  start(program, args) {
    const child = spawn(path.join(bin, program), args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.resume()
    child.stderr.resume()
    this.children.push(child)
    return child
  }

  furrow(...args) {
    return execFileSync(path.join(bin, 'furrow'), args,
      { env: { ...environment, FURROW_AT: `http://${this.http}` }, encoding: 'utf8' })
  }

  /** Requests in the name of a user. */
  async logIn(user, password) {
    const send = async (method, target, body, token) => {
      const answer = await fetch(`http://${this.http}${target}`, { method, body: body && JSON.stringify(body),
        headers: token ? { Authorization: `Bearer ${token}` } : {} })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`)
      return JSON.parse(text)
    }
    const { token } = await send('POST', '/api/v1/login', { user, password })
    return { send: (method, target, body) => send(method, target, body, token),
      post: (target, body) => send('POST', target, body, token) }
  }

  async openBrowser() {
    this.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-webgl', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--disable-quic', '--js-flags=--expose-gc']
    })
  }

  /** A page that notes errors of its script, broken requests of its own, and every request that leaves the node. */
  async openPage(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    const page = await context.newPage()
    page.faults = []
    page.strangers = []
    page.on('pageerror', (error) => page.faults.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error' && /Content Security Policy|Uncaught/.test(line.text())) page.faults.push(line.text())
    })
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url())
      if (protocol !== 'data:' && protocol !== 'blob:' && host !== this.http) page.strangers.push(request.url())
    })
    return page
  }

  /** What axe finds wrong, a line each. */
  async axe(page) {
    await page.evaluate(axe_source) // the debugger may; a script element would be refused by the page's own policy
    const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }))
    return found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 3)}`)
  }

  async end() {
    await this.browser?.close()
    for (const child of this.children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}
