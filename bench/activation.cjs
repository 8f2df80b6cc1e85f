// A process of its own: loads and activates the extension with a `vscode` that answers everything and does nothing.
const Module = require('node:module');

const anything = new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : key === 'then' ? undefined : anything),
  set: () => true,
  apply: () => anything,
  construct: () => anything,
});
// the bundle copies the module's own members and takes the rest from its prototype
const editor = Object.create(anything);
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? editor : load(name, ...rest));

const start = performance.now();
const extension = require(process.argv[2]);
const loaded = performance.now();
extension.activate({ subscriptions: [], asAbsolutePath: (path) => path, extensionUri: anything });
const activated = performance.now();
process.send({ loadMs: loaded - start, activateMs: activated - loaded }, () => process.exit(0));
