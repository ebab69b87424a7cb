// SPDX-License-Identifier: BSD-3-Clause
// A public client of the QEMU Machine Protocol that nobody here wrote connects,
// looks around, resizes a memory device, and quits.
//
// usage: node look-and-resize.js SOCKET DEVICE SIZE; NODE_PATH names where
// qemu-qmp is installed.
'use strict';

const QMP = require('qemu-qmp');

const [socket, device, size] = process.argv.slice(2);
const path = '/machine/peripheral/' + device;
const qmp = new QMP();

function check(ok, what) {
  if (!ok) throw new Error(what);
}

function execute(command, args) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => error ? reject(error) : resolve(value);

    if (args) qmp.execute(command, args, done);
    else qmp.execute(command, done);
  });
}

function event(name) {
  return new Promise((resolve) => qmp.once(name, resolve));
}

// Every name that an entry refers to.
function* references(entry) {
  for (const key of ['arg-type', 'ret-type', 'element-type', 'type'])
    if (key in entry) yield entry[key];
  for (const inner of [...entry.members || [], ...entry.variants || []])
    yield* references(inner);
}

async function lookAround() {
  const version = qmp.version;
  const commands = (await execute('query-commands')).map((c) => c.name);
  const schema = await execute('query-qmp-schema');
  const byName = new Map(schema.map((entry) => [entry.name, entry]));

  check(/paramem/.test(version.package), 'the greeting is not paramem\'s');
  console.log(`connected to ${version.package}`);
  for (const entry of schema)
    for (const name of references(entry))
      check(byName.has(name), `${entry.name} refers to no ${name}`);
  for (const name of commands)
    check(byName.get(name)['meta-type'] === 'command', `${name} is unknown`);
  console.log(`${commands.length} commands, ${schema.length} entries of the ` +
              'schema, and all that they name is there');

  const cpus = await execute('query-cpus-fast');
  check(cpus.length === 2, `there are ${cpus.length} CPUs`);
  for (const cpu of cpus) {
    check(cpu['thread-id'] > 0, 'a CPU has no thread');
    console.log(`CPU ${cpu['cpu-index']} is thread ${cpu['thread-id']}, ` +
                `at ${cpu['qom-path']}`);
  }
}

// All objects of the tree. The client takes a value of false, 0 or "" for no
// reply, so that properties are not read here.
async function walk(at, depth) {
  for (const {name, type} of await execute('qom-list', {path: at})) {
    if (!type.startsWith('child<')) continue;
    console.log(`${'  '.repeat(depth)}${name}: ${type}`);
    await walk(await execute('qom-get', {path: at, property: name}),
               depth + 1);
  }
}

async function resize() {
  await execute('qom-set', {path, property: 'requested-size',
                            value: Number(size)});
  const is = await execute('qom-get', {path, property: 'requested-size'});
  const devices = await execute('query-memory-devices');

  check(is === Number(size), `requested-size is ${is}`);
  check(devices[0].data['requested-size'] === Number(size),
        'query-memory-devices does not know of it');
  console.log(`${device}: ${is} bytes requested`);
}

async function main() {
  await new Promise((resolve, reject) =>
    qmp.connect(socket, (error) => error ? reject(error) : resolve()));
  await lookAround();
  await walk('/', 0);
  await resize();

  const over = event('shutdown');
  await execute('quit');
  await over;
  console.log('the machine has said goodbye');
}

main().then(() => process.exit(0), (error) => {
  console.error(`look-and-resize: ${error.message}`);
  process.exit(1);
});
