// The ground under the maps: a file of the node with its attribution, and files that are no map.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { World, until } from './world.mjs'

// A green tile of one pixel; browsers stretch it.
const tile = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const script = `
import base64, sqlite3, sys
file, kind, tile = sys.argv[1:4]
db = sqlite3.connect(file)
db.execute("create table metadata (name text, value text)")
db.execute("create table tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
for pair in {"name": "Test", "format": kind, "attribution": "© <a href='#'>Somebody</a> & others", "minzoom": "0",
             "maxzoom": "1"}.items():
    db.execute("insert into metadata values (?, ?)", pair)
for zoom in (0, 1):
    for x in range(2 ** zoom):
        db.execute("insert into tiles values (?, ?, ?, ?)", (zoom, x, 0, base64.b64decode(tile)))
db.commit()
`
const makeMap = (file, kind) => execFileSync('python3', ['-c', script, file, kind, tile])

describe('map', () => {
  let world, page
  before(async () => {
    world = new World()
    makeMap(path.join(world.folder, 'ground.mbtiles'), 'png')
    await world.startNode('--map', path.join(world.folder, 'ground.mbtiles'))
    page = await world.openPage()
  })
  after(() => world.close(page))

  test('the fleet is shown on the tiles of the file, with the words of who made them', async () => {
    await page.goto(world.url)
    await until('tiles', async () => await page.locator('img.leaflet-tile-loaded').count() > 0)
    const said = page.locator('.leaflet-control-attribution')
    assert.equal(await said.innerText(), '© Somebody & others')
    assert.equal(await said.getByRole('link').count(), 0)
    assert.deepEqual(await world.axe(page), [])
  })

  test('a tile that is known is not sent again, and where the map has none it is transparent', async () => {
    const ask = (where, headers = {}) => fetch(`http://${world.http}/map/${where}`, { headers })
    const south = await ask('1/0/1') // rows of the file count from the south
    assert.equal(south.headers.get('content-type'), 'image/png')
    const bytes = async (answer) => Buffer.from(await answer.arrayBuffer()).toString('base64')
    assert.equal(await bytes(south), tile)
    const again = await ask('1/0/1', { 'If-None-Match': south.headers.get('etag') })
    assert.equal(again.status, 304)
    const none = await ask('1/0/0')
    assert.equal(none.status, 200)
    assert.notEqual(await bytes(none), tile)
    assert.equal((await ask('1/2/0')).status, 404)
  })

  test('tiles of another server are the only other origin of the policy', async () => {
    const other = new World()
    const url = 'https://tiles.example.org/{z}/{x}/{y}.png'
    await other.startNode('--map-url', url, '--map-attribution', 'Somebody')
    const answer = await fetch(`http://${other.http}/`)
    assert.match(answer.headers.get('content-security-policy'),
      /img-src 'self' data: blob: https:\/\/tiles\.example\.org;/)
    assert.equal((await other.get('/api/v1/map')).tiles, url)
    other.end()
  })

  test('a file that is no map of pictures is refused with the reason', () => {
    const refused = (...args) => {
      const { status, stderr } = spawnSync(path.join(process.env.FURROW_BIN, 'furrowd'), ['--database',
        `sqlite:${world.folder}/other.db`, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', ...args],
        { env: { ...process.env, FURROW_CONFIG: '/dev/null' }, encoding: 'utf8' })
      assert.notEqual(status, 0)
      return stderr
    }
    const file = path.join(world.folder, 'other.mbtiles')
    assert.match(refused('--map', file), /other\.mbtiles: No such file/)
    writeFileSync(file, 'This is no database, but it is long enough to look like one to a program that looks.')
    assert.match(refused('--map', file), /other\.mbtiles: .*not a database/)
    const vector = path.join(world.folder, 'vector.mbtiles')
    makeMap(vector, 'pbf')
    assert.match(refused('--map', vector), /vector\.mbtiles: it has vector tiles \(pbf\); use a map of pictures/)
    assert.match(refused('--map-url', 'https://tiles.example.org/x.png', '--map-attribution', 'a'), /\{z\}, \{x\} and \{y\}/)
    assert.match(refused('--map-url', 'https://a.example/{z}/{x}/{y}'), /--map-attribution/)
  })
})
