/** Every change of an operator that an upgrade must act on, up to opset 24. */
import { removeAttribute } from '../attributes';
import { broadcastAdapters } from './broadcast';
import type { Adapter, AdapterTable } from './context';
import { defaultAdapters } from './defaults';
import { experimentalAdapters } from './experimental';
import { groupNormAdapters } from './group-norm';
import { inputAdapters } from './inputs';
import { normalizationAdapters } from './normalization';
import { resizeAdapters } from './resize';
import { scanAdapters } from './scan';
import { softmaxAdapters } from './softmax';

/** A hint to share memory, on most operators of opset 1; gone since 6. */
const dropConsumed: Adapter = (node) => {
  removeAttribute(node, 'consumed_inputs');
};

/** Operators not listed changed only by accepting more (types, attributes, negative axes). */
export const ADAPTERS: AdapterTable = {
  ...inputAdapters,
  ...broadcastAdapters,
  ...softmaxAdapters,
  ...normalizationAdapters,
  ...groupNormAdapters,
  ...resizeAdapters,
  ...defaultAdapters,
  ...experimentalAdapters,
  ...scanAdapters,
};

/** The next adapter of an operator above a version, if one is needed on the way to `to`. */
export function nextAdapter(
  opType: string,
  from: number,
  to: number,
): readonly [since: number, adapter: Adapter] | undefined {
  const own = (Object.hasOwn(ADAPTERS, opType) ? ADAPTERS[opType]! : []).find(
    ([since]) => since > from && since <= to,
  );
  if (from < 6 && (!own || own[0] >= 6)) return [6, own?.[0] === 6 ? both(own[1]) : dropConsumed];
  return own;
}

function both(adapter: Adapter): Adapter {
  return (node, c) => {
    dropConsumed(node, c);
    return adapter(node, c);
  };
}
