// Whether a page that is left open grows: what its heap and its document hold after a collection, while updates come in.
import assert from 'node:assert/strict'

/** The page's live streams give each change so many times, as `speed` times as many seconds would: the numbers differ a
 * little, and times are spread. Call it before the page opens. */
export async function hasten(page, speed) {
  const seen = { updates: 0 }
  await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((text) => {
      const message = JSON.parse(text)
      const at = (n) => n * speed
      if (message.at !== undefined) message.at = at(message.at)
      if (message.type !== 'delta') {
        socket.send(JSON.stringify(message))
        return
      }
      const last = message.at
      for (let i = 1; i <= speed; ++i) {
        const from = i === 1 ? at(message.from) : last - speed + i - 1
        const { id, ...between } = message
        socket.send(JSON.stringify({ ...(i === speed ? message : between), from, at: last - speed + i,
          machines: message.machines.map((one) => nudged(one, i, speed)) }))
        seen.updates += 1
      }
    })
  })
  return seen
}

function nudged(machine, i, speed) {
  if (!machine.values || machine.whole) return machine
  const values = Object.fromEntries(Object.entries(machine.values).map(([key, value]) => {
    if (typeof value === 'number') return [key, value + i / speed / 10]
    if (typeof value?.value !== 'number') return [key, value]
    return [key, { ...value, value: value.value + i / speed / 10,
      time: new Date(Date.parse(value.time) - (speed - i) * 1000 / speed).toISOString() }]
  }))
  return { ...machine, seq: machine.seq * speed + i, values }
}

/** Bytes of the heap and nodes of the document that a collection leaves. */
export async function held(page) {
  page.devtools ??= await page.context().newCDPSession(page)
  await page.devtools.send('HeapProfiler.collectGarbage')
  const { usedSize } = await page.devtools.send('Runtime.getHeapUsage')
  const { nodes } = await page.devtools.send('Memory.getDOMCounters')
  return { bytes: usedSize, nodes }
}

/** Measures again and again. Charts of a range take points until the range is full, so a start is not measured.
 * Bounds: of the least that was held in the second half against the least in the first. */
export async function watchGrowth(name, page, { warm_ms, every_ms, times, bytes_max, nodes_max }) {
  await page.waitForTimeout(warm_ms)
  const all = []
  for (let i = 0; i < times; ++i) {
    all.push(await held(page))
    if (i + 1 < times) await page.waitForTimeout(every_ms)
  }
  const least = (part, key) => Math.min(...part.map((one) => one[key]))
  const [first, second] = [all.slice(0, times / 2), all.slice(times / 2)]
  const grown = (key) => least(second, key) - least(first, key)
  const kib = all.map((one) => (one.bytes / 1024).toFixed(0)).join(' ')
  console.log(`${name}: heap ${kib} KiB, grown by ${grown('bytes')} bytes; `
    + `document ${all.map((one) => one.nodes).join(' ')} nodes`)
  assert.ok(grown('bytes') <= bytes_max, `the heap of ${name} grows by ${grown('bytes')} bytes`)
  assert.ok(grown('nodes') <= nodes_max, `the document of ${name} grows by ${grown('nodes')} nodes`)
}
