// Runs a CloudFront function on the events of a file, as the runtime would, and
// prints its answers. Arguments: the function's module, the file.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [module, file] = process.argv.slice(2);
const { store, now, events } = JSON.parse(readFileSync(file, 'utf8'));
globalThis.edgeStore = store;
Date.now = () => now;
const { handler } = await import(pathToFileURL(module));
const answers = [];
for (const request of events) {
  answers.push(await handler({ version: '1.0', context: { eventType: 'viewer-request' }, viewer: { ip: '198.51.100.7' }, request }));
}
process.stdout.write(JSON.stringify(answers));
