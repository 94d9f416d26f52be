// npm's ws reads the live stream of a real node with a simulated fleet: what comes, what is refused, and how it ends.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'

const folder = mkdtempSync(path.join(tmpdir(), 'furrow-websocket-'))
const program = (name) => path.join(process.env.FURROW_BIN, name)
const patience_ms = 20_000
const children = []
let node
let http
let token

function start(name, args) {
  const child = spawn(program(name), args, { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return child
}

/** The first line of a program that matches. */
function said(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(() => reject(new Error(`no line like ${pattern}: ${text}`)), patience_ms)
    child.once('exit', (code) => reject(new Error(`${child.spawnfile} ended with ${code}: ${text}`)))
    child.stdout.on('data', (bytes) => {
      text += bytes
      const found = text.match(pattern)
      if (!found) return
      clearTimeout(late)
      resolve(found)
    })
  })
}

/** A client whose messages wait until they are asked for. */
class Client {
  constructor(query = '', options = {}, protocols = ['furrow.v1']) {
    this.socket = new WebSocket(`ws://${http}/api/v1/stream${query}`, protocols,
      { headers: { Authorization: `Bearer ${token}` }, ...options })
    this.waiting = []
    this.wake = () => {}
    this.ended = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)))
    this.socket.on('message', (bytes, isBinary) => {
      assert.equal(isBinary, false)
      this.waiting.push(JSON.parse(bytes))
      this.wake()
    })
  }

  async open() {
    await once(this.socket, 'open')
    return this
  }

  /** The next message, or the next of a type. */
  async next(type) {
    for (;;) {
      while (this.waiting.length === 0)
        await new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error(`no ${type ?? 'message'} came`)), patience_ms)
          this.wake = () => { clearTimeout(late); resolve() }
        })
      const message = this.waiting.shift()
      if (type === undefined || message.type === type) return message
    }
  }

  /** All pieces of the next snapshot as one. */
  async snapshot() {
    const first = await this.next('snapshot')
    for (let last = first; last.more;) {
      last = await this.next('snapshot')
      first.machines.push(...last.machines)
      Object.assign(first, { at: last.at, id: last.id, more: last.more })
    }
    return first
  }

  send(value) {
    this.socket.send(JSON.stringify(value))
  }

  close() {
    this.socket.close()
    return this.ended
  }
}

/** The status of an upgrade that is refused. */
const refused = (query, options, protocols) => new Promise((resolve, reject) => {
  const { socket } = new Client(query, options, protocols)
  socket.on('unexpected-response', (request, answer) => { request.destroy(); resolve(answer.statusCode) })
  socket.on('open', () => reject(new Error('it was accepted')))
  socket.on('error', () => {})
})

before(async () => {
  const [viewer, gateway] = ['viewer', 'gateway'].map((role) =>
    JSON.parse(execFileSync(program('furrow'), ['token', 'new', '--for-file', '--role', role, '-o', 'json'])))
  token = viewer.token
  writeFileSync(`${folder}/tokens.toml`, [viewer, gateway].map((one) =>
    `[[token]]\nsha256 = "${one.sha256}"\nfarm = "${one.farm}"\nrole = "${one.role}"\n`).join(''))
  writeFileSync(`${folder}/gateway.token`, `${gateway.token}\n`)
  node = start('furrowd', ['--node', 'n1', '--database', `sqlite:${folder}/furrow.db`, '--listen', '127.0.0.1:0',
    '--http', '127.0.0.1:0', '--tokens', `${folder}/tokens.toml`])
  const ready = await said(node, /^ready gateway=(\S+) .*http=(\S+)/m)
  http = ready[2]
  start('furrow-sim', ['run', '--node', ready[1], '--machines', '3', '--rate', '100', '--seconds', '600', '--quiet',
    '--token-file', `${folder}/gateway.token`])
  const client = await new Client('?signals=engine_speed_rpm&brief=true').open()
  const seen = new Set()
  while (seen.size < 3)
    for (const one of (await client.next()).machines ?? []) if (one.values?.engine_speed_rpm) seen.add(one.name)
  await client.close()
})

after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

