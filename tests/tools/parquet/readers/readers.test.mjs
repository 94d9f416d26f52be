// What `furrow export` writes as Parquet is read by DuckDB and by hyparquet; every value is that of the CSV.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const folder = mkdtempSync(path.join(tmpdir(), 'furrow-parquet-'))
const program = (name) => path.join(process.env.FURROW_BIN, name)
const database = `sqlite:${folder}/furrow.db`
let node
let url
let duck

/** The first line of a program that matches. */
function said(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(() => reject(new Error(`no line like ${pattern}: ${text}`)), 30_000)
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

/** Waits until the digest has all frames: the backlog is that of its last pass, which may have begun before they came. */
async function digested(http) {
  for (let tries = 0; tries < 300; ++tries) {
    const report = await (await fetch(`http://${http}/metrics`)).text()
    const figure = (name) => Number(report.match(new RegExp(`^furrow_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm'))?.[1])
    if (figure('digest_frames_total') >= figure('frames_durable_total') && figure('digest_items_behind') === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the digest does not catch up')
}

before(async () => {
  // Three minutes of a tractor.
  const log = openSync(`${folder}/t1.log`, 'w')
  execFileSync(program('furrow-sim'), ['log', '--seconds', '180', '--rate', '400', '--seed', '7'],
    { stdio: ['ignore', log, 'inherit'] })
  closeSync(log)
  node = spawn(program('furrowd'), ['--node', 'n1', '--database', database, '--listen', '127.0.0.1:0', '--http',
    '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ready = await said(node, /^ready gateway=(\S+) .*http=(\S+)/m)
  execFileSync(program('furrow-edge'), ['run', '--node', ready[1], '--equipment', 'T1', '--spool', `${folder}/t1.spool`,
    '--from', `${folder}/t1.log`, '--until-durable'], { stdio: 'ignore' })
  url = `http://${ready[2]}`
  await digested(ready[2])
  duck = await (await DuckDBInstance.create(':memory:')).connect()
})

after(() => {
  node?.kill()
  rmSync(folder, { recursive: true, force: true })
})

function exported(ending, ...words) {
  const file = `${folder}/out.${ending}`
  execFileSync(program('furrow'), ['export', ...words, '--database', database, '--equipment', 'T1', '--force', '-o',
    file], { stdio: ['ignore', 'ignore', 'pipe'] })
  return file
}

/** RFC 4180: rows of cells; an empty cell without quotes is null. */
function parsedCsv(text) {
  const rows = []
  let row = []
  for (let at = 0; at < text.length;) {
    let cell
    if (text[at] === '"') {
      cell = ''
      for (++at; ; ++at) {
        if (text[at] === '"' && text[++at] !== '"') break
        cell += text[at]
      }
    } else {
      const begin = at
      while (text[at] !== ',' && text[at] !== '\r') ++at
      cell = at === begin ? null : text.slice(begin, at)
    }
    row.push(cell)
    if (text[at++] === '\r') {
      assert.equal(text[at++], '\n')
      rows.push(row)
      row = []
    }
  }
  return rows
}

/** A value of a reader as the CSV writes it; numbers as numbers. */
function asCsv(value, cell) {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return cell !== null && Number(cell) === value ? cell : String(value)
  return value
}

const kinds = [
  ['signals', '--signals', 'EEC1.*,EEC2.*,CCVS1.*,ET1.*,DM1.*'],
  ['signals', '--wide', '--signals', 'EEC1.*,CCVS1.*,ET1.*,fuel*'],
  ['telemetry'],
  ['frames'],
  ['faults'],
  ['yield'],
]

for (const words of kinds)
  test(`parquet: ${words.join(' ')} is read alike by DuckDB, hyparquet and as CSV`, async () => {
    const [header, ...rows] = parsedCsv(readFileSync(exported('csv', ...words), 'utf8'))
    const file = exported('parquet', ...words)
    if (words[0] !== 'yield' && words[0] !== 'faults') assert.ok(rows.length > 100, `${rows.length} rows`)

    // DuckDB: times as microseconds, so that no digit is lost.
    const types = (await duck.runAndReadAll(`describe select * from '${file}'`)).getRowsJson()
    assert.deepEqual(types.map((one) => one[0]), header)
    const columns = types.map(([name, type]) => {
      const quoted = `"${name.replaceAll('"', '""')}"`
      if (type !== 'TIMESTAMP WITH TIME ZONE') return quoted
      return `strftime(${quoted} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`
    })
    const read = (await duck.runAndReadAll(`select ${columns} from '${file}'`)).getRows()
    compare(read, rows, header)

    // hyparquet gives times as Dates, to the millisecond; its raw values have all digits.
    const buffer = await asyncBufferFromFile(file)
    const parsers = { timestampFromMicroseconds: (us) => timeText(us) }
    const objects = await parquetReadObjects({ file: buffer, compressors, parsers })
    compare(objects.map((one) => header.map((name) => one[name])), rows, header)

    const metadata = await parquetMetadataAsync(buffer)
    assert.equal(Number(metadata.num_rows), rows.length)
    for (const group of metadata.row_groups) {
      assert.ok(group.num_rows <= 131_072n)
      for (const { meta_data: chunk } of group.columns) assert.equal(chunk.codec, 'ZSTD')
    }
    if (words.includes('--signals') && !words.includes('--wide')) assert.ok(metadata.row_groups.length > 1)

    // The statistics are those of the rows: DuckDB skips row groups by them.
    for (const [at, [name, type]] of types.entries())
      if (type === 'DOUBLE' || type === 'BIGINT') {
        const values = rows.map((row) => row[at]).filter((cell) => cell !== null).map(Number)
        const quoted = `"${name.replaceAll('"', '""')}"`
        const most = values.reduce((high, value) => Math.max(high, value), -Infinity)
        const greatest = `select count(*) from '${file}' where ${quoted} >= ${Number.isFinite(most) ? most : 0}::double`
        const found = (await duck.runAndReadAll(
          `select count(*), count(${quoted}), (${greatest}) from '${file}'`)).getRows()[0].map(Number)
        assert.deepEqual(found, [rows.length, values.length, values.filter((value) => value === most).length], name)
      }
  })

test('docs/export.md: its commands run, and its query reads the file', async () => {
  const page = readFileSync(process.env.FURROW_PAGE, 'utf8')
  const blocks = [...page.matchAll(/^ *```(\w*)\n([^]*?)^ *```$/gm)].map(([, language, text]) => ({ language, text }))
  const commands = blocks.filter((one) => one.language === '').map((one) => one.text).join('')
    .replaceAll('http://127.0.0.1:7480', url)
  assert.ok(commands.split('\n').length > 8)
  execFileSync('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: folder, stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env, PATH: `${process.env.FURROW_BIN}:${process.env.PATH}`, FURROW_DATABASE: database, FURROW_AT: url,
    },
  })
  const query = blocks.find((one) => one.language === 'sql').text.replace("'t1.parquet'", `'${folder}/t1.parquet'`)
  await duck.runAndReadAll(query)
  const all = (await duck.runAndReadAll(`select count(*) from '${folder}/t1-telemetry.parquet'`)).getRows()
  assert.ok(all[0][0] > 100n)
})

function timeText(us) {
  const second = us >= 0n ? us / 1_000_000n : -((-us + 999_999n) / 1_000_000n)
  const micros = String(us - second * 1_000_000n).padStart(6, '0')
  return `${new Date(Number(second) * 1000).toISOString().slice(0, 19)}.${micros}Z`
}

function compare(read, rows, header) {
  assert.equal(read.length, rows.length)
  for (let i = 0; i < rows.length; ++i)
    for (let at = 0; at < header.length; ++at) {
      const cell = rows[i][at]
      const value = asCsv(read[i][at], cell)
      if (value !== cell) assert.fail(`row ${i}, ${header[at]}: ${value}, in the CSV ${cell}`)
    }
}
