/**
 * The thread that computes statistics while the calling thread runs the model: the script of a `Worker`, bundled by
 * itself as dist/statistics-thread.js. An error ends it, and its parent hears of it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { free } from '../numeric/free';
import { StatisticsCollector } from './statistics-collector';
import type { FromThread, ThreadData, ToThread } from './statistics-protocol';

const { tensors, before, depth } = workerData as ThreadData;
const collector = new StatisticsCollector(tensors, before, depth);
const post = (message: FromThread) => parentPort!.postMessage(message);

parentPort!.on('message', (message: ToThread) => {
  if (message.kind === 'snapshot') post({ kind: 'snapshot', data: collector.snapshot() });
  else {
    collector.add(message.position, message.parts);
    free(...message.parts.flatMap((part) => ('data' in part ? [part.data] : [])));
    post({ kind: 'done' });
  }
});