test('hello, a snapshot, and deltas without a gap, uncompressed', async () => {
  const client = await new Client('?max_hz=50').open()
  assert.equal(client.socket.protocol, 'furrow.v1')
  assert.equal(client.socket.extensions, '') // ws offers permessage-deflate
  const hello = await client.next()
  assert.equal(hello.type, 'hello')
  assert.equal(hello.farm, 'default')
  const snapshot = await client.snapshot()
  assert.equal(snapshot.machines.length, 3)
  const known = new Map(snapshot.machines.map((one) => [one.name, one.seq]))
  let { at } = snapshot
  for (let i = 0; i < 30; ++i) {
    const delta = await client.next('delta')
    assert.equal(delta.from, at)
    assert.ok(delta.at > at)
    at = delta.at
    for (const one of delta.machines) {
      assert.ok(one.seq > known.get(one.name))
      known.set(one.name, one.seq)
    }
  }
  client.socket.ping('are you there')
  const [pong] = await once(client.socket, 'pong')
  assert.equal(String(pong), 'are you there')
  const code = await client.close() // without a code: the answer has 1000, or none, which ws tells as 1005
  assert.ok([1000, 1005].includes(code), `closed with ${code}`)
})

test('a subscription by message, frames by PGN, and resuming', async () => {
  const client = await new Client('?signals=none').open()
  client.send({ id: 'a', subscribe: { machines: ['SIM-0001'], signals: ['engine_*'], max_hz: 50,
    frames: { pgn: [61444] } } })
  assert.equal((await client.next('subscribed')).id, 'a')
  const snapshot = await client.snapshot()
  assert.deepEqual(snapshot.machines.map((one) => one.name), ['SIM-0001'])
  assert.ok(Object.keys(snapshot.machines[0].values).every((key) => key.startsWith('engine_')))
  const { machine, frames } = await client.next('frames')
  assert.equal(machine, 'SIM-0001')
  assert.ok(frames.length > 0 && frames.every((one) => one.pgn === 61444))
  client.send({ id: 2, subscribe: { max_hz: 9999 } })
  assert.equal((await client.next('error')).id, 2)
  const last = await client.next('delta')
  await client.close()
  const query = `?machines=SIM-0001&signals=engine_*&max_hz=50&frames=pgn:61444&resume=${last.id}`
  const again = await new Client(query).open()
  assert.equal((await again.next()).type, 'hello')
  const missed = await again.next('delta')
  assert.equal(missed.from, last.at)
  await again.close()
})

test('a client that stops reading gets the newest values when it goes on, and no gap', async () => {
  const client = await new Client('?max_hz=500').open()
  let { at } = await client.snapshot()
  client.socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  client.socket.resume()
  for (let i = 0; i < 100; ++i) {
    const delta = await client.next('delta')
    assert.equal(delta.from, at)
    at = delta.at
  }
  await client.close()
})

test('a ticket opens the stream once for a page of this node, and for no other page', async () => {
  const answer = await fetch(`http://${http}/api/v1/stream/tickets`,
    { method: 'POST', headers: { Authorization: `Bearer ${token}` } })
  const { ticket } = await answer.json()
  const query = `?signals=engine_speed_rpm&ticket=${ticket}`
  assert.equal(await refused(query, { headers: {}, origin: 'http://elsewhere.example' }), 403)
  const own = { headers: {}, origin: `http://${http}` }
  const second = await (await fetch(`http://${http}/api/v1/stream/tickets`,
    { method: 'POST', headers: { Authorization: `Bearer ${token}` } })).json()
  const client = await new Client(`?ticket=${second.ticket}`, own).open()
  assert.equal((await client.next()).type, 'hello')
  await client.close()
  assert.equal(await refused(`?ticket=${second.ticket}`, own), 401)
})

test('what is wrong is refused with its status, or closed with its code', async () => {
  assert.equal(await refused('', { headers: { Authorization: 'Bearer wrong' } }), 401)
  assert.equal(await refused('', { headers: {} }), 401)
  assert.equal(await refused('?max_hz=0'), 400)
  assert.equal(await refused('', {}, ['other.v1']), 400)
  assert.equal(await refused('', { protocolVersion: 8 }), 426)
  const closed = async (act) => {
    const client = await new Client().open()
    act(client.socket)
    return client.ended
  }
  assert.equal(await closed((socket) => socket.send(Buffer.from([1, 2, 3]))), 1003)
  assert.equal(await closed((socket) => socket.send('x'.repeat(20_000))), 1009)
  assert.equal(await closed((socket) => {
    for (let i = 0; i < 40; ++i) socket.send('{"id":1}')
  }), 1008)
})

test('a node that stops closes with 1001', async () => {
  const client = await new Client().open()
  await client.next('snapshot')
  node.kill('SIGTERM')
  assert.equal(await client.ended, 1001)
  const [code] = await once(node, 'exit')
  assert.equal(code, 0)
})
